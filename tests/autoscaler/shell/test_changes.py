"""What stands decided is written once, and what becomes of it told, though the API server hangs or loses answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Inputs, Policy, Seen, WorkloadKey
from autoscaler.core.targets.target import Sight
from autoscaler.core.targets.writing import Failed, Refused, Unchanged, Withheld, Written
from autoscaler.shell import changes
from autoscaler.shell.changes import Changes, Hearers

if TYPE_CHECKING:
    import pytest

    from autoscaler.core.targets.writing import Outcome
    from autoscaler.shell.scaling import Scaling


def record(uid: str, current: int, desired: int) -> Record:
    decision = decide_again(Inputs(0, Policy(), current, current, 1.0, 1.0, Seen.ALL))
    return Record(WorkloadKey(uid, "ns", uid), replace(decision, desired=desired))


def sight(current: int) -> Sight:
    return Sight("ns", "a", current, ())


class World:
    """Changes, what stands decided, and an API server that answers `outcomes` in turn; `flows` lets answers through."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.standing: dict[str, Record] = {}
        self.asked: list[tuple[str, int, int]] = []
        self.made: list[Record] = []
        self.refused: list[str] = []
        self.ended: list[str] = []
        self.flows = asyncio.Event()
        self.flows.set()
        self._outcomes = list(outcomes)
        hearers = Hearers(self.made.append, lambda _, sentence: self.refused.append(sentence), self.ended.append)
        self.changes = Changes(cast("Scaling", self), self.standing.get, hearers, self._prepare)
        self.prepared: list[Record] = []
        self.meanwhile: Record | None = None

    async def _prepare(self, one: Record) -> None:
        self.prepared.append(one)
        self.standing[one.key.uid] = self.meanwhile or one

    async def write(self, key: WorkloadKey, decided_on: int, desired: int) -> Outcome:
        self.asked.append((key.uid, decided_on, desired))
        await self.flows.wait()
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def tick(self, *uids: str) -> None:
        """Tick, and let everything happen that can."""
        self.changes.begin_tick({uid: sight(one.decision.inputs.current) for uid, one in self.standing.items()})
        self.changes.carry_out(uids)
        for _ in range(20):
            await asyncio.sleep(0)


async def test_a_change_is_written_and_told() -> None:
    world = World(Written(1, 3, "7"))
    world.standing["a"] = record("a", 1, 3)
    await world.tick("a")
    assert world.asked == [("a", 1, 3)]
    assert world.made == [world.standing["a"]]
    assert world.ended == ["written"]


async def test_what_is_to_be_done_before_replicas_go_is_done_before_they_do_and_only_then() -> None:
    world = World(Written(5, 3, "7"), Written(1, 3, "8"))
    world.standing |= {"fewer": record("fewer", 5, 3), "more": record("more", 1, 3)}
    await world.tick("fewer", "more")
    assert world.prepared == [world.standing["fewer"]]
    assert sorted(world.asked) == [("fewer", 5, 3), ("more", 1, 3)]


async def test_what_stands_decided_after_that_is_what_is_written() -> None:
    world = World(Written(5, 4, "7"))
    world.standing["a"] = record("a", 5, 3)
    world.meanwhile = record("a", 5, 4)
    await world.tick("a")
    assert world.asked == [("a", 5, 4)]
    world.standing["a"], world.meanwhile = record("a", 5, 3), record("a", 5, 5)
    await world.tick("a")
    assert world.asked == [("a", 5, 4)]


async def test_whoever_waited_through_an_outage_writes_what_stands_decided_by_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changes, "_MOST_AT_ONCE", 1)
    world = World(*[Written(1, 3, "7")] * 3)
    world.flows.clear()
    for uid in ("hangs", "later", "calm", "gone"):
        world.standing[uid] = record(uid, 1, 3)
    await world.tick(*world.standing)
    world.standing |= {"later": record("later", 2, 5), "calm": record("calm", 1, 1)}
    del world.standing["gone"]
    await world.tick("later")
    world.flows.set()
    await world.tick()
    assert world.asked == [("hangs", 1, 3), ("later", 2, 5)]


