"""How does a person hear what became of a pod? Through an Event on it, and the condition PodScheduled."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

import msgspec

from kube.client import MERGE_PATCH, ApiError
from kube.events import EventWriter, Notice
from kube.objects import ObjectReference
from plimsoll.embedded.core.notation.moments import written
from plimsoll.embedded.core.scheduling import verdict
from plimsoll.embedded.core.scheduling.views import PodView
from plimsoll.embedded.shell.scheduling.whole import WholePod

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from kube.client import Api
    from plimsoll.embedded.core.problem import Object
    from plimsoll.embedded.core.scheduling.verdict import Unplaced

_log = logging.getLogger("plimsoll.embedded.scheduler")

_NOT_FOUND, _CONFLICT = 404, 409
_TRIES = 3


class Telling:
    """Writes Events in the names of the profiles, and conditions; knows which conditions are not seen yet.

    `known` returns a pod as the watch has shown it last, by UID.
    """

    def __init__(self, api: Api, profiles: Collection[str], known: Callable[[str], PodView | None]) -> None:
        self._api = api
        self._known = known
        self._events = {name: EventWriter(api, name) for name in profiles}
        self._written: dict[str, int] = {}

    async def run(self) -> None:
        """Write Events without end."""
        async with asyncio.TaskGroup() as tasks:
            for writer in self._events.values():
                tasks.create_task(writer.run())

    @property
    def all_seen(self) -> bool:
        """Whether the watch has shown every condition that was written."""
        return not self._written

    def see(self, uid: str, version: str | None) -> None:
        """Take note that the watch has shown a version of a pod, or (None) that it is gone."""
        if uid in self._written and (version is None or int(version) >= self._written[uid]):
            del self._written[uid]

    def listed(self, versions: Mapping[str, str]) -> None:
        """Take note of the versions of all pods there are."""
        for uid in list(self._written):
            self.see(uid, versions.get(uid))

    def event(self, pod: PodView, reason: str, message: str, *, normal: bool = False) -> None:
        """Write an Event about a pod."""
        about = ObjectReference(api_version="v1", kind="Pod", namespace=pod.namespace, name=pod.name, uid=pod.uid)
        self._events[pod.scheduler].write(
            Notice(about, reason, verdict.shortened(message), "Normal" if normal else "Warning")
        )

    async def condition(self, seen: PodView, why: Unplaced) -> None:
        """Write on a pod why it is not scheduled; where it has changed meanwhile, on what it is now."""
        pod: PodView | None = seen
        try:
            for _ in range(_TRIES):
                patch = verdict.status_patch(pod, why, written(time.time())) if pod else None
                if pod is None or patch is None:
                    return
                if (answer := await self._patched(pod, patch)) is not None:
                    self._remember(answer)
                    return
                pod = await self._read(pod)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                _log.warning("condition not written", extra={"pod": path_of(seen), "error": error.message})

    def _remember(self, answer: PodView) -> None:
        known = self._known(answer.uid)  # the watch may have been faster than the answer
        if known is not None and int(known.version) < int(answer.version):
            self._written[answer.uid] = int(answer.version)

    async def _patched(self, pod: PodView, patch: Object) -> PodView | None:
        """Return the pod as it is then; None where it is another version already."""
        try:
            answer = await self._api.request(
                "PATCH",
                f"{path_of(pod)}/status",
                query={"fieldManager": "kube-scheduler"},
                body=patch,
                content_type=MERGE_PATCH,
            )
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
            return None
        return _pod(answer)

    async def _read(self, pod: PodView) -> PodView | None:
        """Return a pod as it is now; None where it is another one, or bound."""
        now = _pod(await self._api.request("GET", path_of(pod)))
        return None if now.uid != pod.uid or now.node else now


def path_of(pod: PodView) -> str:
    """Return a pod's path."""
    return f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"


def _pod(answer: bytes) -> PodView:
    return PodView.of(msgspec.json.decode(answer, type=WholePod).plain())
