"""The extender is asked seldom, nothing rises before its first answer, and where it is silent nothing is bounded."""

from __future__ import annotations

import pytest

from autoscaler.core.model import MOST_REPLICAS, Placement
from autoscaler.core.targets.placing import (
    ANSWER_HOLDS_MS,
    ASKED_EVERY_MS,
    FAILURE_HOLDS_MS,
    UNSETTLED_MS,
    Placing,
)

NOW = 1_000_000
ASKING = Placement(0)
SIX = Placement(4, 2, "no room")


@pytest.fixture
def placing() -> Placing:
    """One that has just asked about `a`."""
    result = Placing()
    assert result.due({"a": 5}, NOW) == {"a": 10}
    return result


def test_nothing_is_known_before_the_first_answer() -> None:
    assert Placing().placement("a", NOW) == ASKING


def test_what_does_not_rise_is_not_asked_about(placing: Placing) -> None:
    placing.answered("a", SIX, NOW)
    assert placing.due({}, NOW + 10 * ASKED_EVERY_MS) == {}


def test_an_answer_bounds_for_a_while(placing: Placing) -> None:
    assert placing.placement("a", NOW) == ASKING
    placing.answered("a", SIX, NOW + 5)
    assert placing.placement("a", NOW + 4 + ANSWER_HOLDS_MS) == SIX
    assert placing.placement("a", NOW + 5 + ANSWER_HOLDS_MS) == ASKING


def test_it_is_not_asked_again_too_soon_nor_while_it_is_being_asked(placing: Placing) -> None:
    assert placing.due({"a": 5}, NOW + ASKED_EVERY_MS) == {}
    placing.answered("a", SIX, NOW + 5)
    assert placing.due({"a": 5}, NOW + ASKED_EVERY_MS - 1) == {}
    assert placing.due({"a": 7}, NOW + ASKED_EVERY_MS) == {"a": 14}


def test_it_is_asked_at_once_where_more_are_wanted_than_it_was_asked_about(placing: Placing) -> None:
    placing.answered("a", SIX, NOW)
    assert placing.due({"a": 10}, NOW + 1) == {}
    assert placing.due({"a": 11}, NOW + 1) == {"a": 22}


def test_a_failure_bounds_nothing_and_is_tried_again(placing: Placing) -> None:
    placing.failed("a", NOW + 5)
    assert placing.placement("a", NOW + 5) is None
    assert placing.placement("a", NOW + 4 + FAILURE_HOLDS_MS) is None
    assert placing.placement("a", NOW + 5 + FAILURE_HOLDS_MS) == ASKING
    assert placing.due({"a": 5}, NOW + ASKED_EVERY_MS) == {"a": 10}
    assert placing.placement("a", NOW + ASKED_EVERY_MS) is None, "while it is asked again it does not bound either"


def test_one_lost_answer_does_not_undo_the_one_before(placing: Placing) -> None:
    placing.answered("a", SIX, NOW)
    placing.due({"a": 5}, NOW + ASKED_EVERY_MS)
    placing.failed("a", NOW + ASKED_EVERY_MS + 1000)
    assert placing.placement("a", NOW + ANSWER_HOLDS_MS - 1) == SIX
    assert placing.placement("a", NOW + ANSWER_HOLDS_MS) is None


def test_an_answer_after_a_failure_bounds_again(placing: Placing) -> None:
    placing.failed("a", NOW + 5)
    placing.answered("a", SIX, NOW + 6)
    assert placing.placement("a", NOW + 6) == SIX


def test_a_question_that_is_never_settled_counts_as_failed(placing: Placing) -> None:
    assert placing.placement("a", NOW + UNSETTLED_MS - 1) == ASKING
    assert placing.placement("a", NOW + UNSETTLED_MS) is None
    assert placing.due({"a": 5}, NOW + UNSETTLED_MS) == {"a": 10}


def test_a_clock_that_is_set_back_asks_again(placing: Placing) -> None:
    placing.answered("a", SIX, NOW)
    assert placing.due({"a": 5}, NOW - 3_600_000) == {"a": 10}


def test_after_the_clock_was_set_back_an_answer_of_before_bounds_nothing_any_more(placing: Placing) -> None:
    placing.answered("a", SIX, NOW + 5)
    now = NOW - 3_600_000
    assert placing.placement("a", now) == ASKING
    for _ in range(150):
        if placing.due({"a": 5}, now):
            placing.failed("a", now + 1)
        now += 2000
    assert placing.placement("a", now) is None
    placing.due({"a": 5}, now)
    placing.answered("a", SIX, now + 1)
    assert placing.placement("a", now + 2) == SIX


def test_after_the_clock_was_set_back_a_question_of_before_counts_as_lost(placing: Placing) -> None:
    assert placing.placement("a", NOW - 3_600_000) is None


def test_what_is_gone_is_forgotten(placing: Placing) -> None:
    placing.retain(set())
    placing.answered("a", SIX, NOW)
    placing.failed("a", NOW)
    assert placing.placement("a", NOW) == ASKING
    assert placing._asked == {}


def test_no_more_are_asked_about_than_a_count_can_be() -> None:
    assert Placing().due({"a": MOST_REPLICAS}, NOW) == {"a": MOST_REPLICAS}
