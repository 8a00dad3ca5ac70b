"""What is wrong is told once, whatever happens to very many at once; and nothing is remembered of what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.config import Problem
from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Inputs, Policy, Seen, WorkloadKey
from autoscaler.shell.announcer import IN_FORCE, Announcer
from autoscaler.shell.cluster import workload_reference

if TYPE_CHECKING:
    import pytest

    from kube.events import Notice

BAD = (Problem("target", "ten", "must be a number"),)


def key(uid: str) -> WorkloadKey:
    return WorkloadKey(uid, "ns", f"w-{uid}")


def record(uid: str) -> Record:
    return Record(key(uid), decide_again(Inputs(0, Policy(), 1, 1, None, None, Seen.NOTHING)))


class Told:
    """An announcer and the Events that it wrote."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.announcer = Announcer(self.notices.append)

    def about(self, reason: str) -> list[str]:
        return [notice.about.uid for notice in self.notices if notice.reason == reason]

    def problems(self, uid: str, problems: tuple[Problem, ...] = BAD) -> None:
        self.announcer.problems(workload_reference(key(uid)), problems, IN_FORCE)


def test_a_problem_is_told_once_and_counted_as_long_as_it_lasts() -> None:
    told = Told()
    for _ in range(3):
        told.announcer.begin_tick({"a"})
        told.problems("a")
    assert told.about("BadConfiguration") == ["a"]
    assert told.announcer.wrong() == {"Deployment ns/w-a": 1}
    told.problems("a", ())
    assert told.announcer.wrong() == {}


def test_of_an_object_that_is_gone_no_count_stays_though_it_was_held_for_long() -> None:
    told = Told()
    told.announcer.begin_tick({"a"})
    told.problems("a")
    for at_ms in (0, 20_000):
        told.announcer.holds({"a"}, at_ms, record)
    assert told.about("Held") == ["a"]
    told.announcer.begin_tick(set())
    assert told.announcer.wrong() == {}


def test_an_object_that_was_made_again_under_its_name_is_counted() -> None:
    told = Told()
    told.announcer.begin_tick({"old"})
    about = workload_reference(WorkloadKey("old", "ns", "chat"))
    told.announcer.problems(about, BAD, IN_FORCE)
    again = workload_reference(WorkloadKey("new", "ns", "chat"))
    told.announcer.problems(again, BAD, IN_FORCE)
    told.announcer.begin_tick({"new"})
    assert told.announcer.wrong() == {"Deployment ns/chat": 1}


def test_more_problems_than_one_event_has_room_for_are_told_whole_in_several() -> None:
    told = Told()
    told.announcer.begin_tick({"a"})
    many = tuple(Problem(f"key-{i}", "v" * 40, "must be something else than what stands here") for i in range(40))
    told.problems("a", many)
    messages = [notice.message for notice in told.notices]
    assert len(messages) > 1
    assert all(len(message) <= 1024 and message.endswith(IN_FORCE) for message in messages)
    assert all(any(str(problem) in message for message in messages) for problem in many)


def test_what_befalls_thousands_at_once_is_told_of_a_hundred_a_tick_and_in_the_end_of_all() -> None:
    told = Told()
    uids = {f"{i:04}" for i in range(1000)}
    for tick in range(1, 25):
        told.announcer.begin_tick(uids)
        for uid in sorted(uids):
            told.problems(uid)
            told.announcer.shortfall(key(uid), "scraped too seldom")
        assert len(told.notices) <= 100 * tick
    assert set(told.about("BadConfiguration")) == set(told.about("PanicWindowNotFed")) == uids
    assert len(told.notices) == 2 * len(uids)


def test_a_problem_that_is_told_at_once_needs_no_room() -> None:
    told = Told()
    told.announcer.begin_tick({f"{i}" for i in range(200)})
    for i in range(200):
        told.problems(f"{i}")
    told.announcer.problems(workload_reference(key("map")), BAD, IN_FORCE, one_of_many=False)
    assert "map" in told.about("BadConfiguration")


def test_of_many_holds_that_begin_together_some_are_told_and_as_many_that_they_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    told = Told()
    uids = {f"{i:04}" for i in range(1000)}
    for at_ms in range(0, 30_000, 2000):
        told.announcer.holds(uids, at_ms, record)
    assert len(told.about("Held")) == 20
    told.announcer.holds(set(), 30_000, record)
    assert len(caplog.records) == 20 + 1 + 20 + 1  # each told, that there are many; each ended, and the others together
    assert getattr(caplog.records[-1], "workloads") == 980  # noqa: B009  a field of the log


def test_a_short_hold_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    for at_ms in (0, 9_000):
        told.announcer.holds({"a"}, at_ms, record)
    told.announcer.holds(set(), 10_000, record)
    assert (told.notices, caplog.records) == ([], [])


def test_a_refused_write_is_told_once_in_ten_minutes() -> None:
    told = Told()
    for at_ms in range(0, 1_200_000, 30_000):
        told.announcer.begin_tick({"a"})
        told.announcer.refused(key("a"), f"refused at {at_ms}", at_ms)
    assert told.about("ScaleRefused") == ["a", "a"]


def test_a_key_that_has_an_effect_again_is_told_when_it_loses_it_once_more() -> None:
    told = Told()
    told.announcer.begin_tick({"a"})
    for whys in ({"drain": "b"}, {"drain": "b"}, {}, {"drain": "b"}):
        told.announcer.keys_without_effect(key("a"), whys)
        told.announcer.without_effect(key("a"), "limit", "c")
    assert told.about("KeyWithoutEffect") == ["a"] * 3


def test_a_key_without_effect_is_told_once_and_again_for_another_reason() -> None:
    told = Told()
    for why in ("", "a", "a", "b", "", "a"):
        told.announcer.begin_tick({"a"})
        told.announcer.without_effect(key("a"), "limit", why)
        told.announcer.without_effect(key("a"), "drain", "")
    assert [notice.message for notice in told.notices] == [f"limit has no effect: {why}" for why in "aba"]
    told.announcer.begin_tick(())
    told.announcer.without_effect(key("a"), "limit", "a")
    assert len(told.notices) == 4


def test_replicas_that_went_unaware_are_told_of_once_in_ten_minutes() -> None:
    told = Told()
    for at_ms in (0, 1000, 599_999, 600_000):
        told.announcer.unaware(key("a"), f"at {at_ms}", at_ms)
    assert [notice.message for notice in told.notices] == ["at 0", "at 600000"]
    assert told.about("NotDrainAware") == ["a", "a"]


def test_too_few_places_are_told_after_a_minute() -> None:
    told = Told()
    for at_ms in (0, 59_999, 60_000, 120_000):
        told.announcer.begin_tick({"a"})
        told.announcer.unplaced({"a"}, at_ms, record)
        assert told.about("NotPlaceable") == (["a"] if at_ms >= 60_000 else [])


def test_a_latency_target_that_replicas_do_not_bring_back_is_told_once() -> None:
    told = Told()
    for at_ms in (0, 9_999, 10_000, 60_000):
        told.announcer.begin_tick({"a"})
        told.announcer.unhelped({"a"}, at_ms, record)
        assert told.about("LatencyNotReached") == (["a"] if at_ms >= 10_000 else [])
