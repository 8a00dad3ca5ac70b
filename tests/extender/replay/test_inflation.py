"""A replay tells what was allocated; no policy refuses a pod that fits."""

from __future__ import annotations

import numpy as np
import pytest

from extender.replay.inflation import Cost, Inflation, inflate
from extender.replay.policies import POLICIES
from extender.replay.scheduler import Cluster
from tests.extender.replay.traces import trace


def played(policy: str, *, learn: bool = False) -> Inflation:
    ticks = iter(range(0, 10**9, 2000))
    return inflate(trace(), policy, POLICIES[policy], learn=learn, clock=lambda: next(ticks), heard=lambda *_: None)


@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_refuses_what_fits_and_all_fill_the_cluster(policy: str, *, learn: bool) -> None:
    one = played(policy, learn=learn)
    assert one.refused_fitting == 0
    assert one.refused > 0
    assert 75 < one.allocated[-1] <= 100
    assert (one.allocated <= one.arrived + 1e-9).all()
    assert one.cost == Cost(80, 2.0, 2.0)


def test_the_same_replay_gives_the_same() -> None:
    assert played("fragmentation").allocated.tolist() == played("fragmentation").allocated.tolist()


def test_the_first_failure_is_where_allocated_first_falls_behind() -> None:
    one = played("fragmentation")
    behind = one.arrived[one.allocated < one.arrived - 1e-9]
    assert one.first_failure is not None
    assert one.first_failure <= behind[0] + 1e-9


def test_what_is_read_at_a_percentage_is_the_mean_where_demand_rounds_to_it() -> None:
    arrived, allocated = np.array([89.4, 89.6, 90.4, 90.6]), np.array([1.0, 2.0, 4.0, 8.0])
    one = Inflation("x", arrived, allocated, None, 0, 0, Cost(4, 1.0, 1.0))
    assert one.at(90) == 3.0
    assert one.at(100) is None


def test_a_refusal_of_what_fits_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(trace(), POLICIES["fragmentation"], lambda: 0, learn=False)
    monkeypatch.setattr(cluster.packer, "best", lambda *_: None)
    assert cluster.arrive(trace().pods[0]) is None
    assert (cluster.refused, cluster.refused_fitting) == (1, 1)
