"""What can be made to go wrong between the API server and its HTTP clients? What tests need to see survived."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request."""

    refused: bool = False
    forbidden: bool = False
    answer_lost: bool = False


class Faults:
    """The faults that are in force; none at first. A predicate gets a request's method and path."""

    def __init__(self) -> None:
        self._flows = asyncio.Event()
        self._flows.set()
        self.refuse: Callable[[str, str], bool] = _never
        """Which requests are answered with 503 and not carried out."""
        self.forbid: Callable[[str, str], bool] = _never
        """Which requests are answered with 403, as to somebody whose role lacks them."""
        self.lose_answer: Callable[[str, str], bool] = _never
        """Which requests are carried out, and their connection closed without an answer."""

    def stall(self) -> None:
        """Let requests wait, unread, until `flow`; open watches go on."""
        self._flows.clear()

    def flow(self) -> None:
        """Let requests through again."""
        self._flows.set()

    def clear(self) -> None:
        """End every fault."""
        self.refuse = self.forbid = self.lose_answer = _never
        self.flow()

    async def meet(self, method: str, path: str) -> Fate:
        """Wait as long as requests wait, and return what becomes of this one."""
        await self._flows.wait()
        if self.refuse(method, path):
            return Fate(refused=True)
        if self.forbid(method, path):
            return Fate(forbidden=True)
        return Fate(answer_lost=self.lose_answer(method, path))


def _never(_method: str, _path: str) -> bool:
    return False
