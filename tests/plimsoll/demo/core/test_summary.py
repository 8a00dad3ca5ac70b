from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.demo.core.picture import Change, History
from plimsoll.demo.core.summary import Served, percentile, summarised, summary_lines
from tests.plimsoll.demo.pictures import history, picture, standing


def test_a_new_count_or_a_new_mode_is_a_change() -> None:
    told = History()
    assert told.add(picture(0.0, standing("chat", 1, 1))) == ()
    assert told.add(picture(1.0, standing("chat", 1, 4, "panic", "much"))) == (
        Change(1.0, "chat", 1, 4, "panic", "much"),
    )
    assert told.add(picture(2.0, standing("chat", 4, 4, "panic", "still"))) == ()
    assert told.add(picture(3.0, standing("chat", 4, 4, "stable", "less"))) == (
        Change(3.0, "chat", 4, 4, "stable", "less"),
    )
    assert len(told.changes) == 2


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    enough = [value for value in values if sum(other <= value for other in values) >= math.ceil(share * len(values))]
    assert found == min(enough)


def test_nothing_served_has_no_latency() -> None:
    assert percentile([], 0.95) is None


def test_requests_are_counted_for_each_workload() -> None:
    assert summarised(history()).requests == (
        Served("chat", served=100, failed=0, p50_s=0.5, p95_s=0.95),
        Served("embed", served=0, failed=1, p50_s=None, p95_s=None),
    )


def test_gpus_are_told_with_and_without_sharing() -> None:
    summary = summarised(history())
    assert (summary.gpus.peak, summary.gpus_without.peak, summary.gpus_there) == (2, 4, 4)
    assert summary.replicas["chat"].mean == pytest.approx((4 * 1 + 6 * 3) / 10)


def test_the_summary_shows_requests_replicas_and_gpus() -> None:
    text = "\n".join(summary_lines(summarised(history())))
    assert "chat        100 served    0 failed   latency p50 0.50 s, p95 0.95 s" in text
    assert "embed         0 served    1 failed   latency p50 none, p95 none" in text
    assert "Ready replicas of chat, at most 3" in text
    assert "same pods, whole GPUs  at most   4   on average   4.0" in text


def test_a_run_without_a_moment_has_a_summary_too() -> None:
    assert summarised(History()).gpus_there == 0
