"""Which replicas are on their way, and for how long that is believed."""

from __future__ import annotations

from autoscaler.core.targets.starting import Starts
from autoscaler.core.targets.target import Sight


def sight(current: int, ready: int = 0, starting: tuple[int, ...] = (), failed: int = 0) -> Sight:
    return Sight("ns", "chat", current, tuple(f"p{i}" for i in range(ready)), starting, failed)


def test_a_pod_is_starting_until_its_deadline() -> None:
    starts = Starts()
    assert [starts.starting("a", sight(3, 1, (100, 130)), 60, now) for now in (131, 159, 160, 189, 190)] == [
        2,
        2,
        1,
        1,
        0,
    ]


def test_a_pod_whose_start_failed_is_not_and_holds_its_replicas_place() -> None:
    assert Starts().starting("a", sight(3, 1, (100,), failed=1), 60, 101) == 1


def test_a_replica_without_a_pod_is_starting_from_when_it_was_missed_first() -> None:
    starts = Starts()
    assert [starts.starting("a", sight(5, 2), 60, now) for now in (100, 159, 160, 500)] == [3, 3, 0, 0]


def test_a_later_request_is_missed_from_then_on() -> None:
    starts = Starts()
    assert starts.starting("a", sight(5, 2), 60, 100) == 3
    assert starts.starting("a", sight(8, 2), 60, 150) == 6
    assert starts.starting("a", sight(8, 2), 60, 160) == 3
    assert starts.starting("a", sight(8, 2), 60, 209) == 3
    assert starts.starting("a", sight(8, 2), 60, 210) == 0


def test_under_a_count_that_goes_on_rising_each_start_still_ends() -> None:
    starts = Starts()
    counts = [starts.starting("a", sight(5 + now // 60, 4), 600, now) for now in range(0, 7200, 2)]
    assert max(counts) <= 11
    assert min(counts[600:]) >= 7, "of some the time of an earlier one counts"


def test_what_failed_stays_failed_where_later_ones_are_made() -> None:
    starts = Starts()
    assert starts.starting("a", sight(5, 2), 60, 100) == 3
    assert starts.starting("a", sight(5, 2), 60, 160) == 0
    assert starts.starting("a", sight(9, 2), 60, 200) == 4
    assert starts.starting("a", sight(9, 2, (202,) * 4), 60, 202) == 4
    assert starts.starting("a", sight(9, 6), 60, 240) == 0
    assert starts.starting("a", sight(5, 2), 60, 250) == 0, "nor where fewer are asked for again"


def test_a_restart_goes_on_with_what_was_told() -> None:
    before, after = Starts(), Starts()
    before.starting("a", sight(5, 2), 60, 100.5)
    before.starting("a", sight(8, 2), 60, 130)
    told = before.told("a")
    assert told == {"missed_0": 3, "missed_0_seconds": 100.5, "missed_1": 3, "missed_1_seconds": 130}
    after.starting("a", sight(9, 1), 60, 140)
    after.recall("a", told)
    for now in (150, 160.5, 190):
        assert after.starting("a", sight(8, 2), 60, now) == before.starting("a", sight(8, 2), 60, now)
    after.recall("a", {"missed_0": 3})
    assert after.told("a") == {}
    assert after.told("nobody") == {}


def test_a_replica_whose_pod_came_is_missed_no_more() -> None:
    starts = Starts()
    assert starts.starting("a", sight(2, 1), 60, 100) == 1
    assert starts.starting("a", sight(2, 2), 60, 150) == 0
    assert starts.starting("a", sight(2, 1), 60, 170) == 1


def test_a_clock_that_is_set_back_does_not_make_a_start_last_for_ever() -> None:
    starts = Starts()
    assert starts.starting("a", sight(2, 1), 60, 10_000) == 1
    assert starts.starting("a", sight(2, 1), 60, 100) == 1
    assert starts.starting("a", sight(2, 1), 60, 160) == 0


def test_what_is_gone_is_forgotten() -> None:
    starts = Starts()
    starts.starting("a", sight(2, 1), 60, 100)
    starts.retain(())
    assert starts.starting("a", sight(2, 1), 60, 170) == 1
