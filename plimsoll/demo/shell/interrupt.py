"""How does the demo end early? The first Ctrl-C (or SIGTERM, or a closed terminal) ends it in order.

Later ones are passed over: what they ask for is under way, and cutting it short would leave programs running.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """Turns the first ending signal into KeyboardInterrupt, for as long as the context lasts."""

    def __init__(self) -> None:
        self._asked = False
        self._cancel: Callable[[], object] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._ask) for number in _ENDING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` on an event loop; a signal cancels it, and it cleans up before KeyboardInterrupt goes on."""

        async def cancellable() -> None:
            loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            try:
                await task
            finally:
                self._cancel = None

        try:
            asyncio.run(cancellable())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    def pass_over(self) -> None:
        """Pass over what comes from now on: the end is under way, and is not to be cut short."""
        self._asked = True

    def _ask(self, _number: int, _frame: object) -> None:
        if self._asked:
            return
        self._asked = True
        if self._cancel is None:
            raise KeyboardInterrupt
        self._cancel()
