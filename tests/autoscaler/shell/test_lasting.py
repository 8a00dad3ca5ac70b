"""What lasts is told when it has lasted, and when it is over; of what is gone nothing is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Inputs, Policy, Seen, WorkloadKey
from autoscaler.shell.lasting import HELD_FOR_LONG, Lasting

if TYPE_CHECKING:
    import pytest

    from kube.events import Notice

LONG_MS = HELD_FOR_LONG.long_ms


def record(uid: str) -> Record:
    return Record(WorkloadKey(uid, "ns", uid), decide_again(Inputs(0, Policy(), 1, 1, None, None, Seen.NOTHING)))


def lasting() -> tuple[Lasting, list[Notice]]:
    notices: list[Notice] = []
    return Lasting(notices.append, HELD_FOR_LONG), notices


def test_what_is_short_is_not_told() -> None:
    holds, notices = lasting()
    for at_ms, uids in ((0, {"a"}), (LONG_MS - 1, {"a"}), (LONG_MS, set()), (LONG_MS + 1, {"a"})):
        holds.now(uids, at_ms, record)
    assert notices == []


def test_what_is_long_is_told_once_and_its_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    holds, notices = lasting()
    for at_ms in (0, LONG_MS, 2 * LONG_MS):
        holds.now({"a"}, at_ms, record)
    holds.now((), 3 * LONG_MS, record)
    assert [(notice.reason, notice.about.uid) for notice in notices] == [("Held", "a")]
    assert [each.message for each in caplog.records] == ["held", "decided again"]


def test_of_many_some_are_told_one_by_one_and_the_others_together(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    holds, notices = lasting()
    many = {f"w-{number}" for number in range(50)}
    for at_ms in (0, LONG_MS):
        holds.now(many, at_ms, record)
    assert len(notices) == 20
    assert sum("many workloads are held" in each.message for each in caplog.records) == 1
    holds.now((), 2 * LONG_MS, record)
    assert sum("many workloads are decided again" in each.message for each in caplog.records) == 1


def test_of_what_is_gone_nothing_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    holds, _ = lasting()
    many = {f"w-{number}" for number in range(50)}
    for at_ms in (0, LONG_MS):
        holds.now(many, at_ms, record)
    before = len(caplog.records)
    holds.retain(())
    holds.now((), 2 * LONG_MS, record)
    assert len(caplog.records) == before
