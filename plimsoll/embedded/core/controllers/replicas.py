"""How many pods does a ReplicaSet have, and how many should it have? Its pods, its status; after replica_set.go.

Ended pods and pods being deleted are no replicas: they are replaced at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.controllers.owners import reference_to
from plimsoll.embedded.core.controllers.ranking import first_to_go, is_active, is_ready
from plimsoll.embedded.core.notation.conditions import condition, kept_or_appended, without
from plimsoll.embedded.core.notation.moments import read, written
from plimsoll.embedded.core.notation.selectors import LabelSelector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plimsoll.embedded.core.problem import Object

_MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Shortfall:
    """So many pods are to be created."""

    count: int


@dataclass(frozen=True, slots=True)
class Surplus:
    """These pods are to be deleted."""

    pods: tuple[Object, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose a pod becomes: without a controller and selected it is adopted, ours and not selected it is let go."""

    adopted: tuple[Object, ...]
    released: tuple[Object, ...]


def claims(replica_set: Object, owned: Iterable[Object], without_controller: Iterable[Object]) -> Claims:
    """Return which active pods change hands."""
    selector = LabelSelector.of(replica_set["spec"].get("selector"))
    deleting = "deletionTimestamp" in replica_set["metadata"]

    def selected(pod: Object) -> bool:
        return selector.matches(pod["metadata"].get("labels"))

    return Claims(
        adopted=() if deleting else tuple(pod for pod in without_controller if is_active(pod) and selected(pod)),
        released=tuple(pod for pod in owned if is_active(pod) and not selected(pod)),
    )


def needed(
    replica_set: Object, pods: Iterable[Object], related: Iterable[Object], now: float
) -> Shortfall | Surplus | None:
    """Compare a ReplicaSet's pods with its replicas; `related` are the pods of all ReplicaSets of its owner."""
    active = [pod for pod in pods if is_active(pod)]
    surplus = len(active) - _wanted(replica_set)
    if surplus < 0:
        return Shortfall(min(-surplus, _MOST_AT_ONCE))
    if surplus > 0:
        return Surplus(tuple(first_to_go(active, related, min(surplus, _MOST_AT_ONCE), now)))
    return None


def new_pod(replica_set: Object) -> Object:
    """Return a pod as the ReplicaSet's template makes it."""
    template = replica_set["spec"]["template"]
    meta = template.get("metadata") or {}
    prefix = f"{replica_set['metadata']['name']}-"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            # A longer one the API server would cut off: kube-controller-manager then leaves out the dash.
            "generateName": prefix if len(prefix) <= 253 else prefix[:-1],
            **{key: meta[key] for key in ("labels", "annotations", "finalizers") if meta.get(key)},
            "ownerReferences": [reference_to(kinds.REPLICA_SETS, replica_set)],
        },
        "spec": template["spec"],
    }


def status_of(replica_set: Object, pods: Iterable[Object], failure: str | None, now: float) -> Object:
    """Return a ReplicaSet's status; `failure` is why pods could not be created or deleted just now."""
    pods = list(pods)
    active = [pod for pod in pods if is_active(pod)]
    ready = [pod for pod in active if is_ready(pod)]
    labels = (replica_set["spec"]["template"].get("metadata") or {}).get("labels") or {}
    counts = {
        "fullyLabeledReplicas": sum(labels.items() <= (pod["metadata"].get("labels") or {}).items() for pod in active),
        "readyReplicas": len(ready),
        "availableReplicas": sum(_available_at(replica_set, pod) <= now for pod in ready),
        "observedGeneration": replica_set["metadata"].get("generation", 0),
    }
    conditions = _conditions(replica_set, len(active), failure, now)
    return {
        "replicas": len(active),
        **{key: count for key, count in counts.items() if count},
        "terminatingReplicas": sum(_is_terminating(pod) for pod in pods),
        **({"conditions": conditions} if conditions else {}),
    }


def next_available(replica_set: Object, pods: Iterable[Object], now: float) -> float | None:
    """Return when the next of the ready pods will have been so for minReadySeconds."""
    if not replica_set["spec"].get("minReadySeconds"):
        return None
    times = (_available_at(replica_set, pod) for pod in pods if is_active(pod) and is_ready(pod))
    return min((time for time in times if time > now), default=None)


def _wanted(replica_set: Object) -> int:
    return int(replica_set["spec"].get("replicas", 1))


def _is_terminating(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"] and pod["status"].get("phase") not in ("Succeeded", "Failed")


def _available_at(replica_set: Object, pod: Object) -> float:
    """Return since when a ready pod has been available, or when it will be."""
    seconds = replica_set["spec"].get("minReadySeconds", 0)
    if not seconds:
        return 0.0
    ready = condition(pod["status"], "Ready") or {}
    return read(ready["lastTransitionTime"]) + seconds if ready.get("lastTransitionTime") else float("inf")


def _conditions(replica_set: Object, active: int, failure: str | None, now: float) -> Sequence[Object]:
    old: list[Object] = replica_set["status"].get("conditions") or []
    if failure is None:
        return without(old, "ReplicaFailure")
    new = {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": written(now),
        "reason": "FailedCreate" if active < _wanted(replica_set) else "FailedDelete",
        "message": failure,
    }
    there = any(each.get("type") == "ReplicaFailure" for each in old)
    return old if there else kept_or_appended(old, new, keep_transition=False)
