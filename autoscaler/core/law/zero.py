"""What becomes of a wanted count? Bounds, the way to zero, and what the workload's status and route are (kpa-spec 4).

Bounds first: less than min-scale (or than the initial scale, until it was reached once) is raised to it; otherwise more
than max-scale is lowered to it. Where the two contradict each other, so do the answers, as in the original. A workload
whose bounded count is 0 goes to zero step by step, so that no request finds neither a pod nor an activator:

| it is | for so long | then |
|---|---|---|
| activating | no longer than progress-deadline + 30 s | wait, ask again when that is over |
| | longer | 0 replicas: it timed out |
| active | less than the stable window | keep 1 replica, ask again when that is over |
| | at least the stable window | call it inactive, keep its replicas: requests are led to the activator |
| inactive | the activator does not answer through its service | wait for the activator |
| | less than its retention of the last pod | wait, ask again when that is over |
| | at least grace period and retention, or proxied for the grace period | 0 replicas |
| | neither | wait, ask again when the grace period is over |
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.model import MOST_REPLICAS, SECOND_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from autoscaler.core.model import Policy

UNKNOWN = -1
"""A wanted count that is not known: nothing was decided yet, or nothing is to be done."""

FEWEST_ACTIVATORS = 2

_ACTIVATION_BUFFER_NS = 30 * SECOND_NS  # what scheduling and image pulls may take beyond the progress deadline
_PROXY_PAUSE_NS = 3 * SECOND_NS  # the time in which a route through the activator reaches all that send requests


class Activity(Enum):
    """Whether a workload serves (the condition Active)."""

    ACTIVE = "True"
    INACTIVE = "False"
    ACTIVATING = "Unknown"


class Route(Enum):
    """Who gets a workload's requests: its pods, or the activator in front of them."""

    SERVE = "Serve"
    PROXY = "Proxy"


@dataclass(frozen=True, slots=True)
class Situation:
    """How a workload stands when a decision is applied to it.

    `activity_for_ns`: the time since `activity` last changed; `proxied_for_ns`: how long all its requests have been led
    to the activator, 0 if they are not; `activator_answers`: whether the activator answered when it was asked through
    the workload's service (where there is no service it cannot); `current`: the replicas asked for, None where the
    object does not say, which means 1.
    """

    activity: Activity
    activity_for_ns: int
    initialised: bool
    has_service: bool
    route: Route
    proxied_for_ns: int
    activator_answers: bool
    current: int | None


@dataclass(frozen=True, slots=True)
class Scaled:
    """What is to be done: `want` replicas are meant (UNKNOWN: no change), `applied` are written (None: nothing is).

    `requeues_ns`: after which times to ask again; `probe_calls`: how often the activator had to be asked;
    `async_probe_offers`: whether to go on asking it in the background.
    """

    want: int
    applied: int | None = None
    requeues_ns: tuple[int, ...] = ()
    probe_calls: int = 0
    async_probe_offers: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """What a workload is shown to be; `reason` None: as before."""

    activity: Activity
    reason: str | None
    initialised: bool


