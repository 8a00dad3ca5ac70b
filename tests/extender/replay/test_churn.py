"""With lifetimes, what is allocated over time is what was offered less what was refused."""

from __future__ import annotations

import pytest

from extender.replay.churn import Churn, Load, churn
from extender.replay.policies import POLICIES
from tests.extender.replay.traces import trace


def played(policy: str, percent: int, *, seed: int = 1, hours: float = 20.0) -> Churn:
    load = Load(percent, hours, seed)
    return churn(trace(), policy, POLICIES[policy], load, learn=False, clock=lambda: 0, heard=lambda *_: None)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_refuses_what_fits(policy: str) -> None:
    one = played(policy, 110)
    assert one.refused_fitting == 0
    assert one.refused_percent > 0


def test_a_small_load_is_carried_whole() -> None:
    one = played("fragmentation", 20, hours=200.0)
    assert one.refused_percent == pytest.approx(0, abs=2)
    assert one.allocated == pytest.approx(20, abs=3)


def test_more_is_allocated_and_stranded_under_more_load() -> None:
    low, high = played("fragmentation", 40), played("fragmentation", 110)
    assert low.allocated < high.allocated <= 100
    assert 0 < high.stranded < 36 * 20


def test_the_seed_decides() -> None:
    assert played("fgd", 90) == played("fgd", 90)
    assert played("fgd", 90).allocated != played("fgd", 90, seed=2).allocated
