"""How are the decisions about pods on nodes, nodes, garbage and ending namespaces carried out?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kube.client import ApiError
from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.controllers import garbage, lifecycle, namespaces
from plimsoll.embedded.core.controllers.lifecycle import Stage
from plimsoll.embedded.shell.controllers.writer import KUBELET

if TYPE_CHECKING:
    from plimsoll.embedded.core.controllers.view import View
    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object
    from plimsoll.embedded.shell.controllers.writer import Writer


class Upkeep:
    """What kubelets and collectors do. Each method looks at one object and returns when to look again."""

    def __init__(self, view: View, writer: Writer) -> None:
        self._view = view
        self._writer = writer
        self._addresses = lifecycle.Addresses()
        self._missing_since: dict[str, float] = {}

    def note_addresses(self, pod: Object) -> None:
        """Keep the addresses that a pod has."""
        if address := pod["status"].get("podIP"):
            self._addresses.note([address])

    def give_back_addresses(self, pod: Object) -> None:
        """Take back the addresses of a pod that is gone."""
        if not pod["spec"].get("hostNetwork") and (address := pod["status"].get("podIP")):
            self._addresses.give_back(address)

    async def pod(self, uid: str, now: float) -> float | None:
        """Bring one bound pod on by one stage."""
        pod = self._view.get(kinds.PODS, uid)
        if pod is None or not (node := pod["spec"].get("nodeName")) or self._writer.is_behind(uid):
            return None
        if self._view.named(kinds.NODES, "", node) is None:
            return await self._pod_without_node(pod, node, now)
        self._missing_since.pop(node, None)
        due = lifecycle.next_stage(pod, self._view.changed_at(uid))
        if due is None or due.at > now:
            return due.at if due else None
        match due.stage:
            case Stage.READY:
                await self._make_ready(pod, now)
            case Stage.COMPLETE:
                await self._writer.status(kinds.PODS, pod, lifecycle.completed_status(pod, now), manager=KUBELET)
            case Stage.DELETE:
                await self._writer.delete(kinds.PODS, pod, grace_s=0)
        return None

    async def node(self, uid: str, now: float) -> float | None:
        """Let a new node's kubelet join."""
        node = self._view.get(kinds.NODES, uid)
        if node is None or "deletionTimestamp" in node["metadata"] or self._writer.is_behind(uid):
            return None
        status = lifecycle.node_status(node, now)
        if status is not None:
            await self._writer.status(kinds.NODES, node, status, manager=KUBELET)
        return None

    async def garbage(self, kind: Kind, uid: str) -> None:
        """Delete one object if nobody owns it any more; else take away the references to owners that are gone."""
        thing = self._view.get(kind, uid)
        if thing is None or "deletionTimestamp" in thing["metadata"] or self._writer.is_behind(uid):
            return
        owners = garbage.owners_of(thing, self.is_there)
        gone = [each for each in owners.gone if not await self._is_there_after_all(thing, each)]
        if not gone or len(gone) < len(owners.gone):
            return  # the view is behind: its next change leads here again
        if owners.collectable:
            await self._writer.delete(kind, thing, of_this_version=True)
        else:
            await self._writer.patch(kind, thing, {"metadata": {"ownerReferences": list(owners.there)}})

    async def namespace(self, uid: str, now: float) -> None:
        """Empty one namespace that is ending, and let it go."""
        namespace = self._view.get(kinds.NAMESPACES, uid)
        if namespace is None or not namespaces.is_ending(namespace) or self._writer.is_behind(uid):
            return
        name = namespace["metadata"]["name"]
        pods = await self._left(namespaces.PODS_FIRST, name)
        if pods.count:
            await self._writer.status(kinds.NAMESPACES, namespace, namespaces.status_of(namespace, [], now))
            return
        left = [await self._left(kind, name) for kind in namespaces.THEN]
        if any(each.count for each in left):
            await self._writer.status(kinds.NAMESPACES, namespace, namespaces.status_of(namespace, left, now))
            return
        await self._writer.finalize(kinds.NAMESPACES, namespace)

    def is_there(self, reference: Object) -> bool:
        """Tell whether the view shows an owner."""
        kind = garbage.kind_of(reference)
        return kind is not None and self._view.get(kind, reference["uid"]) is not None

    async def _left(self, kind: Kind, namespace: str) -> namespaces.Left:
        return namespaces.left_of(kind, await self._writer.empty(kind, namespace))

    async def _make_ready(self, pod: Object, now: float) -> None:
        address = None if pod["spec"].get("hostNetwork") else self._addresses.take()
        try:
            await self._writer.status(kinds.PODS, pod, lifecycle.ready_status(pod, address, now), manager=KUBELET)
        except ApiError:
            if address is not None:
                self._addresses.give_back(address)
            raise

    async def _pod_without_node(self, pod: Object, node: str, now: float) -> float | None:
        since = self._missing_since.setdefault(node, now)
        if now < since + garbage.QUARANTINE_S:
            return since + garbage.QUARANTINE_S
        if await self._writer.find(kinds.NODES, "", node) is not None:
            return None  # the view is behind: the node's appearance leads here again
        if (status := garbage.lost_status(pod, now)) is not None:
            await self._writer.status(kinds.PODS, pod, status)
        await self._writer.delete(kinds.PODS, pod, grace_s=0)
        return None

    async def _is_there_after_all(self, thing: Object, reference: Object) -> bool:
        """Ask the server for an owner that the view does not show: watches of two kinds keep no common order."""
        if self._view.is_gone(reference["uid"]):
            return False
        kind = garbage.kind_of(reference)
        assert kind is not None, reference  # noqa: S101  those of other kinds are taken to be there
        namespace = thing["metadata"].get("namespace", "") if kind.namespaced else ""
        found = await self._writer.find(kind, namespace, reference["name"])
        return found is not None and found["metadata"]["uid"] == reference["uid"]
