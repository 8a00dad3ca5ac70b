"""What does the scale of a custom resource tell? Read once for each change of the object's spec, and once a minute.

A custom resource says itself where its count and its pods' selector are, so only its `scale` subresource knows. Its own
status writes are no reason to read it, but as long as it tells no selector it is read again soon.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from autoscaler.shell import cluster
from kube.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoscaler.core.targets.writing import Found
    from kube.client import Api
    from kube.discovery import Scalable
    from kube.objects import Workload

_AT_ONCE = 8
_AGAIN_S = 60.0
_SOON_S = 5.0
_LOOK_S = 1.0
_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Reading:
    """An object as it was shown last, and its scale as it was read last; times are monotonic."""

    scalable: Scalable
    found: Workload
    scale: Found | None = None
    generation: int = 0
    read_s: float = 0.0
    due_s: float = 0.0
    queued: bool = False
    error: str = ""


class Scales:
    """The scales of all objects that were `saw`n; `on_read` hears of each object that is known, on every change."""

    def __init__(
        self,
        api: Api,
        on_read: Callable[[Reading], None],
        on_error: Callable[[Reading, ApiError], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._on_read = on_read
        self._on_error = on_error
        self._clock = clock
        self._readings: dict[str, Reading] = {}
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def saw(self, scalable: Scalable, found: Workload) -> None:
        """Take note of an object as it is now."""
        _detach(found)
        uid, now = found.metadata.uid, self._clock()
        reading = self._readings.get(uid)
        if reading is None:
            self._readings[uid] = reading = Reading(scalable, found, due_s=now)
            self._queue_if_due(uid, reading, now)
            return
        was, reading.scalable, reading.found = reading.found, scalable, found
        if reading.scale is None:
            return  # it is on its way, or failed and waits for its time
        self._on_read(reading)
        if found.metadata.generation != reading.generation:
            reading.due_s = now
        elif found.metadata.generation == 0 or not reading.scale.selector:
            changed = was.metadata.resource_version != found.metadata.resource_version
            reading.due_s = min(reading.due_s, reading.read_s + _SOON_S) if changed else reading.due_s
        self._queue_if_due(uid, reading, now)

    def forget(self, uid: str) -> None:
        """Forget an object that is gone."""
        self._readings.pop(uid, None)

    async def run(self) -> None:
        """Read what is due, without end."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(self._read_for_ever())
            while True:
                now = self._clock()
                for uid, reading in self._readings.items():
                    self._queue_if_due(uid, reading, now)
                await asyncio.sleep(_LOOK_S)

    def _queue_if_due(self, uid: str, reading: Reading, now: float) -> None:
        if not reading.queued and reading.due_s <= now:
            reading.queued = True
            self._queue.put_nowait(uid)

    async def _read_for_ever(self) -> None:
        while True:
            uid = await self._queue.get()
            reading = self._readings.get(uid)
            if reading is not None:
                await self._read(uid, reading)

    async def _read(self, uid: str, reading: Reading) -> None:
        key = cluster.key_of(reading.scalable, reading.found)
        generation = reading.found.metadata.generation  # what is shown while we read is read again
        try:
            answer = await self._api.request("GET", cluster.scale_path(key), timeout_s=_TIMEOUT_S)
            scale = cluster.found_scale(answer)
        except msgspec.DecodeError as error:
            self._failed(reading, ApiError(0, "Undecodable", f"its scale cannot be read: {error}"))
            return
        except ApiError as error:
            self._failed(reading, error)
            return
        now = self._clock()
        reading.queued, reading.read_s, reading.error = False, now, ""
        # Jitter: objects that were listed together must not be read together for ever.
        reading.due_s = now + _AGAIN_S * random.uniform(0.9, 1.1)  # noqa: S311  not a secret
        if self._readings.get(uid) is not reading or scale.uid != uid:
            return  # gone meanwhile, or another one of the same name
        reading.scale, reading.generation = scale, generation
        self._on_read(reading)
        if reading.found.metadata.generation != generation:
            reading.due_s = now

    def _failed(self, reading: Reading, error: ApiError) -> None:
        now = self._clock()
        reading.queued, reading.read_s = False, now
        reading.due_s = now + (_AGAIN_S if 400 <= error.status < 500 else _SOON_S)
        self._on_error(reading, error)
        reading.error = error.message


def _detach(found: Workload) -> None:
    """Let go of the answer that an object was read from: what is undecoded would keep all of it in memory."""
    found.spec = msgspec.Raw()
    for entry in found.metadata.managed_fields or ():
        entry.fields_v1 = entry.fields_v1.copy()
