"""Why does one pod wait, or stand where it does, or is it gone? What the ledger holds of it, and what is remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from extender.core import reasons
from extender.core.gang.progress import progress
from extender.core.preemption.progress import eviction, sentence
from extender.core.preemption.progress import progress as preemption
from kube.gpus import Malformed, MemoryShare, Share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.core.explanations import Waits, Weighed
    from extender.core.gang.progress import Progress
    from extender.core.ledger.holding import Holding
    from extender.core.model import Ask, PodKey, SeenPod
    from extender.core.preemption.progress import Progress as Preemption
    from extender.core.preemption.records import Record
    from extender.core.quota.quota import Quota
    from extender.core.scheduling import Scheduling

NOT_ASKED = (
    "kube-scheduler has not asked about it: no node suits it otherwise (CPU, memory, taints, selectors), and its own "
    "Event FailedScheduling says why; or it has not come to it yet"
)
_GATED = "it is held back from scheduling (spec.schedulingGates) until whoever put the gate there takes it away"
_ON_ITS_WAY = "its place on node {node} was not bound in time: kube-scheduler asks again"

_NAMES_COMPARED = 1000  # likeness is costly to measure
_NAMES_TOLD = 3


@dataclass(frozen=True, slots=True)
class Waiter:
    """A pod without a place: why, as one sentence; `waits`: more of it, None where kube-scheduler did not ask.

    `project` is "" where it is in none, or nobody can tell which; `kind` as its PriorityClass says. `gang`: how far the
    gang has come that it is a member of, None where it is of none. `preemption`: what is done so that it has room, None
    where that was not looked at. `eviction`: that the last pod of its name had to leave for others, None where not.
    """

    pod: PodKey
    asks: str
    reason: str
    waits: Waits | None = None
    project: str = ""
    kind: str = ""
    gang: Progress | None = None
    preemption: Preemption | None = None
    eviction: Record | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A pod with a place: what it holds, on GPUs of which model, and what was weighed, None where we did not choose.

    `project`, `kind`, `gang`, `preemption` and `eviction` as `Waiter`'s. `by_plan`: the plan of its gang put it there.
    """

    pod: PodKey
    asks: str
    holding: Holding
    model: str
    weighed: Weighed | None = None
    project: str = ""
    kind: str = ""
    gang: Progress | None = None
    by_plan: bool = False
    preemption: Preemption | None = None
    eviction: Record | None = None


@dataclass(frozen=True, slots=True)
class GonePod:
    """A pod that is gone, and was evicted to make room for others."""

    eviction: Record


@dataclass(frozen=True, slots=True)
class UnknownPod:
    """There is no such pod that asks for GPUs of ours; `near` are pods with names like it."""

    near: tuple[PodKey, ...]


def explain(scheduling: Scheduling, namespace: str, name: str) -> Waiter | Holder | GonePod | UnknownPod:
    """Return what is known of the pod of a name."""
    named = (namespace, name)
    unbound = [pod for pod in scheduling.unbound() if (pod.key.namespace, pod.key.name) == named]
    holdings = (held for held in scheduling.ledger.holdings() if held.devices != ())
    held = [one for one in holdings if (one.pod.namespace, one.pod.name) == named]
    record = eviction(namespace, name, scheduling.preemptions)
    # A new pod may bear the name of one that is not gone yet: whoever asks means the one that waits.
    for pod in unbound:
        has = scheduling.ledger.holding(pod.key.uid)
        if has is None or has.nominated:
            return replace(_waiter(scheduling, pod), eviction=record)
    for holding in held:
        return replace(_holder(scheduling, holding, unbound), eviction=record)
    return UnknownPod(_near(_known(scheduling), namespace, name)) if record is None else GonePod(record)


def _waiter(scheduling: Scheduling, pod: SeenPod) -> Waiter:
    gang = _gang_of(scheduling, pod.key.uid)
    reason, waits = _why(scheduling, pod, gang)
    made = _preemption(scheduling, pod.key.uid)
    if made is not None and made.reason and scheduling.quota.refusal(pod.ask()) is not None:
        made = None  # nobody leaves for it whoever is there; what was found before is of no use
    if made is not None and made.stage is not None:
        reason = sentence(pod.key.uid, made, scheduling.ledger)
        waits = None if waits is None else replace(waits, reason=reason, misfits=())
    elif made is not None and made.reason and made.reason not in reason:
        reason = f"{reason}; preemption: {made.reason}"
    asks = reasons.asks(pod.request) if isinstance(pod.request, Share | MemoryShare) else ""
    project, kind = _project_and_kind(scheduling.quota, pod.ask())
    return Waiter(pod.key, asks, reason, waits, project, kind, gang, made)


