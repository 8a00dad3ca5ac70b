"""How many pods of a PodDisruptionBudget may be disrupted now? Its status, after the disruption controller.

The laws:
- A pod counts as healthy when it is Ready, is not being deleted, and no eviction of it is under way.
- An eviction under way is forgotten after two minutes, or once the pod is seen to go.
- What cannot be counted allows no disruption.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.embedded.core.controllers.owners import controller_of
from plimsoll.embedded.core.controllers.ranking import is_ready
from plimsoll.embedded.core.controllers.shares import scaled
from plimsoll.embedded.core.notation.conditions import condition, with_transition
from plimsoll.embedded.core.notation.moments import read, written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plimsoll.embedded.core.problem import Object

DELETION_TIMEOUT_S = 120.0
Scale = tuple[str, int]
"""A controller's UID and its replicas."""


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence about the budget, or about the pod of a UID."""

    reason: str
    message: str
    warning: bool
    pod: Object | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A budget's status as it should be, what is told of it, and when to look again, changes aside."""

    status: Object
    said: tuple[Said, ...] = ()
    again_at: float | None = None


class _Uncountable(Exception):  # noqa: N818  an answer: the budget allows nothing
    """How many pods are expected cannot be told."""


def decide(budget: Object, pods: Sequence[Object], scale_of: Callable[[Object], Scale | None], now: float) -> Outcome:
    """Return a budget's status; `pods` are those it selects, `scale_of` the scale behind a pod's controller."""
    said = [] if pods else [Said("NoPods", "No matching pods found", warning=False)]
    try:
        expected, desired, unmanaged = _expected(budget["spec"], pods, scale_of)
    except _Uncountable as problem:
        message = f"Failed to calculate the number of expected pods: {problem}"
        said.append(Said("CalculateExpectedPodCountFailed", message, warning=True))
        return Outcome(_failed(budget, str(problem), now), tuple(said))
    if unmanaged:
        said.append(Said("UnmanagedPods", _unmanaged(budget["spec"].get("selector")), warning=True))
    disrupted, late, again_at = _disrupted(budget, pods, now)
    where = budget["metadata"].get("namespace", "")
    said += [
        # The namespace twice: that is how it is written there.
        Said(
            "NotDeleted", f"Pod was expected by PDB {where}/{where} to be deleted but it wasn't", warning=True, pod=pod
        )
        for pod in late
    ]
    healthy = sum(_is_healthy(pod, disrupted) for pod in pods)
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    generation = budget["metadata"].get("generation", 0)
    old_conditions = budget["status"].get("conditions") or []
    new = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": written(now),
    }
    return Outcome(
        {
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "disruptionsAllowed": allowed,
            **({"disruptedPods": dict(disrupted)} if disrupted else {}),
            **({"observedGeneration": generation} if generation else {}),
            "conditions": with_transition(old_conditions, new),
        },
        tuple(said),
        again_at,
    )


def _expected(
    spec: Object, pods: Sequence[Object], scale_of: Callable[[Object], Scale | None]
) -> tuple[int, int, list[str]]:
    """Return how many pods there should be, how many of them healthy, and the pods that nobody controls."""
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if most is None and isinstance(least, int):
        return len(pods), least, []
    if most is None and least is None:
        return 0, 0, []
    expected, unmanaged = _scales(pods, scale_of)
    try:
        if most is not None:
            return expected, max(expected - scaled(most, expected, up=True), 0), unmanaged
        assert least is not None  # noqa: S101
        return expected, scaled(least, expected, up=True), unmanaged
    except ValueError as error:
        raise _Uncountable(str(error)) from error


def _scales(pods: Sequence[Object], scale_of: Callable[[Object], Scale | None]) -> tuple[int, list[str]]:
    scales: dict[str, int] = {}
    behind: set[str] = set()
    unmanaged = []
    for pod in pods:
        reference = controller_of(pod)
        if reference is None:
            unmanaged.append(pod["metadata"]["name"])
        elif reference["uid"] not in behind:
            scale = scale_of(pod)
            if scale is None:
                raise _Uncountable(f'found no controllers for pod "{pod["metadata"]["name"]}"')
            behind.add(reference["uid"])
            scales[scale[0]] = scale[1]
    return sum(scales.values()), unmanaged


def _disrupted(
    budget: Object, pods: Sequence[Object], now: float
) -> tuple[Mapping[str, str], list[Object], float | None]:
    """Return the evictions under way, the pods that should be gone by now, and when the next one is late."""
    since = budget["status"].get("disruptedPods") or {}
    kept: dict[str, str] = {}
    late = []
    for pod in pods:
        name = pod["metadata"]["name"]
        if "deletionTimestamp" in pod["metadata"] or name not in since:
            continue
        if read(since[name]) + DELETION_TIMEOUT_S < now:
            late.append(pod)
        else:
            kept[name] = since[name]
    return kept, late, min((read(time) + DELETION_TIMEOUT_S for time in kept.values()), default=None)


def _is_healthy(pod: Object, disrupted: Mapping[str, str]) -> bool:
    meta = pod["metadata"]
    return "deletionTimestamp" not in meta and meta["name"] not in disrupted and is_ready(pod)


def _failed(budget: Object, why: str, now: float) -> Object:
    status = budget["status"]
    old = condition(status, "DisruptionAllowed") or {}
    new = {
        "type": "DisruptionAllowed",
        "status": "False",
        "reason": "SyncFailed",
        "message": why,
        "observedGeneration": status.get("observedGeneration", 0),
        "lastTransitionTime": written(now),
    }
    if not new["observedGeneration"]:
        del new["observedGeneration"]
    conditions = with_transition(status.get("conditions") or [], {**old, **new})
    return {**status, "disruptionsAllowed": 0, "conditions": conditions}


def _unmanaged(selector: Object | None) -> str:
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {_printed(selector)}) were found to be unmanaged. As a "
        "result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To "
        'account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )


def _printed(selector: Object | None) -> str:
    """Return a selector as Go prints it."""
    if selector is None:
        return "nil"
    labels = selector.get("matchLabels") or {}
    pairs = "".join(f"{key}: {labels[key]}," for key in sorted(labels))
    rules = "".join(
        f"LabelSelectorRequirement{{Key:{rule['key']},Operator:{rule['operator']},"
        f"Values:[{' '.join(rule.get('values') or ())}],}},"
        for rule in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{pairs}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{rules}}},}}"
    )
