"""What is said of a pod that could not be scheduled? kube-scheduler's sentences, and the condition on the pod."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.embedded.core.scheduling.fitting import NOT_DONE, misfit_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from plimsoll.embedded.core.problem import Object
    from plimsoll.embedded.core.scheduling.fitting import Fitting
    from plimsoll.embedded.core.scheduling.occupancy import Occupancy
    from plimsoll.embedded.core.scheduling.views import PodView

_EVENT_LIMIT = 1024
_NO_CLAIMS = "no new claims to deallocate"  # what kube-scheduler says of resource claims, before preemption
_NO_VICTIMS = "No preemption victims found for incoming pod"
_NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_NODES = "no nodes available to schedule pods"


@dataclass(frozen=True, slots=True)
class Placed:
    """The pod goes to a node."""

    node: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """No node takes the pod; `rejected_by` decides which events may help it."""

    message: str
    rejected_by: frozenset[str]
    keeps_nomination: bool = False
    reason: str = "Unschedulable"


@dataclass(frozen=True, slots=True)
class Failed:
    """The try itself failed: the pod is tried again after its back-off."""

    message: str
    reason: str = "SchedulerError"


Unplaced = Rejected | Failed


def rejected(pod: PodView, occupancy: Occupancy, ignored: Collection[str], fitting: Fitting) -> Rejected:
    """Return the verdict over a pod that no node takes; an extender's refusals are among the misfits."""
    nodes = fitting.total
    if fitting.of_all:
        first = f"{_none_of(nodes)}: {fitting.of_all}."
    else:
        reasons = Counter(reason for misfit in fitting.misfits.values() for reason in misfit.reasons)
        if fitting.absent and len(fitting.misfits) < nodes:
            reasons[fitting.absent] += nodes - len(fitting.misfits)
        first = f"{_none_of(nodes)}:{_listed(reasons)}"
    after = _after_preemption(pod, occupancy, ignored, fitting)
    return Rejected(f"{first} {after}", fitting.filters, keeps_nomination=bool(fitting.of_all) or not pod.preempts)


def not_done(what: str) -> Rejected:
    """Return the verdict over a pod that asks for what only the real kube-scheduler does."""
    return Rejected(f"the embedded scheduler does not do {what}", frozenset((NOT_DONE,)))


def no_nodes() -> Failed:
    """Return the verdict where there is no node at all."""
    return Failed(NO_NODES, "Unschedulable")


def shortened(message: str) -> str:
    """Return a message as it fits into an Event."""
    return message if len(message) <= _EVENT_LIMIT else f"{message[: _EVENT_LIMIT - 4]} ..."


def status_patch(pod: PodView, verdict: Unplaced, now: str) -> Object | None:
    """Return the merge patch that writes a verdict on a pod; None where it stands there already."""
    status = pod.whole["status"]
    conditions = status.get("conditions") or []
    before = next((each for each in conditions if each.get("type") == "PodScheduled"), None)
    said = {
        "type": "PodScheduled",
        "observedGeneration": pod.whole["metadata"].get("generation", 0),
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": before["lastTransitionTime"] if before and before["status"] == "False" else now,
        "reason": verdict.reason,
        "message": verdict.message,
    }
    changed: Object = {}
    if before is None or any(before.get(key) != value for key, value in said.items()):
        changed["conditions"] = [*(each for each in conditions if each is not before), said]
    if pod.nominated and not (isinstance(verdict, Rejected) and verdict.keeps_nomination):
        changed["nominatedNodeName"] = None
    if not changed:
        return None
    # Conditions are written as a whole: nobody else's may get lost, so the patch holds for this version alone.
    return {"metadata": {"uid": pod.uid, "resourceVersion": pod.version}, "status": changed}


def _after_preemption(pod: PodView, occupancy: Occupancy, ignored: Collection[str], fitting: Fitting) -> str:
    """Return what preemption says: nothing is evicted, so it must not be silent where the real one would evict."""
    if fitting.of_all:
        return "not found"  # kube-scheduler looks for the state of resource claims, which nothing has written then
    if not pod.preempts:
        return f"{_NO_CLAIMS}, preemption: not eligible due to preemptionPolicy=Never."
    reasons: Counter[str] = Counter()
    would_evict = False
    for name, misfit in fitting.misfits.items():
        place = occupancy.place(name)
        if not misfit.resolvable or place is None or place.node is None:
            continue
        victims = [each for each in place.pods.values() if each.priority < pod.priority]
        if not victims:
            reasons[_NO_VICTIMS] += 1
        elif (left := misfit_at(pod, place.without(victims), ignored)) is not None:
            reasons.update(left.reasons)
        else:
            would_evict = True
    left_over = fitting.total - sum(reasons.values())
    if left_over > 0 and not would_evict:
        reasons[_NOT_HELPFUL] = left_over
    sentence = f"{_NO_CLAIMS}, preemption: {_none_of(fitting.total)}:{_listed(reasons)}"
    return f"{sentence.rstrip('.')}; the embedded scheduler does not preempt" if would_evict else sentence


def _none_of(nodes: int) -> str:
    return f"0/{nodes} nodes are available"


def _listed(reasons: Mapping[str, int]) -> str:
    sentences: Iterable[str] = sorted(f"{count} {reason}" for reason, count in reasons.items())
    joined = ", ".join(sentences)
    return f" {joined}." if joined else ""
