"""Who hears of decisions as they are made? Readers with bounded patience: one that is too slow is cut off.

What waits for a slow reader is bounded, so that nobody who watches can make the autoscaler grow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from autoscaler.core.decisions.record import Record

MOST_READERS = 64
MOST_WAITING = 20_000
"""Records that may wait for one reader: every workload of a large cluster changing twice."""


class TooSlowError(Exception):
    """More waits for the reader than may."""


class EndedError(Exception):
    """There will be no more: the program ends."""


class TooManyReadersError(Exception):
    """No more readers are taken."""


class Reader:
    """One reader's queue; records are shared between readers."""

    def __init__(self, namespace: str, *, every_decision: bool) -> None:
        self.namespace = namespace
        self.every_decision = every_decision
        self._batches: deque[tuple[Record, ...]] = deque()
        self._waiting = 0
        self._news = asyncio.Event()
        self._over: type[TooSlowError | EndedError] | None = None

    async def next(self) -> tuple[Record, ...]:
        """Return what came since the last call, at least one record; wait for it where there is none.

        Raises:
            TooSlowError: the reader was cut off.
            EndedError: everything was read, and the program ends.
        """
        while not self._batches:
            if self._over is not None:
                raise self._over
            self._news.clear()
            await self._news.wait()
        if self._over is TooSlowError:
            raise TooSlowError
        records = tuple(record for batch in self._batches for record in batch)
        self._batches.clear()
        self._waiting = 0
        return records

    def put(self, records: Sequence[Record]) -> None:
        """Let a batch wait for the reader."""
        wanted = tuple(record for record in records if self.namespace in {"", record.key.namespace})
        if not wanted or self._over is not None:
            return
        # One batch may be of any size: a tick of a very large cluster is more than may wait otherwise.
        if self._batches and self._waiting + len(wanted) > MOST_WAITING:
            self.end(TooSlowError)
            return
        self._batches.append(wanted)
        self._waiting += len(wanted)
        self._news.set()

    def end(self, why: type[TooSlowError | EndedError]) -> None:
        """Let no more come."""
        self._over = self._over or why
        if why is TooSlowError:
            self._batches.clear()
        self._news.set()


class Feed:
    """Tells its readers what is decided."""

    def __init__(self) -> None:
        self._readers: list[Reader] = []
        self._ended = False

    @property
    def every_decision_wanted(self) -> bool:
        """Tell whether anybody wants to hear of every decision: else `decided` need not be called."""
        return any(reader.every_decision for reader in self._readers)

    def changed(self, record: Record) -> None:
        """Tell of a decision that changed a replica count."""
        for reader in self._readers:
            if not reader.every_decision:
                reader.put((record,))

    def decided(self, records: Sequence[Record]) -> None:
        """Tell of all decisions of one tick."""
        for reader in self._readers:
            if reader.every_decision:
                reader.put(records)

    def end(self) -> None:
        """Let every reader read what waits for it, then end."""
        self._ended = True
        for reader in self._readers:
            reader.end(EndedError)

    @contextmanager
    def reading(self, namespace: str, *, every_decision: bool) -> Iterator[Reader]:
        """Give a reader that hears from now on, as long as the block lasts.

        Raises:
            TooManyReadersError: too many read already.
            EndedError: the program ends.
        """
        if self._ended:
            raise EndedError
        if len(self._readers) >= MOST_READERS:
            raise TooManyReadersError
        reader = Reader(namespace, every_decision=every_decision)
        self._readers.append(reader)
        try:
            yield reader
        finally:
            self._readers.remove(reader)