def _holder(scheduling: Scheduling, holding: Holding, unbound: Iterable[SeenPod]) -> Holder:
    node = scheduling.ledger.node(holding.node)
    weighed = scheduling.explanations.weighed(holding.pod.uid)
    if weighed is not None and weighed.choice.node != holding.node:
        weighed = None
    project, kind = _project_and_kind(scheduling.quota, holding.ask)
    model = node.model if node else ""
    gang = _gang_of(scheduling, holding.pod.uid)
    # Nothing but a plan gives a member a place of ours; what was weighed was weighed before it was a member.
    by_plan = gang is not None and weighed is None and (holding.planned or holding.ours)
    made = _preemption(scheduling, holding.pod.uid)
    return Holder(holding.pod, _asks(holding, unbound), holding, model, weighed, project, kind, gang, by_plan, made)


def _preemption(scheduling: Scheduling, uid: str) -> Preemption | None:
    return preemption(uid, scheduling.preemptions, scheduling.gangs, scheduling.ledger)


def _gang_of(scheduling: Scheduling, uid: str) -> Progress | None:
    gang = scheduling.gangs.gang_of(uid)
    return None if gang is None else progress(gang, scheduling.gangs, scheduling.ledger)


def _why(scheduling: Scheduling, pod: SeenPod, gang: Progress | None) -> tuple[str, Waits | None]:
    waits = scheduling.explanations.waits(pod.key.uid)
    if gang is not None and not isinstance(pod.request, Malformed):
        # Of each node filter only says that the gang has no plan, or another one.
        return gang.reason, None if waits is None else replace(waits, reason=gang.reason, misfits=())
    if waits is not None:
        return waits.reason, waits
    if isinstance(pod.request, Malformed):
        return malformed(pod.request), None
    weighed = scheduling.explanations.weighed(pod.key.uid)
    if weighed is not None:
        return _ON_ITS_WAY.format(node=weighed.choice.node), None
    return (_GATED if pod.gated else NOT_ASKED), None


def _project_and_kind(quota: Quota, ask: Ask | None) -> tuple[str, str]:
    return ("", "") if ask is None else (quota.project_of(ask), quota.kinds.of(ask.priority_class).value)


def malformed(problem: Malformed) -> str:
    """Return the sentence about an annotation that breaks its rule."""
    return f"{problem}; the pod stays pending until that is corrected"


def _asks(holding: Holding, unbound: Iterable[SeenPod]) -> str:
    for pod in unbound:
        if pod.key.uid == holding.pod.uid and isinstance(pod.request, Share | MemoryShare):
            return reasons.asks(pod.request)
    if not holding.devices:
        return ""
    if holding.device_memory:
        return reasons.asks(MemoryShare(len(holding.devices), holding.device_memory))
    return reasons.asks(Share(len(holding.devices), holding.milli))


def _known(scheduling: Scheduling) -> list[PodKey]:
    keys = {pod.key.uid: pod.key for pod in scheduling.unbound()}
    keys |= {held.pod.uid: held.pod for held in scheduling.ledger.holdings() if held.devices != ()}
    return sorted(keys.values(), key=lambda key: (key.namespace, key.name, key.uid))


def _near(known: Iterable[PodKey], namespace: str, name: str) -> tuple[PodKey, ...]:
    elsewhere = [key for key in known if key.name == name]
    inside = {key.name: key for key in known if key.namespace == namespace and key.name != name}
    likely = sorted(inside, key=lambda one: (-_common(one, name), one))[:_NAMES_COMPARED]
    alike = [inside[one] for one in get_close_matches(name, likely, n=_NAMES_TOLD)]
    return tuple((elsewhere + alike)[:_NAMES_TOLD])


def _common(one: str, other: str) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
