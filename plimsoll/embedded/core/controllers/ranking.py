"""Which pods of a ReplicaSet go first? In the order of kube-controller-manager (ActivePodsWithRanks).

Unassigned before assigned, then by phase, not ready first, lower pod-deletion-cost, more replicas on the same node,
later ready, more restarts, newer. Ages differ only by powers of two, so that among pods of about one age the UID
decides: a scale down must not always hit the newest.
"""

from __future__ import annotations

from collections import Counter
from functools import cmp_to_key
from math import log2
from typing import TYPE_CHECKING

from plimsoll.embedded.core.notation.conditions import condition, holds
from plimsoll.embedded.core.notation.moments import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plimsoll.embedded.core.problem import Object

_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_SMALLEST_COST, _LARGEST_COST = -(2**31), 2**31 - 1


def is_active(pod: Object) -> bool:
    """Tell whether a pod counts as a replica: neither ended nor being deleted."""
    return "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") not in ("Succeeded", "Failed")


def is_ready(pod: Object) -> bool:
    """Tell whether a pod's condition Ready is True."""
    return holds(pod["status"], "Ready")


def first_to_go(pods: Sequence[Object], related: Iterable[Object], count: int, now: float) -> list[Object]:
    """Return the `count` pods that a scale down deletes; `related` are the pods of all ReplicaSets of one owner."""
    on_node = Counter(pod["spec"].get("nodeName", "") for pod in related if is_active(pod))
    ranked = [_Ranked(pod, on_node[pod["spec"].get("nodeName", "")]) for pod in pods]
    ranked.sort(key=lambda each: each.uid)  # where all else is equal
    ranked.sort(key=cmp_to_key(lambda one, other: _compare(one, other, now)))
    return [each.pod for each in ranked[:count]]


class _Ranked:
    """What decides about one pod."""

    def __init__(self, pod: Object, on_node: int) -> None:
        status = pod["status"]
        self.pod = pod
        self.uid: str = pod["metadata"]["uid"]
        self.ready = is_ready(pod)
        self.first = (
            bool(pod["spec"].get("nodeName")),
            _PHASES.get(status.get("phase", ""), 0),
            self.ready,
            _deletion_cost(pod),
            -on_node,
        )
        ready = condition(status, "Ready") or {}
        self.ready_since = read(ready["lastTransitionTime"]) if ready.get("lastTransitionTime") else None
        self.restarts = _restarts(pod)
        self.created = read(pod["metadata"]["creationTimestamp"])


def _compare(one: _Ranked, other: _Ranked, now: float) -> int:
    """Return a negative number where `one` goes before `other`."""
    if one.first != other.first:
        return -1 if one.first < other.first else 1
    if one.ready and one.ready_since != other.ready_since:
        return _compare_ages(one, other, (one.ready_since, other.ready_since), now)
    if one.restarts != other.restarts:
        return -1 if one.restarts > other.restarts else 1
    if one.created != other.created:
        return _compare_ages(one, other, (one.created, other.created), now)
    return 0


def _compare_ages(one: _Ranked, other: _Ranked, since: tuple[float | None, float | None], now: float) -> int:
    begun, other_begun = since
    if begun is None or other_begun is None:
        return -1 if begun is None else 1
    by_age = _magnitude(now - begun) - _magnitude(now - other_begun)
    return by_age or (-1 if one.uid < other.uid else 1)


def _magnitude(seconds: float) -> int:
    nanoseconds = int(seconds * 1e9)
    return int(log2(nanoseconds)) if nanoseconds > 0 else -1


def _deletion_cost(pod: Object) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(_DELETION_COST, "0")
    # Go's form: no plus sign, no leading zero, no space.
    try:
        cost = int(text)
    except ValueError:
        return 0
    return cost if str(cost) == text and _SMALLEST_COST <= cost <= _LARGEST_COST else 0


def _restarts(pod: Object) -> tuple[int, int]:
    """Return the most restarts of a container, and of a sidecar."""
    status = pod["status"]
    sidecars = {
        each["name"] for each in pod["spec"].get("initContainers") or () if each.get("restartPolicy") == "Always"
    }
    regular = (each.get("restartCount", 0) for each in status.get("containerStatuses") or ())
    beside = (
        each.get("restartCount", 0)
        for each in status.get("initContainerStatuses") or ()
        if each.get("name") in sidecars
    )
    return max(regular, default=0), max(beside, default=0)