class Bounds:
    """What bounds the replicas of each row: int64[rows] each."""

    def __init__(self, count: int) -> None:
        self._least: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self._most: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self._at_first: NDArray[np.int64] = np.zeros(count, dtype=np.int64)

    @classmethod
    def of(cls, policies: Sequence[Policy]) -> Bounds:
        """Return the bounds of a policy a row."""
        result = cls(len(policies))
        for row, policy in enumerate(policies):
            result.set(row, policy)
        return result

    def set(self, row: int, policy: Policy) -> None:
        """Follow a policy from now on."""
        self._least[row] = least(policy, initialised=True)
        self._at_first[row] = least(policy, initialised=False)
        self._most[row] = policy.max_scale

    def bounded(self, wanted: NDArray[np.int64], initialised: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return wanted counts within their bounds, int64; `initialised`: which rows have reached their initial scale.

        There may be fewer rows than bounds.
        """
        lowest, most = self.lowest(initialised), self._most[: len(wanted)]
        capped = np.where((most > 0) & (wanted > most), most, wanted)
        return np.where(wanted < lowest, lowest, capped)

    def lowest(self, initialised: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the fewest replicas of each row, int64, as `least` does of one."""
        rows = slice(len(initialised))
        return np.where(initialised, self._least[rows], self._at_first[rows])

    def reached(self, ready: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which rows have as many ready pods as they are to begin with: they are initialised from now on."""
        return ready >= np.maximum(self._at_first[: len(ready)], 1)


def least(policy: Policy, *, initialised: bool) -> int:
    """Return the fewest replicas that a workload may have."""
    minimum = policy.min_scale if policy.reachable else 0
    if policy.initial_scale > 1 and policy.reachable and not initialised:
        return max(minimum, policy.initial_scale)
    return minimum


def bounded(wanted: int, policy: Policy, *, initialised: bool) -> int:
    """Return a wanted count within its bounds."""
    lowest = least(policy, initialised=initialised)
    if wanted < lowest:
        return lowest
    return policy.max_scale if 0 < policy.max_scale < wanted else wanted


def scale(policy: Policy, desired: int, seen: Situation) -> Scaled:
    """Return what is to be done about what the law wants (UNKNOWN: it does not know yet)."""
    if desired < 0 and seen.activity is not Activity.ACTIVATING:
        return Scaled(UNKNOWN)
    want = bounded(desired, policy, initialised=seen.initialised)
    if want:
        return Scaled(want, _change(want, seen))
    if not policy.enable_scale_to_zero:
        return Scaled(1, _change(1, seen))
    return _TOWARDS_ZERO[seen.activity](policy, seen)


def threshold(policy: Policy, *, initialised: bool) -> int:
    """Return how many ready pods make a workload active."""
    minimum = policy.min_scale if policy.reachable else 0
    return max(minimum, 1 if initialised else policy.initial_scale)


def status(policy: Policy, seen: Situation, *, want: int, ready: int) -> Status:
    """Return what the workload is shown to be once it is scaled."""
    # Before it is marked: with min-scale 5 and 3 ready it is activating again, however long ago it began.
    needed = threshold(policy, initialised=seen.initialised)
    initialised = seen.initialised or (ready >= needed and seen.has_service)
    if want == 0 or needed == 0:
        timed_out = seen.activity is Activity.ACTIVATING and needed > 0
        return Status(Activity.INACTIVE, "TimedOut" if timed_out else "NoTraffic", initialised)
    serving = want > 0 or seen.activity is not Activity.INACTIVE
    if ready < needed:
        if serving:
            return Status(Activity.ACTIVATING, "Queued", initialised)
        return Status(Activity.INACTIVE, "NoTraffic", initialised)
    if serving:
        return Status(Activity.ACTIVE, "", initialised)
    return Status(seen.activity, None, initialised)


def route(activity: Activity, *, want: int, excess_burst_capacity: int) -> Route:
    """Return who is to get the requests: the activator where there is no pod for them, or no room for a burst."""
    nobody = want == 0 or (want < 0 and activity is Activity.INACTIVE)
    return Route.PROXY if nobody or excess_burst_capacity < 0 else Route.SERVE


def activators(policy: Policy, ready: int) -> int:
    """Return how many activators are to stand in a workload's path."""
    burst = policy.target_burst_capacity
    if burst == 0:
        return FEWEST_ACTIVATORS
    capacity = ready * policy.total + max(burst, 0.0)
    return max(FEWEST_ACTIVATORS, math.ceil(min(capacity / policy.activator_capacity, MOST_REPLICAS)))


def _while_activating(policy: Policy, seen: Situation) -> Scaled:
    patience_ns = policy.progress_deadline_ns + _ACTIVATION_BUFFER_NS
    if seen.activity_for_ns > patience_ns:
        return Scaled(0, _change(0, seen))
    return Scaled(UNKNOWN, requeues_ns=(patience_ns,))


def _while_active(policy: Policy, seen: Situation) -> Scaled:
    rest_ns = policy.stable_window_s * SECOND_NS - seen.activity_for_ns
    if rest_ns > 0:
        return Scaled(1, _change(1, seen), requeues_ns=(rest_ns,))
    return Scaled(0, requeues_ns=(_PROXY_PAUSE_NS,) if seen.route is Route.PROXY else ())


def _while_inactive(policy: Policy, seen: Situation) -> Scaled:
    # With unlimited burst capacity the activator gets all requests at all times: there is nothing to wait for.
    asks = policy.target_burst_capacity != -1
    probes = int(asks)
    if asks and not seen.activator_answers:
        return Scaled(0, probe_calls=probes, async_probe_offers=1)
    grace_ns = policy.scale_to_zero_grace_period_ns
    retention_ns = policy.scale_to_zero_pod_retention_period_ns if policy.reachable else 0
    if seen.activity_for_ns < max(grace_ns, retention_ns):
        if seen.activity_for_ns < retention_ns:
            return Scaled(0, requeues_ns=(retention_ns - seen.activity_for_ns,), probe_calls=probes)
        if seen.proxied_for_ns < grace_ns:
            return Scaled(0, requeues_ns=(grace_ns - seen.proxied_for_ns,), probe_calls=probes)
    return Scaled(0, _change(0, seen), probe_calls=probes)


_TOWARDS_ZERO = {
    Activity.ACTIVATING: _while_activating,
    Activity.ACTIVE: _while_active,
    Activity.INACTIVE: _while_inactive,
}


def _change(replicas: int, seen: Situation) -> int | None:
    """Return the replicas to write, or None where they stand already."""
    return None if replicas == (1 if seen.current is None else seen.current) else replicas
