"""What will kube-scheduler look at besides GPUs, and who may be evicted? Followed only while somebody wants it.

It is more than all else is. Pods are read a second time here, with all that other pods' rules may speak of; of those on
a node only that is kept, and of those that hold GPUs of ours what matters where they have to leave.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extender.core.gang.nothing_seen import NothingSeen
from extender.core.gang.surroundings import Seen, Surroundings
from extender.core.predicates.lodgers import Lodger
from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import Labels
from extender.shell.predicates.budgets import budget_of
from extender.shell.predicates.demands import demands_of, node_of, resources_by_class
from extender.shell.predicates.lodgers import is_marked, lodger_of
from extender.shell.predicates.residents import counts, has_ended
from extender.shell.predicates.volumes import Storage, limited_drivers
from kube.budgets import PodDisruptionBudget
from kube.constraints import ConstrainedPod, CsiNode, DeviceClass, PersistentVolume, PersistentVolumeClaim
from kube.gangs import GANG
from kube.objects import Namespace, Node
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from extender.core.ledger.ledger import Ledger
    from extender.core.predicates.budgets import Budget
    from extender.core.predicates.demands import PodDemands, Resident
    from extender.core.predicates.nodes import NodeFacts
    from kube.client import Api, ApiError

_log = logging.getLogger("extender")

_LOOK_S = 0.2
_UNWANTED_S = 600.0  # gangs come and go: what is followed is not listed anew for each
_MOST_CHANGES = 2000  # pods: no longer is remembered what nodes answered to pods that are gone
_FIRST_REFUSAL, _LAST_REFUSAL = 400, 428  # what comes after tells that the API server is busy, or not well

_PODS, _NODES, _NAMESPACES = "/api/v1/pods", "/api/v1/nodes", "/api/v1/namespaces"
_CLAIMS, _VOLUMES = "/api/v1/persistentvolumeclaims", "/api/v1/persistentvolumes"
_CSI_NODES = "/apis/storage.k8s.io/v1/csinodes"
_DEVICE_CLASSES = "/apis/resource.k8s.io/v1/deviceclasses"
_BUDGETS = "/apis/policy/v1/poddisruptionbudgets"
_MAY_LACK = (_CLAIMS, _VOLUMES, _CSI_NODES, _DEVICE_CLASSES, _BUDGETS)
_NOT_SERVED = (404, 501)
_KINDS: dict[str, type[Any]] = {
    _PODS: ConstrainedPod,
    _NODES: Node,
    _NAMESPACES: Namespace,
    _CLAIMS: PersistentVolumeClaim,
    _VOLUMES: PersistentVolume,
    _CSI_NODES: CsiNode,
    _DEVICE_CLASSES: DeviceClass,
    _BUDGETS: PodDisruptionBudget,
}


class Following:
    """Follows what the predicates look at, as long as `wanted` says so."""

    def __init__(self, api: Api, wanted: Callable[[], bool]) -> None:
        self._api = api
        self._wanted = wanted
        self._version = 0
        self._forget()

    def _forget(self) -> None:
        self._unlisted = set(_KINDS)
        self._known: dict[str, dict[Any, Any]] = {path: {} for path in _KINDS}
        self._refused: dict[str, str] = {}
        """Lists that the API server does not give us, each with what it says."""
        self._version += 1
        self._demanded: dict[str, PodDemands] = {}
        """Of the pods that wait: read once, as long as neither the pod changes nor what else it depends on."""
        self._residents: dict[str, Lodger] = {}
        self._as_seen: Seen | None = None
        self._scene: Scene | None = None
        self._since: dict[str, Lodger | None] = {}
        """The pods that changed since there is a scene, as they stand in it; None: they do not."""
        self._renewals = 0

    async def run(self) -> None:
        """Follow while that is wanted, without end."""
        while True:
            while not self._wanted():  # noqa: ASYNC110  the core tells nobody
                await asyncio.sleep(_LOOK_S)
            following = asyncio.create_task(self._follow())
            try:
                await self._until_unwanted(following)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
            self._forget()

    def checks(self, ledger: Ledger) -> Surroundings | NothingSeen | None:
        """Return what kube-scheduler looks at as it is now; None as long as it is not all listed."""
        if not self._unlisted:
            return Surroundings(self._seen, ledger, self._version)
        refused = [f"{_named(path)}: {self._refused[path]}" for path in sorted(self._unlisted & self._refused.keys())]
        return NothingSeen(ledger, f"what kube-scheduler looks at cannot be listed: {refused[0]}") if refused else None

    async def _until_unwanted(self, following: asyncio.Task[None]) -> None:
        last = time.monotonic()
        while time.monotonic() - last < _UNWANTED_S:
            if self._wanted():
                last = time.monotonic()
            await asyncio.sleep(_LOOK_S)
            if following.done():
                following.result()

    async def _follow(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for path in _KINDS:
                tasks.create_task(self._follow_one(path))

    async def _follow_one(self, path: str) -> None:
        async for change in watch(self._api, path, _KINDS[path], read=_read, on_trouble=self._hearing(path)):
            known = self._known[path]
            match change:
                case Relisted(objects):
                    self._known[path] = {key: what for key, what in objects if what is not None}
                    self._unlisted.discard(path)
                    self._changed(path)
                case Put((key, what)) if what is not None:
                    self._put(path, key, what)
                case Put((key, _)) | Gone((key, _)):
                    was = known.pop(key, None)
                    if was is not None:
                        self._changed(path, key, was)

    def _hearing(self, path: str) -> Callable[[ApiError | None], None]:
        outage = Outage(f"the list of {_named(path)}", "no gang is planned until it is there", _log)

        def hear(error: ApiError | None) -> None:
            if path in _MAY_LACK and error is not None and error.status in _NOT_SERVED:
                self._unlisted.discard(path)  # where nothing serves them, there are none
                error = None
            outage.hear(error)
            self._refused.pop(path, None)
            if error is not None and _FIRST_REFUSAL <= error.status <= _LAST_REFUSAL:
                self._refused[path] = error.message

        return hear

    def _changed(self, path: str, key: Any = None, known: Any = None) -> None:
        """Take note that an object at `path` is another than was `known`, or is gone; without key: that all may be."""
        self._version += 1
        self._as_seen = None
        if path == _PODS and key is not None:
            self._demanded.pop(key, None)
            if self._scene is not None:
                self._since.setdefault(key, known if isinstance(known, Lodger) else None)
            if len(self._since) > _MOST_CHANGES:  # nobody asks, or not all is listed: it is made anew all the same
                self._forget_scene()
            return
        if path in (_PODS, _NODES, _NAMESPACES):
            self._forget_scene()
        if path not in (_NODES, _NAMESPACES, _BUDGETS):
            self._demanded.clear()

    def _forget_scene(self) -> None:
        self._scene = None
        self._since.clear()

    def _put(self, path: str, key: Any, what: Any) -> None:
        known = self._known[path].get(key)
        if known == what:
            return
        self._known[path][key] = what
        if isinstance(what, Lodger) and isinstance(known, Lodger) and known.counts_as(what):
            self._residents[key] = what  # that it runs, or is ready, makes no room: nothing is planned anew for it
        else:
            self._changed(path, key, known)

    def _seen(self) -> Seen:
        if self._as_seen is None:
            self._as_seen = self._made()
        return self._as_seen

    def _made(self) -> Seen:
        known = self._known
        waiting: dict[str, ConstrainedPod] = {}
        self._residents = {}
        for uid, pod in known[_PODS].items():
            if isinstance(pod, Lodger):
                self._residents[uid] = pod
            else:
                waiting[uid] = pod
        claims: dict[Any, PersistentVolumeClaim] = known[_CLAIMS]
        storage = Storage(claims, known[_VOLUMES], limited_drivers(known[_CSI_NODES].values()))
        by_class = resources_by_class(known[_DEVICE_CLASSES].values())
        budgets: list[Budget] = [known[_BUDGETS][key] for key in sorted(known[_BUDGETS])]
        demands = _Demands(waiting, storage, by_class, self._demanded)
        return Seen(self._scene_now(), demands, self._residents, tuple(budgets))

    def _scene_now(self) -> Scene:
        """Return the scene: that of before with what has changed, or a new one now and then, as none ever forgets."""
        since, self._since = self._since, {}
        self._renewals += len(since)
        if self._scene is None or self._renewals > _MOST_CHANGES:
            nodes: list[NodeFacts] = [self._known[_NODES][name] for name in sorted(self._known[_NODES])]
            namespaces: dict[str, Labels] = self._known[_NAMESPACES]
            self._scene = Scene(nodes, _standing(self._residents.values()), namespaces)
            self._renewals = 0
        elif since:
            gone, come = since.values(), (self._residents.get(uid) for uid in since)
            self._scene = self._scene.changed(_standing(gone), _standing(come))
        return self._scene


def _standing(lodgers: Iterable[Lodger | None]) -> list[tuple[Resident, str]]:
    return [(one.resident, one.node) for one in lodgers if one is not None]


class _Demands(Mapping[str, "PodDemands"]):
    """What the pods that wait demand, by UID: each is read when it is first asked about, and remembered in `read`.

    Thousands may wait of which a plan asks about a few.
    """

    def __init__(
        self,
        waiting: Mapping[str, ConstrainedPod],
        storage: Storage,
        by_class: frozenset[str],
        read: dict[str, PodDemands],
    ) -> None:
        self._waiting = waiting
        self._storage = storage
        self._by_class = by_class
        self._read = read

    def __getitem__(self, uid: str) -> PodDemands:
        found = self._read.get(uid)
        if found is None:
            found = self._read[uid] = demands_of(self._waiting[uid], self._storage, self._by_class)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)


def _named(path: str) -> str:
    return path.rpartition("/")[2]


def _read(one: Any) -> tuple[Any, Any]:
    """Return by what an object is known, and what is kept of it; None where it says nothing."""
    metadata = one.metadata
    if isinstance(one, ConstrainedPod):
        if counts(one):
            return metadata.uid, lodger_of(one)
        waits = not one.spec.node_name and not has_ended(one)
        asks = waits and (GANG in (metadata.labels or {}) or is_marked(one))
        return metadata.uid, one if asks else None
    if isinstance(one, Node):
        return metadata.name, node_of(one)
    if isinstance(one, Namespace):
        return metadata.name, Labels(metadata.labels)
    if isinstance(one, PodDisruptionBudget):
        return (metadata.namespace, metadata.name), budget_of(one)
    if isinstance(one, PersistentVolumeClaim):
        return (metadata.namespace, metadata.name), one
    return metadata.name, one
