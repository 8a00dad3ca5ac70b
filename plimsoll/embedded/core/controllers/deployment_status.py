"""What does a Deployment's status say? Its counts, and the conditions Available, Progressing and ReplicaFailure.

After kube-controller-manager's progress.go, with its reasons and sentences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.controllers.shares import scaled
from plimsoll.embedded.core.notation.conditions import condition, kept_or_appended, without
from plimsoll.embedded.core.notation.moments import read, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plimsoll.embedded.core.problem import Object

NEW, FOUND = "NewReplicaSetCreated", "FoundNewReplicaSet"
_PAUSED, _RESUMED = "DeploymentPaused", "DeploymentResumed"
_AVAILABLE, _UPDATED, _TIMED_OUT = "NewReplicaSetAvailable", "ReplicaSetUpdated", "ProgressDeadlineExceeded"
_NO_DEADLINE = 2**31 - 1


def status_of(deployment: Object, owned: Sequence[Object], current: Object | None, now: float) -> Object:
    """Return counts and availability; `current` is the ReplicaSet of the Deployment's own pod template."""
    available = _sum(owned, "availableReplicas")
    wanted = deployment["spec"].get("replicas", 1)
    counts = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": _sum(owned, "replicas"),
        "updatedReplicas": _sum([current] if current else [], "replicas"),
        "readyReplicas": _sum(owned, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(sum(each["spec"].get("replicas", 1) for each in owned) - available, 0),
        "collisionCount": deployment["status"].get("collisionCount", 0),
    }
    enough = available >= wanted - _most_unavailable(deployment)
    minimum = {
        "type": "Available",
        "status": "True" if enough else "False",
        **_times(now),
        "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
    }
    conditions = kept_or_appended(deployment["status"].get("conditions") or [], minimum, keep_transition=True)
    told = [each["status"] for each in owned if each["status"].get("observedGeneration")]
    terminating = [status.get("terminatingReplicas") for status in told]
    return {
        **{key: count for key, count in counts.items() if count},
        # Unknown where a ReplicaSet's controller does not tell.
        **({} if None in terminating else {"terminatingReplicas": sum(terminating)}),
        "conditions": conditions,
    }


def with_progress(
    deployment: Object, status: Object, owned: Sequence[Object], current: Object | None, now: float
) -> tuple[Object, float | None]:
    """Return the status with its Progressing and ReplicaFailure, and when its deadline has to be looked at."""
    old = deployment["status"]
    deadline = deadline_of(deployment)
    was = condition(old, "Progressing")
    if deadline is None:
        status = {**status, "conditions": without(status["conditions"], "Progressing")}
    elif not (
        was and was.get("reason") == _AVAILABLE and _count(status, "replicas") == _count(status, "updatedReplicas")
    ):
        status = _estimated(deployment, status, current, deadline, now)
    status = {**status, "conditions": _with_failure(status["conditions"], owned, current)}
    now_is = condition(status, "Progressing")
    done = _is_complete(deployment, status) or now_is is None or now_is.get("reason") == _TIMED_OUT
    if done or deadline is None or now_is is None:
        return status, None
    return status, read(now_is["lastUpdateTime"]) + deadline + 1.0


def paused_or_resumed(deployment: Object, now: float) -> list[Object] | None:
    """Return the conditions of a Deployment that was just paused or resumed, else None."""
    was = condition(deployment["status"], "Progressing")
    reason = was.get("reason") if was else None
    if deadline_of(deployment) is None or reason == _TIMED_OUT:
        return None
    paused = bool(deployment["spec"].get("paused"))
    if paused == (reason == _PAUSED):
        return None
    new, message = (_PAUSED, "Deployment is paused") if paused else (_RESUMED, "Deployment is resumed")
    conditions: list[Object] = progressing(deployment["status"], "Unknown", new, message, now)["conditions"]
    return conditions


def progressing(status: Object, holds: str, reason: str, message: str, now: float) -> Object:
    """Return a status with another Progressing condition."""
    new = {"type": "Progressing", "status": holds, **_times(now), "reason": reason, "message": message}
    return {**status, "conditions": kept_or_appended(status.get("conditions") or [], new, keep_transition=True)}


