"""Which work is due? Keys of work, each at most once, never twice at a time, later where it is so asked.

After client-go's work queue: what is added while it is worked on is worked on once more; failures wait twice as long
each time. Work may rest for a moment once it is done: what sums up many objects then sums up several changes at once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

_Key = TypeVar("_Key", bound="Hashable")

_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.005, 1000.0


class WorkQueue(Generic[_Key]):
    """Keys that wait for a worker, on one asyncio loop."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[_Key, None] = OrderedDict()
        # Whether it was added again meanwhile:
        self._underway: dict[_Key, bool] = {}
        self._resting: dict[_Key, bool] = {}
        self._timers: dict[_Key, asyncio.TimerHandle] = {}
        self._failures: dict[_Key, int] = {}
        self._filled = asyncio.Event()

    def add(self, key: _Key) -> None:
        """Work on a key as soon as there is a worker."""
        for busy in (self._underway, self._resting):
            if key in busy:
                busy[key] = True
                return
        self._waiting[key] = None
        self._filled.set()

    def add_after(self, key: _Key, seconds: float) -> None:
        """Work on a key after a while; this replaces an earlier word about when."""
        self.cancel(key)
        self._timers[key] = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._ring, key)

    def cancel(self, key: _Key) -> None:
        """Do not come back to a key by itself."""
        if timer := self._timers.pop(key, None):
            timer.cancel()

    async def take(self) -> _Key:
        """Return the key that has waited longest, and count it as worked on until `done`."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        key, _ = self._waiting.popitem(last=False)
        self._underway[key] = False
        return key

    def done(self, key: _Key, *, failed: bool, rest_s: float = 0.0) -> None:
        """Count a key as worked on; after a failure it comes back by itself, later each time."""
        again = self._underway.pop(key)
        if rest_s:
            self._resting[key] = again
            asyncio.get_running_loop().call_later(rest_s, self._rested, key)
        elif again:
            self.add(key)
        if failed:
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
            # Capped before the power: a key may fail for days.
            self.add_after(key, min(_FIRST_DELAY_S * 2 ** min(count, 30), _LONGEST_DELAY_S))
        else:
            self._failures.pop(key, None)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is worked on; what is to come later does not count."""
        return not self._waiting and not self._underway and not any(self._resting.values())

    def _ring(self, key: _Key) -> None:
        del self._timers[key]
        self.add(key)

    def _rested(self, key: _Key) -> None:
        if self._resting.pop(key):
            self.add(key)