async def test_a_write_without_an_answer_that_was_carried_out_is_a_change_and_told_once() -> None:
    world = World(Failed("no answer", unknown=True), Unchanged(3, "7"))
    sent = world.standing["a"] = record("a", 1, 3)
    await world.tick("a")
    assert world.made == []
    await world.tick("a")  # the watch has not shown it yet
    assert world.made == []
    world.standing["a"] = record("a", 3, 3)
    await world.tick()
    await world.tick()
    assert world.made == [sent]


async def test_a_write_without_an_answer_is_no_change_where_another_count_stands() -> None:
    world = World(Failed("no answer", unknown=True))
    world.standing["a"] = record("a", 1, 3)
    await world.tick("a")
    world.standing["a"] = record("a", 5, 5)
    await world.tick()
    world.standing["a"] = record("a", 3, 3)
    await world.tick()
    assert world.made == []


async def test_a_write_without_an_answer_is_no_change_where_the_count_comes_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changes, "_UNANSWERED_S", 0.0)
    world = World(Failed("no answer", unknown=True))
    world.standing["a"] = record("a", 1, 3)
    await world.tick("a")
    await world.tick()
    world.standing["a"] = record("a", 3, 3)
    await world.tick()
    assert world.made == []


async def test_a_change_whose_second_write_is_answered_is_told_once() -> None:
    world = World(Failed("no answer", unknown=True), Written(1, 3, "7"))
    world.standing["a"] = record("a", 1, 3)
    await world.tick("a")
    await world.tick("a")
    world.standing["a"] = record("a", 3, 3)
    await world.tick()
    assert len(world.made) == 1


async def test_a_failed_write_is_tried_again_at_the_next_tick_and_a_refused_one_later() -> None:
    world = World(Failed("busy", unknown=False), Refused("a quota"), Written(1, 3, "7"))
    world.standing["a"] = record("a", 1, 3)
    for _ in range(4):
        await world.tick("a")
    assert world.ended == ["failed", "refused"]
    assert world.refused == ["replicas 1 -> 3 were refused: a quota; tried again every 30 s"]
    world.changes._paused_until_s["a"] = 0.0
    await world.tick("a")
    assert world.ended[-1] == "written"


async def test_a_defect_met_by_one_write_is_logged_and_costs_the_others_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(ValueError("a defect"), Written(1, 3, "7"))
    world.standing |= {"bad": record("bad", 1, 3), "good": record("good", 1, 3)}
    await world.tick("bad", "good")
    await world.tick("bad")
    assert sorted(world.ended) == ["failed", "written"]
    (logged,) = caplog.records
    assert "defect" in logged.message
    assert logged.exc_info is not None


async def test_a_write_that_is_cancelled_at_the_end_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.flows.clear()
    world.standing["a"] = record("a", 1, 3)
    await world.tick("a")
    (task,) = world.changes._tasks.values()
    task.cancel()
    await world.tick()
    assert (world.ended, caplog.records, world.changes._tasks) == ([], [], {})


async def test_what_waits_for_its_turn_is_not_written_once_it_is_only_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_MOST_AT_ONCE", 1)
    world = World(*[Written(1, 3, "7")] * 2)
    world.flows.clear()
    world.standing |= {"hangs": record("hangs", 1, 3), "waits": record("waits", 1, 3)}
    await world.tick(*world.standing)
    decision = world.standing["waits"].decision
    observed = replace(decision, inputs=replace(decision.inputs, observed="another scales it"))
    world.standing["waits"] = replace(world.standing["waits"], decision=observed)
    world.flows.set()
    await world.tick()
    assert world.asked == [("hangs", 1, 3)]


async def test_a_write_that_is_withheld_is_no_change_and_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    world = World(Withheld("it is only observed by now"))
    world.standing["a"] = record("a", 1, 3)
    await world.tick("a")
    assert (world.made, world.refused, world.ended) == ([], [], ["withheld"])
    assert caplog.records == []
