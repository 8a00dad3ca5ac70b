"""When may long work have the loop? One piece at a time, and then others have it for several times as long."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_OTHERS = 4  # times as long as the work took: a fifth of the loop at most goes to it
_MOST = 8  # behind the one whose turn it is


class TooManyError(Exception):
    """So many wait for their turn that one more would wait too long."""


class Turns:
    """Whose turn it is; first come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._asked = 0
        self._free_at = float("-inf")

    def over(self, began: float, now: float) -> None:
        """Take note that work that `began` then is over at `now` seconds."""
        self._free_at = now + _OTHERS * (now - began)

    def wait_s(self, now: float) -> float:
        """Return for how many seconds others have the loop still."""
        return max(0.0, self._free_at - now)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it as long as the block lasts.

        Raises:
            TooManyError: too many wait already.
        """
        if self._asked > _MOST:
            raise TooManyError
        self._asked += 1
        try:
            async with self._lock:
                await asyncio.sleep(self.wait_s(time.monotonic()))
                began = time.monotonic()
                try:
                    yield
                finally:
                    self.over(began, time.monotonic())
        finally:
            self._asked -= 1
