"""How does the core hear of nodes, and the operator of what is left out? Two watches, and an Event at each change.

ResourceSlices are read only where the API server serves them and lets us; everywhere else there are none.

At a take-over nodes are listed while the watch goes on. Of each node the newer of the two counts: neither may the list
bring back what the watch has told the end of, nor the watch, where it lags, what was before the list.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Protocol

from extender.core.inventory.leaving_out import LeftOut
from extender.core.ledger.nodes import GpuNode
from extender.shell import dra
from extender.shell.inventory import Inventory
from kube.client import ApiError
from kube.events import EventWriter, Notice
from kube.objects import Node, ObjectReference
from kube.outage import Outage
from kube.slices import ResourceSlice
from kube.versions import Meanwhile, age
from kube.watch import Gone, Put, Relisted, listed, watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kube.client import Api
    from kube.watch import Change

NODES = "/api/v1/nodes"
SLICES = tuple(f"/apis/resource.k8s.io/{version}/resourceslices" for version in ("v1", "v1beta2", "v1beta1"))

_log = logging.getLogger(__name__)

_OF_GPUS = {"fieldSelector": f"spec.driver={dra.DRIVER}"}
_LOOK_AGAIN_S = 30.0  # how often what grows old by itself is looked at
_ASK_AGAIN_S = 300.0  # whether slices are served by now
_RETRY_S = 2.0
_NOT_SERVED = (404, 501)
_FORBIDDEN = 403


class Taking(Protocol):
    """Who is told of nodes: the core."""

    def node_seen(self, node: GpuNode) -> None:
        """Take note of a node whose devices are ours to name."""

    def node_gone(self, name: str, left_out: str = "") -> None:
        """Take note that a node is deleted, or not ours any more; `left_out`: why, where it was given to us."""

    def nodes_are(self, nodes: Iterable[GpuNode], left_out: Mapping[str, str]) -> None:
        """Take note of all nodes that are ours, there are no others; and of those `left_out`, each with the reason."""


class Nodes:
    """Keeps the core's nodes as the API server shows them."""

    def __init__(self, api: Api, core: Taking, events: EventWriter) -> None:
        self._api = api
        self._core = core
        self._events = events
        self._inventory = Inventory()
        self._uids: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._nodes_listed = False
        self._slices_listed = False
        self._outage = Outage("the list of nodes", "placements go on with the nodes known last", _log)
        self._deaf = False
        self._listed_at = age("")
        self._meanwhile: Meanwhile | None = None
        """What the watch tells while nodes are listed anew."""

    def listed(self) -> bool:
        """Tell whether all that is published of nodes and their devices is known."""
        return self._nodes_listed and self._slices_listed

    def enforce(self, *, required: bool) -> None:
        """Let shares of devices go only where something enforces them from now on, or anywhere."""
        if required != self._inventory.enforcement_required:
            self._inventory.enforcement_required = required
            self._take_all()

    async def run(self) -> None:
        """Follow nodes and ResourceSlices, without end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_nodes())
            tasks.create_task(self._follow_slices())
            tasks.create_task(self._look_again())

    async def list_anew(self) -> None:
        """Read all nodes as they are now, and tell anew what is wrong with them.

        Raises:
            ApiError: they cannot be listed now.
        """
        self._meanwhile = meanwhile = Meanwhile()
        try:
            objects, version = await listed(self._api, NODES, Node)
        finally:
            self._meanwhile = None
        self._told.clear()
        if meanwhile.outdates(version):
            self._take_all()
        else:
            self._nodes_are(objects, version, meanwhile.newer(version))

    async def _follow_nodes(self) -> None:
        async for change in watch(self._api, NODES, Node, on_trouble=self._hear):
            if not self._is_news(change):
                continue
            match change:
                case Relisted(objects, version):
                    self._nodes_are(objects, version)
                case Put(node):
                    self._uids[node.metadata.name] = node.metadata.uid
                    self._inventory.node_seen(node, time.monotonic())
                    self._take(node.metadata.name)
                case Gone(node):
                    self._inventory.node_gone(node.metadata.name)
                    self._take(node.metadata.name)
                    self._uids.pop(node.metadata.name, None)
                    self._told.pop(node.metadata.name, None)

    def _is_news(self, change: Change[Node]) -> bool:
        """Tell whether the watch tells something newer than the last list, and take note of it for one under way."""
        if isinstance(change, Relisted):  # also where versions fell, as they do when etcd is restored
            if self._meanwhile is not None:
                self._meanwhile.relisted(change.version)
            return True
        told = change.object.metadata
        if self._meanwhile is not None:
            self._meanwhile.told(told.name, told.resource_version)
        return age(told.resource_version) > self._listed_at

    def _nodes_are(self, nodes: tuple[Node, ...], version: str, but: frozenset[str] = frozenset()) -> None:
        """Take note of all nodes there are at `version`, `but` those of which something newer is known."""
        newer = {name: uid for name, uid in self._uids.items() if name in but}
        self._uids = {node.metadata.name: node.metadata.uid for node in nodes if node.metadata.name not in but} | newer
        self._told = {name: told for name, told in self._told.items() if name in self._uids}
        self._inventory.nodes_are(nodes, time.monotonic(), but)
        self._nodes_listed = True
        self._listed_at = age(version)
        self._take_all()

    def _hear(self, error: ApiError | None) -> None:
        self._outage.hear(error)
        if self._deaf and error is None:
            self._inventory.deaf_until(time.monotonic())
        self._deaf = error is not None

    async def _follow_slices(self) -> None:
        outage = Outage("the list of ResourceSlices", "GPUs are taken for what was published last", _log)
        path = await self._served(outage)
        async for change in watch(self._api, path, ResourceSlice, query=_OF_GPUS, on_trouble=outage.hear):
            match change:
                case Relisted(objects):
                    self._inventory.slices_are(objects)
                    self._slices_listed = True
                    self._take_all()
                case Put(one):
                    self._take(self._inventory.slice_seen(one))
                case Gone(one):
                    self._take(self._inventory.slice_gone(one))

    async def _served(self, outage: Outage) -> str:
        """Return where ResourceSlices are, once they are anywhere; until then there are none."""
        while True:
            try:
                path = await self._path()
            except ApiError as error:
                outage.hear(error)
                if error.status != _FORBIDDEN:
                    await asyncio.sleep(_RETRY_S)
                    continue
                path = None
            if path is not None:
                return path
            self._slices_listed = True
            self._take_all()
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _path(self) -> str | None:
        for path in SLICES:
            try:
                await self._api.request("GET", path, query={"limit": "1"})
            except ApiError as error:
                if error.status in _NOT_SERVED:
                    continue
                raise
            return path
        return None

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AGAIN_S)
            if self._deaf:
                continue  # whoever is silent now may well have spoken
            for name in self._inventory.greeting():
                self._take(name)

    # --- what becomes of it ---

    def _take_all(self) -> None:
        if not self.listed():
            return
        found = {name: self._look(name) for name in self._inventory.owned()}
        left_out = {name: gpus.reason for name, gpus in found.items() if isinstance(gpus, LeftOut)}
        self._core.nodes_are((gpus for gpus in found.values() if isinstance(gpus, GpuNode)), left_out)
        for name, gpus in found.items():
            self._tell(name, gpus)
        _log.info("nodes listed", extra={"owned": sum(isinstance(gpus, GpuNode) for gpus in found.values())})

    def _take(self, name: str) -> None:
        if not self.listed():
            return  # half of what is known of a node would be told as if it were all
        gpus = self._look(name)
        if isinstance(gpus, GpuNode):
            self._core.node_seen(gpus)
        else:
            self._core.node_gone(name, gpus.reason if isinstance(gpus, LeftOut) else "")
        self._tell(name, gpus)

    def _look(self, name: str) -> GpuNode | LeftOut | None:
        return self._inventory.gpus(name, time.monotonic(), time.time())

    def _tell(self, name: str, gpus: GpuNode | LeftOut | None) -> None:
        """Write an Event where there is news, which a node's changes are mostly not."""
        known = self._told.get(name, "")
        told = _words(gpus)
        if told == known:
            return
        self._told[name] = told
        about = ObjectReference(api_version="v1", kind="Node", namespace="", name=name, uid=self._uids.get(name, ""))
        if isinstance(gpus, LeftOut):
            self._events.write(Notice(about, "GPUsLeftOut", told, "Warning"))
        elif told:
            self._events.write(Notice(about, "GPUsClosed", told, "Warning"))
        elif gpus is not None:
            told = f"all its GPUs ({len(gpus.devices)}) take new pods again"
            self._events.write(Notice(about, "GPUsOpen", told))
        if told:
            _log.info("news of a node's GPUs", extra={"node": name, "note": told})


def _words(gpus: GpuNode | LeftOut | None) -> str:
    """Return what a person should know of a node's GPUs; "" where all is well."""
    if isinstance(gpus, LeftOut):
        return f"left out by Plimsoll: {gpus.reason}; {gpus.remedy}"
    if gpus is None:
        return ""
    closed: dict[str, list[str]] = {}
    for device in gpus.devices:
        if device.closed:
            closed.setdefault(device.closed, []).append(device.name)
    return "; ".join(f"no new pod gets {', '.join(names)}: {why}" for why, names in sorted(closed.items()))
