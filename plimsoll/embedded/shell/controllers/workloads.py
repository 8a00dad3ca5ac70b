"""How are the decisions about Deployments, ReplicaSets and disruption budgets carried out?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kube.client import ApiError
from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.controllers import budgets, deployments, replicas
from plimsoll.embedded.core.controllers.owners import controller_of, reference_to
from plimsoll.embedded.core.notation.selectors import LabelSelector
from plimsoll.embedded.shell.controllers import notices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.embedded.core.controllers.view import View
    from plimsoll.embedded.core.problem import Object
    from plimsoll.embedded.shell.controllers.notices import Notices
    from plimsoll.embedded.shell.controllers.writer import Writer

_CONFLICT, _FORBIDDEN = 409, 403
_FIRST_BATCH, _LARGEST_BATCH = 1, 64
_UNSEEN_S = 300.0  # then a created object is taken to have come and gone unseen
_ENDING = "because it is being terminated"
_OWNERS = {kinds.PODS: kinds.REPLICA_SETS, kinds.REPLICA_SETS: kinds.DEPLOYMENTS}


class Workloads:
    """Deployments, ReplicaSets and budgets. Each method looks at one object and returns when to look again."""

    def __init__(self, view: View, writer: Writer, told: Notices) -> None:
        self._view = view
        self._writer = writer
        self._notices = told
        self._created: dict[str, dict[str, float]] = {}
        self._deleted: dict[str, set[str]] = {}

    @property
    def all_seen(self) -> bool:
        """Whether the watches have shown all that was created and deleted."""
        return not self._created and not self._deleted

    def listed(self, kind: kinds.Kind) -> set[str]:
        """Take note that a list shows all there is of a kind: what was created and is not in it is gone.

        Returns the UIDs of its owners.
        """
        waiting: set[str] = set()
        for owner, expected in self._created.items():
            unseen = [uid for uid in expected if self._view.get(kind, uid) is None]
            if unseen and self._view.get(_OWNERS[kind], owner) is not None:
                waiting.add(owner)
        for owner in waiting:
            del self._created[owner]
        return waiting

    async def deployment(self, uid: str, now: float) -> float | None:
        """Bring one Deployment on by one step."""
        deployment = self._view.get(kinds.DEPLOYMENTS, uid)
        if deployment is None:
            self._created.pop(uid, None)
            return None
        owned = self._view.controlled(kinds.REPLICA_SETS, uid)
        behind = self._writer.is_behind(uid, *(each["metadata"]["uid"] for each in owned))
        if behind or not self._is_up_to_date(uid, kinds.REPLICA_SETS, now):
            return None
        namespace = deployment["metadata"]["namespace"]
        ours = {each["metadata"]["uid"] for each in owned}
        others = self._view.within(kinds.REPLICA_SETS, namespace)
        taken = {each["metadata"]["name"] for each in others if each["metadata"]["uid"] not in ours}
        match deployments.decide(deployment, owned, taken, now):
            case deployments.Creation() as creation:
                if not self._is_ending(namespace):
                    await self._create_replica_set(deployment, creation, now)
            case deployments.Change(name, patch, message):
                target = next(each for each in owned if each["metadata"]["name"] == name)
                await self._writer.patch(kinds.REPLICA_SETS, target, patch)
                if message:
                    self._tell_deployment(deployment, "ScalingReplicaSet", message)
            case deployments.Status(status, annotations, again_at):
                await self._writer.status(kinds.DEPLOYMENTS, deployment, status, annotations=annotations)
                return again_at
        return None

    async def replica_set(self, uid: str, now: float) -> float | None:
        """Create or delete the pods of one ReplicaSet, and write its status."""
        replica_set = self._view.get(kinds.REPLICA_SETS, uid)
        if replica_set is None:
            self._created.pop(uid, None)
            self._deleted.pop(uid, None)
            return None
        if self._writer.is_behind(uid):
            return None
        namespace = replica_set["metadata"]["namespace"]
        pods = await self._claimed(replica_set)
        up_to_date = self._is_up_to_date(uid, kinds.PODS, now) and self._deletions_seen(uid)
        failure: ApiError | None = None
        if up_to_date and "deletionTimestamp" not in replica_set["metadata"] and not self._is_ending(namespace):
            match replicas.needed(replica_set, pods, self._related(replica_set, pods), now):
                case replicas.Shortfall(count):
                    failure = await self._create_pods(replica_set, count, now)
                case replicas.Surplus(surplus):
                    failure = await self._delete_pods(replica_set, surplus)
        why = failure.message if failure else None
        status = replicas.status_of(replica_set, pods, why, now)
        await self._writer.status(kinds.REPLICA_SETS, replica_set, status)
        if failure:
            raise failure
        return replicas.next_available(replica_set, pods, now)

    async def budget(self, uid: str, now: float) -> float | None:
        """Write the status of one disruption budget."""
        budget = self._view.get(kinds.BUDGETS, uid)
        if budget is None or self._writer.is_behind(uid):
            return None
        selector = LabelSelector.of(budget["spec"].get("selector"))
        there = self._view.within(kinds.PODS, budget["metadata"]["namespace"])
        pods = [pod for pod in there if selector.matches(pod["metadata"].get("labels"))]
        outcome = budgets.decide(budget, pods, self._scale_of, now)
        for said in outcome.said:
            kind, about = (kinds.BUDGETS, budget) if said.pod is None else (kinds.PODS, said.pod)
            self._notices.tell(notices.BUDGETS, kind, about, said.reason, said.message, warning=said.warning)
        await self._writer.status(kinds.BUDGETS, budget, outcome.status)
        return outcome.again_at

    # Deployments

    async def _create_replica_set(self, deployment: Object, creation: deployments.Creation, now: float) -> None:
        meta = deployment["metadata"]
        try:
            made = await self._writer.create(kinds.REPLICA_SETS, meta["namespace"], creation.replica_set)
        except ApiError as error:
            if error.status != _CONFLICT and _ENDING not in error.message:
                status, message = deployments.failed_creation(deployment, creation.replica_set, error.message, now)
                await self._writer.status(kinds.DEPLOYMENTS, deployment, status)
                self._tell_deployment(deployment, "ReplicaSetCreateError", message, warning=True)
            raise
        self._expect(meta["uid"], kinds.REPLICA_SETS, made, now)
        if message := deployments.created_message(creation.replica_set):
            self._tell_deployment(deployment, "ScalingReplicaSet", message)
        await self._writer.status(kinds.DEPLOYMENTS, deployment, creation.status, annotations=creation.annotations)

    def _tell_deployment(self, deployment: Object, reason: str, message: str, *, warning: bool = False) -> None:
        self._notices.tell(notices.DEPLOYMENTS, kinds.DEPLOYMENTS, deployment, reason, message, warning=warning)

    # ReplicaSets

    async def _claimed(self, replica_set: Object) -> list[Object]:
        """Return the pods of a ReplicaSet, after adopting and letting go."""
        meta = replica_set["metadata"]
        owned = self._view.controlled(kinds.PODS, meta["uid"])
        claims = replicas.claims(replica_set, owned, self._view.without_controller(meta["namespace"]))
        ours = reference_to(kinds.REPLICA_SETS, replica_set)
        for pod in claims.adopted:
            await self._change_owners(pod, [*(pod["metadata"].get("ownerReferences") or ()), ours])
        for pod in claims.released:
            others = [each for each in pod["metadata"]["ownerReferences"] if each["uid"] != meta["uid"]]
            await self._change_owners(pod, others)
        released = {pod["metadata"]["uid"] for pod in claims.released}
        return [*(pod for pod in owned if pod["metadata"]["uid"] not in released), *claims.adopted]

    async def _change_owners(self, pod: Object, references: list[Object]) -> None:
        if not self._writer.is_behind(pod["metadata"]["uid"]):
            await self._writer.patch(kinds.PODS, pod, {"metadata": {"ownerReferences": references or None}})

    async def _create_pods(self, replica_set: Object, count: int, now: float) -> ApiError | None:
        """Create pods in batches that double, so that what fails once fails a few times, not hundreds."""
        batch = min(_FIRST_BATCH, count)
        while batch:
            failures = await asyncio.gather(*(self._create_pod(replica_set, now) for _ in range(batch)))
            if failed := [each for each in failures if each]:
                return failed[0]
            count -= batch
            batch = min(2 * batch, count, _LARGEST_BATCH)
        return None

    async def _create_pod(self, replica_set: Object, now: float) -> ApiError | None:
        meta = replica_set["metadata"]
        try:
            made = await self._writer.create(kinds.PODS, meta["namespace"], replicas.new_pod(replica_set))
        except ApiError as error:
            if error.status == _FORBIDDEN and _ENDING in error.message:
                return None
            self._tell_replica_set(replica_set, "FailedCreate", f"Error creating: {error.message}", warning=True)
            return error
        self._expect(meta["uid"], kinds.PODS, made, now)
        self._tell_replica_set(replica_set, "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")
        return None

    async def _delete_pods(self, replica_set: Object, pods: Sequence[Object]) -> ApiError | None:
        self._deleted[replica_set["metadata"]["uid"]] = {pod["metadata"]["uid"] for pod in pods}
        failures = await asyncio.gather(*(self._delete_pod(replica_set, pod) for pod in pods))
        return next((each for each in failures if each), None)

    async def _delete_pod(self, replica_set: Object, pod: Object) -> ApiError | None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        try:
            await self._writer.delete(kinds.PODS, pod)
        except ApiError as error:
            self._deleted[replica_set["metadata"]["uid"]].discard(uid)
            self._tell_replica_set(replica_set, "FailedDelete", f"Error deleting: {error.message}", warning=True)
            return error
        self._tell_replica_set(replica_set, "SuccessfulDelete", f"Deleted pod: {name}")
        return None

    def _related(self, replica_set: Object, pods: Sequence[Object]) -> Sequence[Object]:
        """Return the pods of all ReplicaSets of the same Deployment."""
        owner = controller_of(replica_set)
        if owner is None:
            return pods
        siblings = self._view.controlled(kinds.REPLICA_SETS, owner["uid"])
        return [pod for each in siblings for pod in self._view.controlled(kinds.PODS, each["metadata"]["uid"])]

    def _tell_replica_set(self, replica_set: Object, reason: str, message: str, *, warning: bool = False) -> None:
        self._notices.tell(notices.REPLICA_SETS, kinds.REPLICA_SETS, replica_set, reason, message, warning=warning)

    # What is done and not seen yet

    def _expect(self, owner: str, kind: kinds.Kind, made: Object, now: float) -> None:
        uid = made["metadata"]["uid"]
        if self._view.get(kind, uid) is None and not self._view.is_gone(uid):
            self._created.setdefault(owner, {})[uid] = now

    def _is_up_to_date(self, owner: str, kind: kinds.Kind, now: float) -> bool:
        """Tell whether the view shows all that was created for an owner."""
        expected = {
            uid: at
            for uid, at in self._created.pop(owner, {}).items()
            if self._view.get(kind, uid) is None and not self._view.is_gone(uid) and now < at + _UNSEEN_S
        }
        if expected:
            self._created[owner] = expected
        return not expected

    def _deletions_seen(self, owner: str) -> bool:
        left = set()
        for uid in self._deleted.pop(owner, ()):
            pod = self._view.get(kinds.PODS, uid)
            if pod is not None and "deletionTimestamp" not in pod["metadata"]:
                left.add(uid)
        if left:
            self._deleted[owner] = left
        return not left

    def _is_ending(self, namespace: str) -> bool:
        found = self._view.named(kinds.NAMESPACES, "", namespace)
        return found is not None and "deletionTimestamp" in found["metadata"]

    # Budgets

    def _scale_of(self, pod: Object) -> budgets.Scale | None:
        """Return the replicas of a pod's Deployment, else of its ReplicaSet; None where neither is there."""
        reference = controller_of(pod) or {}
        if (reference.get("apiVersion"), reference.get("kind")) != (
            kinds.REPLICA_SETS.api_version,
            kinds.REPLICA_SETS.name,
        ):
            return None
        replica_set = self._view.get(kinds.REPLICA_SETS, reference["uid"])
        if replica_set is None:
            return None
        above = controller_of(replica_set)
        if above is None or above.get("kind") != kinds.DEPLOYMENTS.name:
            return reference["uid"], replica_set["spec"].get("replicas", 1)
        deployment = self._view.get(kinds.DEPLOYMENTS, above["uid"])
        return None if deployment is None else (above["uid"], deployment["spec"].get("replicas", 1))
