"""Which workloads are there, and which ready pods are theirs? Kept up to date by every change, read at every tick.

The laws:
- A pod belongs to what controls it, or to what controls that: pod, replica set, deployment.
- Where a target's pods are chosen by a selector (custom resources), the selector alone decides, in its namespace.
- What was not touched by a change is not looked at again: `sights` costs what changed, not what is there, and an
  unchanged `Sight` is the same object as before.
- An observation that is older than our own last write, or last read, says nothing about the replica count.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from autoscaler.core.targets.holdings import Holdings
from autoscaler.core.targets.selection import Selecting
from autoscaler.core.targets.target import Sight, older

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from autoscaler.core.targets.pods import OwnedPod
    from autoscaler.core.targets.target import Target


class Inventory:
    """What the cluster showed last; all keys are UIDs."""

    def __init__(self) -> None:
        self._targets: dict[str, Target] = {}
        self._owners: dict[str, str] = {}
        self._owned: dict[str, set[str]] = {}
        self._pods: dict[str, OwnedPod] = {}
        self._costed: set[str] = set()
        self._in_namespace: dict[str, set[str]] = {}
        self._staying: dict[str, dict[str, OwnedPod]] = {}
        self._selected: dict[str, dict[str, OwnedPod]] = {}
        self._selecting: dict[str, Selecting] = {}
        self._newly_selecting: set[str] = set()
        self._counted: dict[str, tuple[int, str]] = {}
        self._sights: dict[str, Sight] = {}
        self._changed: set[str] = set()
        self.holdings = Holdings(self.owned_by, self._selected_by)

    @property
    def targets(self) -> Mapping[str, Target]:
        """Everything that wants to be autoscaled, also what is refused."""
        return MappingProxyType(self._targets)

    def sights(self) -> Mapping[str, Sight]:
        """Return each target that is not refused as the law looks at it.

        The mapping is the inventory's own and changes with the next call; a target that did not change keeps its very
        `Sight`.
        """
        if self._newly_selecting:
            self._select_anew()
        for uid in self._changed:
            target = self._targets.get(uid)
            if target is None or target.refused:
                self._sights.pop(uid, None)
                continue
            sight = self._sight(target)
            if self._sights.get(uid) != sight:
                self._sights[uid] = sight
        self._changed.clear()
        return MappingProxyType(self._sights)

    def ready_pods(self, uid: str) -> list[OwnedPod]:
        """Return the ready pods of a target."""
        return [pod for pod in self._pods_of(self._targets[uid]) if pod.ready]

    # --- targets ---

    def put_target(self, target: Target) -> Target:
        """Take a target as it is shown now; return it as it is known now, with a count that is newer."""
        uid = target.key.uid
        if uid in self._counted:
            replicas, version = self._counted[uid]
            if older(target.resource_version, version):
                target = replace(target, replicas=replicas)
            else:
                del self._counted[uid]
        was = self._targets.get(uid)
        self._targets[uid] = target
        self._changed.add(uid)
        if target.selector != (was.selector if was else None):
            if was:
                self._stop_selecting(was)
            self._start_selecting(target)
        return target

    def drop_target(self, uid: str) -> None:
        """Forget a target that is gone."""
        target = self._targets.pop(uid, None)
        if target is not None:
            self._stop_selecting(target)
            self._counted.pop(uid, None)
            self._changed.add(uid)

    def counted(self, uid: str, replicas: int, version: str) -> None:
        """Take over a count that the API server told us beside the watch; what is older does not undo it."""
        target = self._targets.get(uid)
        if target is None or older(version, target.resource_version):
            return
        self._targets[uid] = replace(target, replicas=replicas)
        self._counted[uid] = (replicas, version)
        self._changed.add(uid)

    # --- pods and their owners ---

    def put_owner(self, uid: str, controller: str) -> None:
        """Take over what controls a replica set ("" for nothing)."""
        was = self._owners.get(uid)
        if was == controller:
            return
        self.drop_owner(uid)
        self._owners[uid] = controller
        self._owned.setdefault(controller, set()).add(uid)
        self._touch(uid, controller)

    def drop_owner(self, uid: str) -> None:
        """Forget a replica set that is gone."""
        controller = self._owners.pop(uid, None)
        if controller is None:
            return
        self._owned[controller].discard(uid)
        if not self._owned[controller]:
            del self._owned[controller]
        self._touch(uid, controller)

    def put_pod(self, pod: OwnedPod) -> None:
        """Take a pod as it is shown now."""
        was = self._pods.get(pod.uid)
        if was == pod:
            return
        if was is not None:
            self._discount(was)
        else:
            self._in_namespace.setdefault(pod.namespace, set()).add(pod.uid)
        self._pods[pod.uid] = pod
        self.holdings.put(pod.uid, pod.holding)
        if pod.cost_is_ours:
            self._costed.add(pod.uid)
        else:
            self._costed.discard(pod.uid)
        if pod.staying:
            self._count(pod)

    def drop_pod(self, uid: str) -> None:
        """Forget a pod that is gone."""
        self.holdings.put(uid, None)
        pod = self._pods.pop(uid, None)
        if pod is None:
            return
        self._costed.discard(uid)
        self._discount(pod)
        self._in_namespace[pod.namespace].discard(uid)
        if not self._in_namespace[pod.namespace]:
            del self._in_namespace[pod.namespace]

    def only_pods(self, pods: Iterable[OwnedPod]) -> None:
        """Take a whole list of pods over; what is not in it is gone."""
        listed = {pod.uid: pod for pod in pods}
        for uid in [uid for uid in self._pods if uid not in listed]:
            self.drop_pod(uid)
        for pod in listed.values():
            self.put_pod(pod)

    def only_owners(self, owners: Mapping[str, str]) -> None:
        """Take a whole list of replica sets over; what is not in it is gone."""
        for uid in [uid for uid in self._owners if uid not in owners]:
            self.drop_owner(uid)
        for uid, controller in owners.items():
            self.put_owner(uid, controller)

    def pod(self, uid: str) -> OwnedPod | None:
        """Return a pod as it was shown last."""
        return self._pods.get(uid)

    def pods_of(self, uid: str) -> list[OwnedPod]:
        """Return the pods of a target that are not on their way out, in the order of their names."""
        target = self._targets.get(uid)
        return [] if target is None else sorted(self._pods_of(target), key=lambda pod: pod.name)

    def pods_with_our_cost(self) -> list[OwnedPod]:
        """Return the pods that have a deletion cost which we wrote."""
        return [self._pods[uid] for uid in sorted(self._costed)]

    def is_replica_set(self, uid: str) -> bool:
        """Tell whether this is a ReplicaSet that is known."""
        return uid in self._owners

    # --- which pod belongs where ---

    def owned_by(self, owner: str) -> str:
        """Return the target whose pods are those that a UID controls, "" for none."""
        target = self._targets.get(self._owners.get(owner, "")) or self._targets.get(owner)
        return "" if target is None or target.selector is not None or target.refused else target.key.uid

    def _selected_by(self, pod_uid: str) -> str:
        """Return the target that selects a pod, ready or not: of several the first by UID, "" for none."""
        pod = self._pods[pod_uid]
        selecting = self._selecting.get(pod.namespace)
        candidates = [self._targets[uid] for uid in selecting.candidates(pod.labels)] if selecting else []
        return min(
            (each.key.uid for each in candidates if each.selector and each.selector.matches(pod.labels)), default=""
        )

    def _sight(self, target: Target) -> Sight:
        ready, starting, failed = [], [], 0
        for pod in self._pods_of(target):
            if pod.ready:
                ready.append(pod.name)
            elif pod.starting:
                starting.append(pod.created_s)
            else:
                failed += 1
        key = target.key
        return Sight(key.namespace, key.name, target.replicas, tuple(sorted(ready)), tuple(sorted(starting)), failed)

    def _pods_of(self, target: Target) -> Iterator[OwnedPod]:
        """Yield the pods of a target that are not on their way out."""
        uid = target.key.uid
        if target.selector is not None:
            yield from self._selected.get(uid, {}).values()
            return
        yield from self._staying.get(uid, {}).values()
        for owned in self._owned.get(uid, ()):
            yield from self._staying.get(owned, {}).values()

    def _count(self, pod: OwnedPod) -> None:
        if pod.owner:
            self._staying.setdefault(pod.owner, {})[pod.uid] = pod
            self._touch(pod.owner, self._owners.get(pod.owner, ""))
        selecting = self._selecting.get(pod.namespace)
        for uid in selecting.candidates(pod.labels) if selecting else ():
            chosen = self._targets[uid].selector
            if chosen is not None and chosen.matches(pod.labels):
                self._selected.setdefault(uid, {})[pod.uid] = pod
                self._changed.add(uid)

    def _discount(self, pod: OwnedPod) -> None:
        if not pod.staying:
            return
        if pod.owner:
            staying = self._staying[pod.owner]
            del staying[pod.uid]
            if not staying:
                del self._staying[pod.owner]
            self._touch(pod.owner, self._owners.get(pod.owner, ""))
        selecting = self._selecting.get(pod.namespace)
        for uid in selecting.candidates(pod.labels) if selecting else ():
            if self._selected.get(uid, {}).pop(pod.uid, None) is not None:
                self._changed.add(uid)

    def _touch(self, *uids: str) -> None:
        self._changed.update(uid for uid in uids if uid in self._targets)

    def _start_selecting(self, target: Target) -> None:
        if target.selector is not None:
            self._selecting.setdefault(target.key.namespace, Selecting()).bucket(target.selector).add(target.key.uid)
            # The pods that are there already are looked through once for all new selectors of a tick.
            self._newly_selecting.add(target.key.uid)

    def _stop_selecting(self, target: Target) -> None:
        uid, namespace = target.key.uid, target.key.namespace
        if target.selector is not None:
            selecting = self._selecting[namespace]
            selecting.discard(uid, target.selector)
            if not selecting.by_label and not selecting.others:
                del self._selecting[namespace]
            self._selected.pop(uid, None)
            self._newly_selecting.discard(uid)

    def _select_anew(self) -> None:
        fresh: dict[str, Selecting] = {}
        for uid in self._newly_selecting:
            target = self._targets[uid]
            if target.selector is not None:
                fresh.setdefault(target.key.namespace, Selecting()).bucket(target.selector).add(uid)
                self._selected[uid] = {}
        for namespace, selecting in fresh.items():
            for pod in (self._pods[uid] for uid in self._in_namespace.get(namespace, ())):
                for uid in selecting.candidates(pod.labels) if pod.staying else ():
                    chosen = self._targets[uid].selector
                    if chosen is not None and chosen.matches(pod.labels):
                        self._selected[uid][pod.uid] = pod
        self._changed |= self._newly_selecting
        self._newly_selecting.clear()
