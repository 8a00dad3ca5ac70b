"""Moments are put together from series: a hole is a hole, and of several autoscalers the leader's word counts."""

from __future__ import annotations

from collections import Counter

import pytest

from plimsoll.observe.core.history import Moment, Standing, exported, leaders, moments
from tests.plimsoll.observe.stories import BEGIN_S, OVER, Series, leader, series, workload


def seen(found: list[Series], *leading: Series) -> tuple[Moment, ...]:
    return moments(exported(found, "chat"), leaders(leading), OVER)


def test_a_moment_is_what_was_exported_by_then() -> None:
    first, *_, last = seen(workload((-10, 300, 4, 6), (300, 600, 5, 6), gpus=2))
    assert first == Moment(BEGIN_S, Standing.COMPARED, 4, 6, 6, 2)
    assert last == Moment(BEGIN_S + 590, Standing.COMPARED, 5, 6, 6, 2)


def test_one_lost_scrape_is_no_hole_and_a_longer_silence_is_one() -> None:
    found = seen(workload((-10, 100, 4, 6), (110, 300, 4, 6), (400, 600, 4, 6)))
    holes = [moment.at_s - BEGIN_S for moment in found if moment.standing is Standing.NO_DATA]
    assert holes == list(range(320, 400, 10))
    assert all(moment.desired == 0 for moment in found if moment.standing is Standing.NO_DATA)


@pytest.mark.parametrize("name", ["requested_replicas", "ready_replicas", "observing"])
def test_what_is_known_in_part_is_not_known(name: str) -> None:
    found = [each for each in workload((0, 600, 4, 6)) if not each[0]["__name__"].endswith(name)]
    assert {moment.standing for moment in seen(found)} == {Standing.NO_DATA}


def test_what_plimsoll_scaled_itself_is_not_compared() -> None:
    assert {moment.standing for moment in seen(workload((0, 600, 4, 4), observing=0))} == {Standing.SCALED}


def test_where_nothing_was_decided_nothing_is_compared() -> None:
    found = workload((0, 600, 0, 0))
    left = series("mode", (0, 300, 0), (300, 600, 1), mode="left")
    held = series("mode", (0, 100, 1), (100, 600, 0), mode="held")
    told = seen([*(each for each in found if each[0].get("mode") not in {"left", "held"}), left, held])
    assert Counter(moment.standing for moment in told) == {Standing.COMPARED: 30, Standing.LEFT: 30}
    assert sum(moment.held for moment in told) == 10


def test_of_two_autoscalers_the_leaders_word_counts_and_after_a_failover_the_new_ones() -> None:
    found = [*workload((0, 600, 4, 6), pod="a"), *workload((3, 600, 9, 6), pod="b")]
    told = seen(found, leader((0, 300, 1), (300, 600, 0), pod="a"), leader((0, 300, 0), (300, 600, 1), pod="b"))
    assert Counter(moment.desired for moment in told) == {4: 30, 9: 30}


def test_without_a_leader_the_newest_word_counts() -> None:
    found = [*workload((0, 600, 4, 6), pod="a"), *workload((-5, 300, 9, 6), pod="b")]
    told = seen(found)
    assert [told[10].desired, told[40].desired] == [4, 4]
    # Of one that has fallen silent the last word counts no longer than of any other.
    alone = seen([*workload((0, 300, 4, 6), pod="a"), *workload((300, 600, 9, 6), pod="b")])
    assert Counter(moment.desired for moment in alone) == {4: 30, 9: 30}


def test_namespaces_are_told_apart_whatever_prometheus_made_of_the_label() -> None:
    other = [({**labels, "exported_namespace": "search"}, samples) for labels, samples in workload((0, 600, 7, 7))]
    honoured = [
        ({**{key: value for key, value in labels.items() if key != "exported_namespace"}, "namespace": "chat"}, samples)
        for labels, samples in workload((0, 600, 4, 6))
    ]
    assert {moment.desired for moment in seen([*other, *honoured], leader((0, 600, 1)))} == {4}


def test_replicas_of_one_prometheus_fill_each_others_holes() -> None:
    one = [({**labels, "replica": "x"}, samples[:30]) for labels, samples in workload((0, 600, 4, 6))]
    two = [({**labels, "replica": "y"}, samples[20:]) for labels, samples in workload((0, 600, 4, 6))]
    exporters = exported([*one, *two], "chat", ("replica",))
    assert len(exporters) == 1
    assert {each.standing for each in moments(exporters, [], OVER)} == {Standing.COMPARED}


def test_kinds_that_share_a_name_are_told_apart() -> None:
    sets = [({**labels, "kind": "StatefulSet"}, samples) for labels, samples in workload((0, 600, 7, 7))]
    assert [one.kind for one in exported([*workload((0, 600, 4, 6)), *sets], "chat")] == ["Deployment", "StatefulSet"]
