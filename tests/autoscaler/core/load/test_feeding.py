"""A panic window that scrapes cannot feed is lengthened, said once, and not by jitter."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.load.feeding import Feed, fed_panic_window_s, followed, shortfall
from autoscaler.core.model import Policy

TICK_MS = 2000


def story(*intervals: float | None) -> Feed:
    feed = Feed()
    for tick, interval in enumerate(intervals):
        feed = followed(feed, interval, tick * TICK_MS)
    return feed


@pytest.mark.parametrize(
    ("every", "panic", "stable", "used"),
    [(None, 6, 60, 6), (1, 6, 60, 6), (3, 6, 60, 6), (4, 6, 60, 8), (15, 6, 60, 30), (60, 6, 60, 60), (15, 23, 180, 30),
     (5, 23, 180, 23), (1, 1, 6, 2)],
)  # fmt: skip
def test_the_shortest_window_that_holds_two_samples_is_used(
    every: int | None, panic: int, stable: int, used: int
) -> None:
    assert fed_panic_window_s(Policy(panic_window_s=panic, stable_window_s=stable), Feed(every)) == used


def test_what_cannot_be_fed_is_said_with_the_window_that_is_used_and_the_interval_that_would_do() -> None:
    assert shortfall(Policy(), Feed(15)) == (
        "scraped every 15 s: the panic window of 6 s cannot be fed; 30 s is used, the shortest one with two samples; "
        "scrape every 3 s to have it as it is set"
    )
    assert shortfall(Policy(), Feed(45)) == (
        "scraped every 45 s: the panic window of 6 s cannot be fed, nor can the stable window of 60 s, which is used "
        "as both; scrape at least every 30 s"
    )


@pytest.mark.parametrize("feed", [Feed(), Feed(1), Feed(3)])
def test_nothing_is_said_of_a_window_that_can_be_fed(feed: Feed) -> None:
    assert shortfall(Policy(), feed) == ""


@pytest.mark.parametrize(("interval", "whole"), [(0.2, 1), (1.0, 1), (1.01, 1), (1.3, 2), (14.95, 15), (15.6, 16),
                                                 (2.5, 3), (30.4, 30), (60.5, 60)])  # fmt: skip
def test_jitter_is_no_longer_interval(interval: float, whole: int) -> None:
    assert story(interval) == Feed(whole)


def test_a_lost_scrape_changes_nothing() -> None:
    assert story(15.0, *[30.0] * 20, 15.0).every_s == 15
    assert story(15.0, *[30.0] * 40, 15.0, *[30.0] * 40).every_s == 15


def test_an_interval_that_stays_counts_after_two_minutes() -> None:
    assert story(15.0, *[30.0] * 60).every_s == 15
    assert story(15.0, *[30.0] * 61) == Feed(30)
    assert story(15.0, *[1.0] * 61) == Feed(1)


def test_answers_that_do_not_tell_change_nothing() -> None:
    assert story(15.0, None, None).every_s == 15
    assert story(None, None) == Feed()


@given(st.lists(st.none() | st.floats(0.9, 1.1), min_size=1, max_size=200))
def test_the_window_of_a_steady_scrape_never_changes(intervals: list[float | None]) -> None:
    feed = Feed()
    windows = []
    for tick, interval in enumerate(intervals):
        feed = followed(feed, interval, tick * TICK_MS)
        windows.append(fed_panic_window_s(Policy(panic_window_s=1), feed))
    assert len(list(groupby(windows))) <= 2  # before the first interval, and after


@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 600))
def test_the_window_is_never_shorter_than_set_nor_longer_than_both(every: int, panic: int, longer: int) -> None:
    policy = Policy(panic_window_s=panic, stable_window_s=panic + longer)
    used = fed_panic_window_s(policy, Feed(every))
    assert panic <= used <= policy.stable_window_s
    assert (used == panic) == (2 * every <= panic or longer == 0)