def deadline_of(deployment: Object) -> int | None:
    """Return progressDeadlineSeconds, None where no progress is expected."""
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return None if seconds in (None, _NO_DEADLINE) else int(seconds)


def surge_of(deployment: Object) -> int:
    """Return how many pods there may be above the replicas while one is rolled out."""
    rolling = _rolling(deployment)
    wanted = deployment["spec"].get("replicas", 1)
    return scaled(rolling.get("maxSurge", 0), wanted, up=True) if rolling is not None and wanted else 0


def _estimated(deployment: Object, status: Object, current: Object | None, deadline: int, now: float) -> Object:
    name = deployment["metadata"]["name"]
    who = f'ReplicaSet "{current["metadata"]["name"]}"' if current else f'Deployment "{name}"'
    was = condition(deployment["status"], "Progressing")
    if _is_complete(deployment, status):
        return progressing(status, "True", _AVAILABLE, f"{who} has successfully progressed.", now)
    if _has_progressed(deployment["status"], status):
        # Written anew at each progress, for its lastUpdateTime; the transition is that of the status.
        new = {
            "type": "Progressing",
            "status": "True",
            **_times(now),
            "reason": _UPDATED,
            "message": f"{who} is progressing.",
        }
        if was and was["status"] == "True":
            new["lastTransitionTime"] = was["lastTransitionTime"]
        return {**status, "conditions": [*without(status["conditions"], "Progressing"), new]}
    if was and was.get("reason") != _AVAILABLE:
        late = was.get("reason") == _TIMED_OUT or read(was["lastUpdateTime"]) + deadline < now
        if late:
            return progressing(status, "False", _TIMED_OUT, f"{who} has timed out progressing.", now)
    return status


def _has_progressed(old: Object, new: Object) -> bool:
    outdated = _count(old, "replicas") - _count(old, "updatedReplicas")
    return _count(new, "replicas") - _count(new, "updatedReplicas") < outdated or any(
        _count(new, key) > _count(old, key) for key in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _is_complete(deployment: Object, status: Object) -> bool:
    wanted = deployment["spec"].get("replicas", 1)
    return all(
        _count(status, key) == wanted for key in ("updatedReplicas", "replicas", "availableReplicas")
    ) and _count(status, "observedGeneration") >= deployment["metadata"].get("generation", 0)


def _with_failure(conditions: Sequence[Object], owned: Sequence[Object], current: Object | None) -> list[Object]:
    """Return the conditions with a ReplicaSet's ReplicaFailure, the current one's first."""
    for each in (*([current] if current else ()), *owned):
        if failure := condition(each["status"], "ReplicaFailure"):
            passed_on = {**failure, "lastUpdateTime": failure["lastTransitionTime"]}
            return kept_or_appended(conditions, passed_on, keep_transition=True)
    return without(conditions, "ReplicaFailure")


def _most_unavailable(deployment: Object) -> int:
    rolling = _rolling(deployment)
    wanted = deployment["spec"].get("replicas", 1)
    if rolling is None or not wanted:
        return 0
    share = scaled(rolling.get("maxUnavailable", 0), wanted, up=False)
    if not share and not scaled(rolling.get("maxSurge", 0), wanted, up=True):
        share = 1  # else nothing could ever be rolled
    return min(share, int(wanted))


def _rolling(deployment: Object) -> Object | None:
    strategy = deployment["spec"].get("strategy") or {}
    return (strategy.get("rollingUpdate") or {}) if strategy.get("type", "RollingUpdate") == "RollingUpdate" else None


def _times(now: float) -> dict[str, str]:
    return {"lastUpdateTime": written(now), "lastTransitionTime": written(now)}


def _count(status: Object, key: str) -> int:
    return int(status.get(key, 0))


def _sum(replica_sets: Iterable[Object], key: str) -> int:
    return sum(_count(each["status"], key) for each in replica_sets)
