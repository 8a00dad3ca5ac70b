"""What an autoscaler exported is read back tick by tick, of one autoscaler alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.core.decisions.told import LEADER, READY, REMEMBERED, STANDING, TICK, Told, ticks, told, told_last_s

if TYPE_CHECKING:
    from autoscaler.core.load.gathering import RawSeries

CHAT = {"namespace": "ns", "workload": "chat", "kind": "Deployment"}
IDENTITY = ("ns", "Deployment", "chat")


def series(name: str, *samples: tuple[float, float], instance: str = "one", **labels: str) -> RawSeries:
    return {"__name__": name, "job": "plimsoll", "instance": instance, **labels}, samples


def test_all_numbers_of_a_scrape_are_those_of_the_tick_that_its_page_shows() -> None:
    known = told(
        [
            series(TICK, (101.5, 100.004), (103.5, 102.004)),
            series(READY, (101.5, 3.0), (103.5, 4.0), **CHAT),
            series(STANDING, (103.5, 5.0), **CHAT),
            series(REMEMBERED, (103.5, 90.5), what="panic_since_seconds", **CHAT),
        ]
    )
    assert known.ticks == (100_004, 102_004)
    assert known.numbers[100_004] == {IDENTITY: {"ready": 3.0}}
    assert known.numbers[102_004] == {IDENTITY: {"ready": 4.0, "standing": 5.0, "panic_since_seconds": 90.5}}


def test_where_prometheus_puts_its_own_namespace_first_ours_is_the_exported_one() -> None:
    labels = {**CHAT, "namespace": "plimsoll-system", "exported_namespace": "ns"}
    known = told([series(TICK, (101.0, 100.0)), series(READY, (101.0, 3.0), **labels)])
    assert known.numbers[100_000] == {IDENTITY: {"ready": 3.0}}


def test_only_the_one_that_led_last_is_listened_to() -> None:
    both = [
        series(name, *samples, instance=instance, **labels)
        for instance, leads, count in (("one", 1.0, 3.0), ("two", 0.0, 7.0))
        for name, samples, labels in (
            (LEADER, ((101.0, leads), (103.0, leads)), {}),
            (TICK, ((101.0, 100.0), (103.0, 102.0)), {}),
            (READY, ((101.0, count), (103.0, count)), CHAT),
        )
    ]
    assert {each[IDENTITY]["ready"] for each in told(both).numbers.values()} == {3.0}


def test_where_none_led_the_one_that_spoke_last_is_listened_to() -> None:
    old = [series(TICK, (101.0, 100.0), instance="a"), series(READY, (101.0, 3.0), instance="a", **CHAT)]
    new = [series(TICK, (111.0, 110.0), instance="b"), series(READY, (111.0, 4.0), instance="b", **CHAT)]
    assert told(old + new).numbers == {110_000: {IDENTITY: {"ready": 4.0}}}


def test_who_told_nothing_told_nothing() -> None:
    assert told([]) == Told()


def test_between_two_ticks_that_were_told_ticks_went_on_every_two_seconds() -> None:
    known = Told((10_000, 16_050), {})
    assert ticks(known, 5_000, 21_000) == [6_000, 8_000, 10_000, 12_000, 14_000, 16_050, 18_050]


def test_without_any_they_are_counted_back_from_the_end() -> None:
    assert ticks(Told(), 1_000, 8_000) == [2_000, 4_000, 6_000]


def test_a_tick_that_came_a_little_late_is_not_made_twice() -> None:
    assert ticks(Told((10_000, 12_900), {}), 9_000, 16_000) == [10_000, 12_900, 14_900]


def test_last_told_is_when_the_leader_told_last_though_another_spoke_later() -> None:
    one = [series(LEADER, (101.0, 1.0), (103.0, 1.0)), series(TICK, (101.0, 100.0), (103.0, 102.0))]
    two = [series(LEADER, (120.0, 0.0), instance="two"), series(TICK, (120.0, 119.0), instance="two")]
    assert told_last_s(one + two) == 103.0


def test_where_none_led_last_told_is_when_one_spoke_last() -> None:
    assert told_last_s([series(TICK, (101.0, 100.0)), series(TICK, (111.0, 110.0), instance="two")]) == 111.0


def test_where_nobody_told_there_is_no_last_time() -> None:
    assert told_last_s([]) is None
