"""Offered load is arrivals times service time, and what works off those that wait."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.law.offered import Flow, offered, service_time_s

WINDOW = np.array([60.0])


def flow(in_flight: float, waiting: float, ended: float, grown: float) -> Flow:
    return Flow(*(np.array([value]) for value in (in_flight, waiting, ended, grown)))


def load(seen: Flow, drain_s: int = 60) -> float:
    return float(offered(seen, service_time_s(seen, WINDOW), np.array([drain_s]))[0])


def test_at_rest_it_is_what_is_in_flight() -> None:
    assert load(flow(in_flight=20, waiting=0, ended=10, grown=0)) == pytest.approx(20)


def test_what_piles_up_counts_as_arrivals_and_not_as_work() -> None:
    # 10 requests a second of 2 s each are all that two replicas can do; 40 a second arrive.
    seen = flow(in_flight=520, waiting=500, ended=10, grown=30)
    assert load(seen, drain_s=10**9) == pytest.approx(80)
    assert load(seen, drain_s=50) == pytest.approx(80 + 500 * 2 / 50)


def test_where_a_flow_begins_what_has_hardly_ended_says_nothing() -> None:
    assert load(flow(in_flight=30, waiting=0, ended=0.1, grown=5)) == 30


def test_less_than_one_request_in_a_window_tells_no_service_time() -> None:
    assert load(flow(in_flight=10, waiting=0, ended=1 / 60, grown=0)) == pytest.approx(10)
    assert np.isnan(load(flow(in_flight=10, waiting=0, ended=0.99 / 60, grown=0)))


def test_when_arrivals_end_the_pile_is_still_worked_off() -> None:
    assert load(flow(in_flight=520, waiting=500, ended=10, grown=-10), drain_s=100) == pytest.approx(10)


@pytest.mark.parametrize(
    "seen",
    [
        flow(5, 0, ended=0, grown=1),
        flow(5, 5, ended=1, grown=0),
        flow(float("nan"), 0, 1, 0),
        flow(5, float("nan"), 1, 0),
    ],
    ids=["nothing ends", "nothing runs", "no load", "nobody tells who waits"],
)
def test_where_the_service_time_is_unknown_so_is_the_load(seen: Flow) -> None:
    assert np.isnan(load(seen))


@given(st.floats(0.1, 1e6), st.floats(0, 1e6), st.floats(1 / 60, 1e5), st.floats(-1e5, 1e5), st.integers(1, 3600))
def test_it_is_never_below_zero_nor_above_all_requests_there_are(
    running: float, waiting: float, ended: float, grown: float, drain_s: int
) -> None:
    assert 0 <= load(flow(running + waiting, waiting, ended, grown), drain_s) <= running + waiting
