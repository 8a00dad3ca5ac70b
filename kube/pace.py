"""Did this program stand still? What it reads then may be old, and long given up by whoever asked.

A program that was stopped, or had no processor, finds what was sent meanwhile in its sockets, and reads it as if it had
come just now. Only from how long ago it had its last turns can it tell how old that may be.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

_log = logging.getLogger(__name__)

_PAUSE_S = 0.05


@dataclass(slots=True)
class Pace:
    """The turns that an event loop had, in seconds on one clock.

    It stood still where two of them are more than `longest_s` apart; for `doubt_s` after that, what is read may be from
    before.
    """

    longest_s: float
    doubt_s: float
    _before_last: float | None = None
    _last: float | None = None
    _doubtful_until: float = float("-inf")

    def turn(self, now: float) -> float:
        """Take note of a turn; return for how long the program stood still before it, 0 where it did not."""
        gone_s = self._gone_s(now)
        if gone_s:
            self._doubtful_until = now + self.doubt_s
        self._before_last, self._last = self._last, now
        return gone_s

    def stood_still(self, now: float) -> bool:
        """Tell whether what is read now may be from before the program stood still.

        After a stop sockets may be read before the next turn is taken, so the time since the last one counts too.
        """
        return now < self._doubtful_until or self._gone_s(now) > 0.0

    def asked_at(self, received_at: float) -> float:
        """Return a moment that is no later than when what was received at `received_at` was asked, nor that itself.

        Between two turns every socket is read: what was there at the last turn but one is not received after the last.
        """
        return received_at if self._before_last is None else min(self._before_last, received_at)

    async def watch(self, then: str) -> None:
        """Take the turns, without end; `then` says in the log what is done when the program stood still."""
        while True:
            gone_s = self.turn(time.monotonic())
            if gone_s:
                _log.warning("stood still: %s", then, extra={"seconds": round(gone_s, 1)})
            await asyncio.sleep(_PAUSE_S)

    def _gone_s(self, now: float) -> float:
        gone_s = 0.0 if self._last is None else now - self._last
        return gone_s if gone_s > self.longest_s else 0.0
