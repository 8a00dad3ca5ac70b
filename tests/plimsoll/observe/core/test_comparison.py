"""Sums are made over the same moments on both sides, and say of how much they are the sums."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.observe.core.comparison import Side, compared
from plimsoll.observe.core.history import Moment, Standing, exported, moments
from plimsoll.observe.core.period import Period
from tests.plimsoll.observe.stories import OVER, workload


def test_replica_and_gpu_minutes_peak_and_changes_of_each() -> None:
    story = workload((0, 300, 4, 6), (300, 480, 2, 6), (480, 600, 2, 1), gpus=2)
    found = compared(moments(exported(story, "chat"), [], OVER), OVER)
    assert found.decided == Side(4 * 5 + 2 * 5, 2 * (4 * 5 + 2 * 5), 4, 1)
    assert found.other == Side(6 * 8 + 1 * 2, 2 * (6 * 8 + 1 * 2), 6, 1)
    assert (found.asked_below_s, found.ready_below_s, found.held_s) == (120, 120, 0)


def test_a_hole_is_in_no_sum_on_either_side() -> None:
    story = workload((0, 200, 4, 6), (400, 600, 4, 6))
    found = compared(moments(exported(story, "chat"), [], OVER), OVER)
    hole_s = found.by_standing[Standing.NO_DATA]
    assert 170 <= hole_s <= 200
    assert found.decided.replica_minutes == pytest.approx(4 * (600 - hole_s) / 60)
    assert found.other.replica_minutes == pytest.approx(6 * (600 - hole_s) / 60)
    assert found.decided.changes == 0


def test_gpus_that_were_unknown_for_a_while_are_those_known_last_and_before_that_first() -> None:
    known = [None, 2.0, None, 4.0, None]
    each = [Moment(10 * at, Standing.COMPARED, 1, 1, 1, gpus) for at, gpus in enumerate(known)]
    assert compared(each, Period(0, 60, 5)).decided.gpu_minutes == 2 + 2 + 2 + 4 + 4


def test_gpus_that_nobody_knows_make_no_gpu_minutes() -> None:
    found = compared([Moment(0, Standing.COMPARED, 1, 1, 1)], Period(0, 60, 1))
    assert (found.decided.gpu_minutes, found.other.gpu_minutes) == (None, None)
    assert compared([Moment(0, Standing.NO_DATA)], Period(0, 60, 1)).decided == Side(0, None, 0, 0)


@given(
    st.lists(
        st.builds(
            Moment, st.just(0), st.sampled_from(Standing), *[st.integers(0, 9).map(float)] * 3,
            st.sampled_from([None, 1.0, 0.5]), st.booleans(),
        )
    )
)  # fmt: skip
def test_every_second_is_told_of_and_the_sides_may_be_exchanged(each: list[Moment]) -> None:
    over = Period(0, 30, len(each))
    found = compared(each, over)
    assert sum(found.by_standing.values()) == over.length_s
    turned = compared([replace(one, desired=one.requested, requested=one.desired) for one in each], over)
    assert (turned.decided, turned.other) == (found.other, found.decided)
    assert found.asked_below_s + turned.asked_below_s <= found.by_standing[Standing.COMPARED]
