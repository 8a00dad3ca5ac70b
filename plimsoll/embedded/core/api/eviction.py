"""May a pod be evicted? As its disruption budget has it; after kubernetes' registry/core/pod/storage/eviction.go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.notation.conditions import condition, holds, with_transition
from plimsoll.embedded.core.notation.selectors import LabelSelector
from plimsoll.embedded.core.problem import Object, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


def charged(pod: Object, budgets: Sequence[Object], now: str) -> Object | None:
    """Return the budget as it is after this eviction; None where the eviction costs no budget anything.

    `budgets` are those of the pod's namespace.

    Raises:
        Problem: 429, the budget does not allow it now; 500, more than one budget is about this pod.
    """
    phase = pod.get("status", {}).get("phase")
    if phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]:
        return None
    labels = pod["metadata"].get("labels")
    matching = [each for each in budgets if LabelSelector.of(each["spec"].get("selector")).matches(labels)]
    if len(matching) > 1:
        sentence = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise Problem(500, "", sentence)
    if not matching or _spares(matching[0], pod):
        return None
    return _decremented(matching[0], pod["metadata"]["name"], now)


def with_disruption_target(pod: Object, now: str) -> Object:
    """Return a pod that says that it is evicted."""
    status = pod["status"]
    said = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    return {**pod, "status": {**status, "conditions": with_transition(status.get("conditions", ()), said)}}


def _spares(budget: Object, pod: Object) -> bool:
    """Tell whether a pod that is not ready may go without being charged to the budget."""
    if holds(pod["status"], "Ready"):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status", {})
    return bool(status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0)


def _decremented(budget: Object, pod: str, now: str) -> Object:
    name, status = budget["metadata"]["name"], budget.get("status", {})
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _refused(f"The disruption budget {name} is still being processed by the server.", retry_after_s=10)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed <= 0:
        raise _refused(_why_none(name, status))
    status = {
        **status,
        "disruptionsAllowed": allowed - 1,
        "disruptedPods": {**status.get("disruptedPods", {}), pod: now},
    }
    if allowed == 1:
        spent = {
            "type": "DisruptionAllowed",
            "status": "False",
            "reason": "InsufficientPods",
            "message": "",
            "observedGeneration": status["observedGeneration"],
            "lastTransitionTime": now,
        }
        status["conditions"] = with_transition(status.get("conditions", ()), spent)
    return {**budget, "status": status}


def _why_none(name: str, status: Object) -> str:
    needed, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
    said = condition(status, "DisruptionAllowed") or {}
    why = said.get("message") if said.get("status") == "False" else ""
    none = f"The disruption budget {name} does not allow evicting pods currently"
    if why and said.get("reason") == "SyncFailed":
        return f"{none} because it failed sync: {why}"
    if healthy <= needed:
        return f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
    return f"{none} ({said['reason']}): {why}" if why else none


def _refused(cause: str, retry_after_s: int = 0) -> Problem:
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if retry_after_s:
        details["retryAfterSeconds"] = retry_after_s
    return Problem(429, "TooManyRequests", _REFUSED, details)
