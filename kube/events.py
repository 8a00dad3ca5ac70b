"""How does a person hear of a decision with `kubectl describe`? Through an Event on the object.

Writing never delays and never fails the decision that it reports: events wait in a bounded queue for one writer. The
same sentence about the same object is one Event with a count, as kubectl shows it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from kube.client import MERGE_PATCH, Api, ApiError
from kube.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kube.objects import ObjectReference

_log = logging.getLogger(__name__)

_QUEUE_LENGTH = 2000
_REMEMBERED = 4096  # sentences whose Event is counted up rather than written anew
_SAID_EVERY_S = 60.0  # that the queue is full

MESSAGE_LIMIT = 1024
"""The longest message: the API server's own limit."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence about one object; `old_for_s` is for how long the same sentence is no news."""

    about: ObjectReference
    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Normal"
    old_for_s: float = 0.0


class EventWriter:
    """Writes notices as Events in the name of `component`; nothing as long as it may not (`may_write`)."""

    def __init__(self, api: Api, component: str, may_write: Callable[[], bool] = lambda: True) -> None:
        self._api = api
        self._component = component
        self._may_write = may_write
        self._queue: asyncio.Queue[Notice] = asyncio.Queue(_QUEUE_LENGTH)
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._written_at: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._outage = Outage("writing Events", "what is told meanwhile has no Event", _log)
        self._lost = 0
        self._said_at: float | None = None

    def write(self, notice: Notice) -> None:
        """Queue a notice, unless it was just written; when the queue is full it is let go.

        Where we may not write, whoever may tells the same.
        """
        if not self._may_write():
            return
        now, sentence = time.monotonic(), (notice.about.uid, notice.message[:MESSAGE_LIMIT])
        if now - self._written_at.get(sentence, now - notice.old_for_s) < notice.old_for_s:
            return
        try:
            self._queue.put_nowait(notice)
        except asyncio.QueueFull:
            self._let_go(notice, now)
            return
        self._written_at[sentence] = now
        self._written_at.move_to_end(sentence)
        if len(self._written_at) > _REMEMBERED:
            self._written_at.popitem(last=False)

    def _let_go(self, notice: Notice, now: float) -> None:
        self._lost += 1
        if self._said_at is None or now - self._said_at >= _SAID_EVERY_S:
            extra = {"lost": self._lost, "about": notice.about.name, "note": notice.message}
            _log.warning("event queue full, not written", extra=extra)
            self._lost, self._said_at = 0, now

    async def run(self) -> None:
        """Write queued notices, without end."""
        while True:
            notice = await self._queue.get()
            if not self._may_write():
                continue
            try:
                await self._put(notice)
            except ApiError as error:
                about = f"{notice.about.kind} {notice.about.namespace}/{notice.about.name}"
                self._outage.failed(f"{about}: {notice.message}: {error.message}")
            else:
                self._outage.ended()

    async def _put(self, notice: Notice) -> None:
        about = notice.about
        key = f"{self._component}\0{about.uid}\0{notice.reason}\0{notice.message}"
        name = f"{about.name[:200]}.{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        count = self._counts.pop(name, 0) + 1
        self._counts[name] = count
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = f"/api/v1/namespaces/{about.namespace or 'default'}/events"
        if count > 1:
            try:
                seen = {"count": count, "lastTimestamp": now}
                await self._api.request("PATCH", f"{path}/{name}", body=seen, content_type=MERGE_PATCH)
            except ApiError as error:
                if error.status != 404:  # events expire after an hour: then it is written anew
                    raise
            else:
                return
        body = {
            "metadata": {"name": name, "namespace": about.namespace or "default"},
            "involvedObject": about,
            "reason": notice.reason,
            "message": notice.message[:MESSAGE_LIMIT],
            "type": notice.type,
            "source": {"component": self._component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": count,
        }
        try:
            await self._api.request("POST", path, body=body)
        except ApiError as error:
            if error.status != 409:  # written before our restart: the sentence already stands there
                raise
            await self._api.request("PATCH", f"{path}/{name}", body={"lastTimestamp": now}, content_type=MERGE_PATCH)


def in_messages(sentences: Iterable[str], end: str) -> list[str]:
    """Return all sentences in as few messages as have room for them, each with the same end."""
    messages: list[str] = []
    room = MESSAGE_LIMIT - len(end)
    for sentence in sentences:
        if messages and len(messages[-1]) + 2 + len(sentence) <= room:
            messages[-1] += f"; {sentence}"
        else:
            messages.append(sentence[:room])
    return [message + end for message in messages]
