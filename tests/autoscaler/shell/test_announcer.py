"""What is wrong is said once, and what is right again is not said over and over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from autoscaler.config import Problem
from autoscaler.core.decision import decide_again
from autoscaler.core.model import Inputs, Policy, Seen, WorkloadKey
from autoscaler.shell import cluster
from autoscaler.shell.announcer import Announcer
from autoscaler.shell.telemetry import Telemetry

if TYPE_CHECKING:
    from kube.events import Notice

KEY = WorkloadKey("uid", "ns", "chat")
ABOUT = cluster.workload_reference(KEY)
PROBLEM = Problem("autoscaling.knative.dev/target", "ten", "a number of at least 0.01")
HELD = decide_again(Inputs(1, Policy(), current=4, ready=4, stable=None, panic=None, seen=Seen.NOTHING))


class Ear:
    """Hears Events; its announcer has metrics of its own."""

    def __init__(self) -> None:
        self.heard: list[Notice] = []
        self.telemetry = Telemetry({}, lambda _: None, dict, dict)
        self.announcer = Announcer(self.heard.append, self.telemetry)

    def reasons(self) -> list[str]:
        return [notice.reason for notice in self.heard]

    def held_at(self, at_ms: int, *uids: str) -> list[str]:
        return self.announcer.holds(set(uids), at_ms, lambda _: HELD)


@pytest.fixture
def ear() -> Ear:
    return Ear()


def test_problems_are_said_once_until_they_change(ear: Ear) -> None:
    for problems in ((PROBLEM,), (PROBLEM,), (), (), (PROBLEM,)):
        ear.announcer.problems(ABOUT, problems)
    assert ear.reasons() == ["BadConfiguration", "BadConfiguration"]
    assert ear.heard[0].message == f"{PROBLEM}; the last good configuration stays in force"
    assert b'configuration_problems{object="Deployment ns/chat"} 1.0' in ear.telemetry.exposition()


def test_an_object_that_is_right_from_the_start_says_nothing_and_has_no_metric(ear: Ear) -> None:
    ear.announcer.problems(ABOUT, ())
    assert not ear.heard
    assert b"Deployment ns/chat" not in ear.telemetry.exposition()


def test_what_is_gone_has_no_metric_any_more_and_is_news_when_it_comes_back(ear: Ear) -> None:
    ear.announcer.problems(ABOUT, (PROBLEM,))
    ear.announcer.retain(set())
    assert b"Deployment ns/chat" not in ear.telemetry.exposition()
    ear.announcer.problems(ABOUT, (PROBLEM,))
    assert ear.reasons() == ["BadConfiguration", "BadConfiguration"]


def test_a_hold_is_told_once_when_it_lasts_and_again_after_it_ended(ear: Ear) -> None:
    assert ear.held_at(0, "uid") == []
    assert ear.held_at(9_000, "uid") == []
    assert ear.held_at(10_000, "uid") == ["uid"]
    assert ear.held_at(12_000, "uid") == []
    assert ear.held_at(14_000) == []
    assert ear.held_at(16_000, "uid") == []
    assert ear.held_at(26_000, "uid") == ["uid"]


def test_a_hold_of_many_is_not_told_of_each(ear: Ear) -> None:
    uids = [f"{number:03}" for number in range(100)]
    ear.held_at(0, *uids)
    assert ear.held_at(10_000, *uids) == uids[:20]
    assert ear.held_at(12_000, *uids) == []


def test_a_held_workload_says_why(ear: Ear) -> None:
    ear.announcer.held(KEY, HELD)
    assert [(notice.reason, notice.message) for notice in ear.heard] == [("Held", HELD.reason)]


def test_a_workload_that_is_left_alone_was_told_of_before(ear: Ear) -> None:
    ear.announcer.held(KEY, replace(HELD, inputs=replace(HELD.inputs, leave="an HPA scales it")))
    assert not ear.heard


def test_a_panic_window_that_cannot_be_fed_is_said_once_a_sentence(ear: Ear) -> None:
    for sentence in ("scraped every 15 s", "scraped every 15 s", "", "scraped every 30 s"):
        ear.announcer.shortfall(KEY, sentence)
    assert ear.reasons() == ["PanicWindowNotFed", "PanicWindowNotFed"]
