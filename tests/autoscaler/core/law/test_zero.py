"""Bounds hold, zero is reached step by step, and status and route say so: the tables of kpa-spec section 4."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.law import zero
from autoscaler.core.law.zero import Activity, Bounds, Route, Scaled, Situation, Status
from autoscaler.core.model import SECOND_NS, Policy

S = SECOND_NS
POLICY = Policy(scale_to_zero_grace_period_ns=30 * S, progress_deadline_ns=600 * S, stable_window_s=60)
IDLE = Situation(
    activity=Activity.INACTIVE,
    activity_for_ns=10 * S,
    initialised=True,
    has_service=True,
    route=Route.PROXY,
    proxied_for_ns=0,
    activator_answers=True,
    current=1,
)
ACTIVE = replace(IDLE, activity=Activity.ACTIVE, route=Route.SERVE)
ACTIVATING = replace(IDLE, activity=Activity.ACTIVATING)


def shown(activity: Activity, reason: str | None) -> Status:
    return Status(activity, reason, initialised=True)


KEEPS_POD = replace(POLICY, scale_to_zero_pod_retention_period_ns=50 * S)


@pytest.mark.parametrize(
    ("policy", "desired", "seen", "done"),
    [
        pytest.param(POLICY, 5, ACTIVE, Scaled(5, 5), id="another count is written"),
        pytest.param(POLICY, 1, ACTIVE, Scaled(1), id="the same count is not"),
        pytest.param(POLICY, 1, replace(ACTIVE, current=None), Scaled(1), id="a count that is not said means one"),
        pytest.param(POLICY, -1, ACTIVE, Scaled(-1), id="what is not known changes nothing"),
        pytest.param(
            replace(POLICY, min_scale=2), -1, ACTIVATING, Scaled(2, 2), id="but an activating workload gets its least"
        ),
        pytest.param(
            replace(POLICY, enable_scale_to_zero=False), 0, replace(IDLE, current=4), Scaled(1, 1),
            id="where zero is off, one stays",
        ),
        pytest.param(
            POLICY, 0, replace(ACTIVATING, activity_for_ns=630 * S), Scaled(-1, requeues_ns=(630 * S,)),
            id="activation may take its deadline and 30s",
        ),
        pytest.param(
            POLICY, 0, replace(ACTIVATING, activity_for_ns=630 * S + 1), Scaled(0, 0), id="after that it timed out"
        ),
        pytest.param(
            POLICY, 0, replace(ACTIVE, activity_for_ns=20 * S, current=3), Scaled(1, 1, (40 * S,)),
            id="freshly active: one stays for a stable window",
        ),
        pytest.param(
            POLICY, 0, replace(ACTIVE, activity_for_ns=60 * S), Scaled(0), id="active for a window: the pods stay"
        ),
        pytest.param(
            POLICY, 0, replace(ACTIVE, activity_for_ns=60 * S, route=Route.PROXY), Scaled(0, requeues_ns=(3 * S,)),
            id="already led through the activator: asked again soon",
        ),
        pytest.param(
            POLICY, 0, replace(IDLE, activator_answers=False, activity_for_ns=999 * S),
            Scaled(0, probe_calls=1, async_probe_offers=1), id="no zero while the activator does not answer",
        ),
        pytest.param(
            replace(POLICY, target_burst_capacity=-1.0), 0,
            replace(IDLE, activator_answers=False, activity_for_ns=999 * S), Scaled(0, 0),
            id="nobody asks where the activator gets everything anyway",
        ),
        pytest.param(
            POLICY, 0, replace(IDLE, activity_for_ns=30 * S), Scaled(0, 0, probe_calls=1), id="grace is over"
        ),
        pytest.param(
            POLICY, 0, IDLE, Scaled(0, requeues_ns=(30 * S,), probe_calls=1),
            id="not proxied yet: the whole grace period is ahead",
        ),
        pytest.param(
            POLICY, 0, replace(IDLE, proxied_for_ns=12 * S), Scaled(0, requeues_ns=(18 * S,), probe_calls=1),
            id="time that it was proxied counts",
        ),
        pytest.param(
            POLICY, 0, replace(IDLE, proxied_for_ns=30 * S), Scaled(0, 0, probe_calls=1),
            id="proxied for the grace period is enough",
        ),
        pytest.param(
            KEEPS_POD, 0, replace(IDLE, activity_for_ns=40 * S, proxied_for_ns=40 * S),
            Scaled(0, requeues_ns=(10 * S,), probe_calls=1), id="the last pod is retained",
        ),
        pytest.param(
            KEEPS_POD, 0, replace(IDLE, activity_for_ns=50 * S), Scaled(0, 0, probe_calls=1), id="no longer than that"
        ),
        pytest.param(
            replace(KEEPS_POD, reachable=False), 0, replace(IDLE, activity_for_ns=30 * S), Scaled(0, 0, probe_calls=1),
            id="nothing unreachable is retained",
        ),
    ],
)  # fmt: skip
def test_what_is_done_about_a_wanted_count(policy: Policy, desired: int, seen: Situation, done: Scaled) -> None:
    assert zero.scale(policy, desired, seen) == done


@pytest.mark.parametrize(
    ("policy", "initialised", "wanted", "bounded"),
    [
        pytest.param(POLICY, True, 7, 7, id="no bounds"),
        pytest.param(replace(POLICY, min_scale=2, max_scale=5), True, 1, 2, id="raised to min-scale"),
        pytest.param(replace(POLICY, min_scale=2, max_scale=5), True, 7, 5, id="lowered to max-scale"),
        pytest.param(replace(POLICY, min_scale=5, max_scale=2), True, 1, 5, id="less than both is raised to min-scale"),
        pytest.param(
            replace(POLICY, min_scale=5, max_scale=2), True, 7, 2, id="more than both is lowered to max-scale"
        ),
        pytest.param(replace(POLICY, min_scale=2, reachable=False), True, 0, 0, id="nothing unreachable has a least"),
        pytest.param(replace(POLICY, max_scale=5, reachable=False), True, 7, 5, id="but a most"),
        pytest.param(replace(POLICY, initial_scale=3), False, 1, 3, id="the initial scale until it was reached"),
        pytest.param(replace(POLICY, initial_scale=3), True, 1, 1, id="not after that"),
        pytest.param(replace(POLICY, initial_scale=1), False, 0, 0, id="an initial scale of one holds nothing"),
        pytest.param(replace(POLICY, initial_scale=3, reachable=False), False, 0, 0, id="nor one that is unreachable"),
    ],
)
def test_bounds(policy: Policy, initialised: bool, wanted: int, bounded: int) -> None:  # noqa: FBT001
    assert zero.bounded(wanted, policy, initialised=initialised) == bounded
    assert Bounds.of([policy]).bounded(np.array([wanted]), np.array([initialised])).tolist() == [bounded]


@pytest.mark.parametrize(
    ("policy", "seen", "want", "ready", "status"),
    [
        pytest.param(POLICY, ACTIVE, 0, 1, shown(Activity.INACTIVE, "NoTraffic"), id="nothing wanted"),
        pytest.param(POLICY, ACTIVATING, 0, 0, shown(Activity.INACTIVE, "TimedOut"), id="given up on"),
        pytest.param(POLICY, ACTIVATING, 2, 0, shown(Activity.ACTIVATING, "Queued"), id="not ready yet"),
        pytest.param(POLICY, ACTIVE, -1, 0, shown(Activity.ACTIVATING, "Queued"), id="lost its pods"),
        pytest.param(POLICY, IDLE, -1, 0, shown(Activity.INACTIVE, "NoTraffic"), id="stays inactive"),
        pytest.param(POLICY, ACTIVATING, 2, 1, shown(Activity.ACTIVE, ""), id="ready"),
        pytest.param(POLICY, IDLE, -1, 1, shown(Activity.INACTIVE, None), id="ready, but not asked for"),
        pytest.param(
            replace(POLICY, min_scale=5), ACTIVE, 5, 3, shown(Activity.ACTIVATING, "Queued"),
            id="fewer ready than min-scale",
        ),
        pytest.param(
            replace(POLICY, initial_scale=3), replace(ACTIVATING, initialised=False), 3, 3,
            shown(Activity.ACTIVE, ""), id="its initial scale is reached",
        ),
        pytest.param(
            replace(POLICY, initial_scale=3), replace(ACTIVATING, initialised=False, has_service=False), 3, 3,
            Status(Activity.ACTIVE, "", initialised=False), id="not without a service",
        ),
        pytest.param(
            replace(POLICY, initial_scale=0), replace(ACTIVATING, initialised=False), 2, 0,
            shown(Activity.INACTIVE, "NoTraffic"), id="an initial scale of zero begins inactive",
        ),
    ],
)  # fmt: skip
def test_the_status(policy: Policy, seen: Situation, want: int, ready: int, status: Status) -> None:
    assert zero.status(policy, seen, want=want, ready=ready) == status


@pytest.mark.parametrize(
    ("activity", "want", "excess", "route"),
    [
        pytest.param(Activity.ACTIVE, 2, 0, Route.SERVE, id="room for a burst"),
        pytest.param(Activity.ACTIVE, 2, -1, Route.PROXY, id="no room"),
        pytest.param(Activity.ACTIVE, 0, 5, Route.PROXY, id="nobody there soon"),
        pytest.param(Activity.INACTIVE, -1, 5, Route.PROXY, id="nobody there, as far as is known"),
        pytest.param(Activity.ACTIVE, -1, 5, Route.SERVE, id="somebody there, as far as is known"),
    ],
)
def test_the_route(activity: Activity, want: int, excess: int, route: Route) -> None:
    assert zero.route(activity, want=want, excess_burst_capacity=excess) is route


@pytest.mark.parametrize(
    ("burst", "ready", "activators"),
    [(0.0, 500, 2), (200.0, 1, 3), (200.0, 0, 2), (-1.0, 5, 5), (-1.0, 0, 2), (201.0, 1, 4), (1.7e308, 1, 2**31 - 1)],
)
def test_the_number_of_activators(burst: float, ready: int, activators: int) -> None:
    policy = replace(POLICY, target_burst_capacity=burst, total=100.0, activator_capacity=100.0)
    assert zero.activators(policy, ready) == activators


policies = st.builds(
    Policy,
    min_scale=st.integers(0, 9),
    max_scale=st.integers(0, 9),
    initial_scale=st.integers(0, 9),
    reachable=st.booleans(),
)


@given(st.lists(st.tuples(policies, st.integers(-1, 20), st.booleans()), min_size=1, max_size=9))
def test_bounds_of_all_rows_are_those_of_each(rows: list[tuple[Policy, int, bool]]) -> None:
    everyone, wanted, initialised = zip(*rows, strict=True)
    answers = Bounds.of(everyone).bounded(np.array(wanted), np.array(initialised))
    assert answers.tolist() == [zero.bounded(want, policy, initialised=known) for policy, want, known in rows]


@given(policies, st.integers(0, 50), st.integers(0, 50), st.booleans())
def test_bounds_keep_the_order_and_hold_where_they_agree(policy: Policy, one: int, more: int, known: bool) -> None:  # noqa: FBT001
    least = zero.least(policy, initialised=known)
    if policy.max_scale and policy.max_scale < least:
        return
    low, high = (zero.bounded(want, policy, initialised=known) for want in sorted((one, more)))
    assert least <= low <= high
    assert not policy.max_scale or high <= policy.max_scale
