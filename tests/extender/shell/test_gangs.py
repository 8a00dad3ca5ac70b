"""What is to be done about gangs is done, told once where it is refused, and tried again; by nobody who may not act."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from extender.core.gang.nothing_seen import NothingSeen
from extender.core.gang.steps import Evict, LetGo, Steps, TakeBack, Tell
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey
from extender.core.scheduling import Scheduling
from extender.shell import cluster, gangs, planning, pods, trying
from extender.shell.gangs import Gangs
from extender.shell.planning import Planning
from extender.shell.preempting import Preempting
from kube.client import Api, ApiError
from kube.gangs import GANG, LEAST, Planned
from kube.gpus import MARKER, MilliGpu, Placement
from tests.extender.core.gang.playing import Anywhere
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extender.core.model import SeenPod
    from extender.shell.surroundings import Following
    from kube.events import Notice

PODS = "/api/v1/namespaces/default/pods"
PLANNED = Planned("gpu-00", Placement(("0",), MilliGpu(500)))


class Story:
    """An API server of which `refuses` says, by method, with which status it answers; and who acts on gangs with it."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.refuses: dict[str, int] = {}
        self.loses_answers = False
        self.asked: list[str] = []
        self.told: list[Notice] = []
        self.evicted: list[str] = []
        self.planned: list[str] = []
        self.right = True
        self.acts = 1_000_000
        self.sees = True
        self.scheduling = Scheduling()
        self.scheduling.nodes_are([GpuNode("gpu-00", alike(2))])
        self.gangs = Gangs(
            cast("Api", self),
            self.scheduling,
            self.told.append,
            leads=self.leads,
            evicted=self.evicted.append,
            planned=self.planned.append,
        )
        preempting = Preempting(
            cast("Api", self),
            self.scheduling,
            self.told.append,
            leads=self.leads,
            evicted=self.evicted.append,
            planned=self.planned.append,
        )
        self.planning = Planning(self.scheduling, cast("Following", self), self.gangs, preempting, self.leads)

    def checks(self, ledger: Any) -> Anywhere | None:
        return Anywhere(ledger) if self.sees else None

    def leads(self) -> bool:
        return self.right and len(self.writes()) < self.acts

    def writes(self) -> list[str]:
        return [method for method in self.asked if method != "GET"]

    async def request(self, method: str, path: str, **more: Any) -> bytes:
        what = "EVICT" if path.endswith("/eviction") else method
        self.asked.append(what)
        if what in self.refuses:
            raise ApiError(self.refuses[what], "Refused", "a policy denied it")
        answer = await self._api.request(method, path, **more)
        if self.loses_answers and method != "GET":
            raise ApiError(0, "NoAnswer", "no answer in time")
        return answer

    async def create(self, name: str, least: int = 1, *, owned: bool = False, gated: bool = True) -> SeenPod:
        metadata: dict[str, Any] = {
            "name": name,
            "labels": {GANG: "g"},
            "annotations": {LEAST: str(least), "gpu-fraction": "0.5"},
        }
        if owned:
            owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": True}
            metadata["ownerReferences"] = [owner]
        limits = {"requests": {MARKER: "1"}, "limits": {MARKER: "1"}}
        spec = {
            "containers": [{"name": "c", "image": "i", "resources": limits}],
            "schedulerName": "plimsoll",
            "schedulingGates": [{"name": GANG}] if gated else [],
            "terminationGracePeriodSeconds": 0,
        }
        answer = await self._api.request("POST", PODS, body={"metadata": metadata, "spec": spec})
        seen = cluster.seen_pod(msgspec.json.decode(answer, type=pods.Pod))
        self.scheduling.pod_seen(seen)
        return seen

    async def now(self, key: PodKey) -> SeenPod | None:
        return await cluster.read_pod(self._api, key)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "_PAUSE_S", 0.01)
    monkeypatch.setattr(trying, "_FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(trying, "_LONGEST_PAUSE_S", 0.04)
    monkeypatch.setattr(trying, "_CARRIED_OUT_S", 0.1)


class Clock:
    """The time that whoever acts on gangs reads."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(gangs, "time", clock)
    monkeypatch.setattr(planning, "time", clock)
    return clock


@asynccontextmanager
async def running(story: Story) -> AsyncIterator[None]:
    task = asyncio.create_task(story.planning.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_gang_is_planned_pinned_and_let_go(api: Api) -> None:
    story = Story(api)
    made = [await story.create(f"p{number}", 2) for number in range(2)]
    async with running(story):
        await until(lambda: not any(pod.gated for gang in story.scheduling.gangs for pod in gang.members.values()))
    for pod in made:
        now = await story.now(pod.key)
        assert now is not None
        assert now.gang is not None
        assert now.gang.planned is not None
        held = story.scheduling.ledger.holding(pod.key.uid)
        assert held is not None
        assert held.devices == now.gang.planned.placement.devices
    assert [notice.reason for notice in story.told] == ["GangPlanned"] * 2
    assert story.writes() == ["PATCH"] * 2


@pytest.mark.parametrize("status", [403, 422, 429, 500, 0, -1])
async def test_a_let_go_that_is_refused_is_told_in_the_log_once_and_tried_again(
    api: Api, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    story = Story(api)
    pod = await story.create("p")
    story.refuses = {"PATCH": status}
    async with running(story):
        await until(lambda: story.writes().count("PATCH") >= 4)
        assert (await story.now(pod.key)) == pod
        (gang,) = story.scheduling.gangs
        assert gang.refusals == {pod.key.uid: "a policy denied it"}
        said = [record for record in caplog.records if "is away" in record.message]
        assert [record.error for record in said] == ["a policy denied it"]  # type: ignore[attr-defined]
        story.refuses.clear()
        await until(lambda: not next(iter(gang.members.values())).gated)
        assert gang.refusals == {}


async def test_a_let_go_whose_answer_was_lost_is_found_done(api: Api) -> None:
    story = Story(api)
    pod = await story.create("p")
    story.loses_answers = True
    async with running(story):
        await until(lambda: story.asked.count("GET") >= 2)
        await until(lambda: not next(iter(next(iter(story.scheduling.gangs)).members.values())).gated)
    assert story.writes() == ["PATCH"]
    now = await story.now(pod.key)
    assert now is not None
    assert not now.gated


async def test_nothing_is_done_without_the_right_to(api: Api) -> None:
    story = Story(api)
    await story.create("p")
    story.right = False
    async with running(story):
        await asyncio.sleep(0.1)
    assert (story.asked, story.told, list(story.scheduling.ledger.holdings())) == ([], [], [])


async def test_nothing_more_is_done_once_the_right_is_lost(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gangs, "_AT_ONCE", 1)
    story = Story(api)
    for number in range(4):
        await story.create(f"p{number}", 4)
    story.acts = 2
    async with running(story):
        await until(lambda: len(story.writes()) == 2)
        await asyncio.sleep(0.1)
    assert story.writes() == ["PATCH"] * 2


async def test_nothing_is_planned_before_it_is_known_what_is_there(api: Api) -> None:
    story = Story(api)
    await story.create("p")
    story.sees = False
    async with running(story):
        await asyncio.sleep(0.1)
        assert story.asked == []
        story.sees = True
        await until(lambda: bool(story.writes()))


async def test_where_that_cannot_be_known_the_gang_is_told_why(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(api)
    await story.create("p")
    monkeypatch.setattr(story, "checks", lambda ledger: NothingSeen(ledger, "csinodes: forbidden"))
    async with running(story):
        await until(lambda: bool(story.told))
    (notice,) = story.told
    assert (notice.reason, notice.message) == ("WaitsForGang", "gang g: pod p: csinodes: forbidden")
    assert story.writes() == []


# --- single steps ---


async def carried_out(story: Story, **steps: Any) -> None:
    await story.gangs.carry_out(Steps(**{kind: (step,) for kind, step in steps.items()}))


async def test_a_pod_is_let_go_once_although_the_step_comes_again(api: Api, clock: Clock) -> None:
    del clock  # it stands still
    story = Story(api)
    pod = await story.create("p")
    for _ in range(3):
        await carried_out(story, let_go=LetGo(pod.key, PLANNED, gated=True))
    assert story.writes() == ["PATCH"]


async def test_a_member_without_a_gate_is_woken(api: Api) -> None:
    story = Story(api)
    pod = await story.create("p", gated=False)
    await carried_out(story, let_go=LetGo(pod.key, PLANNED, gated=False))
    now = await story.now(pod.key)
    assert now is not None
    assert now.version != pod.version
    assert now.gang is not None
    assert now.gang.planned is None


async def test_a_member_that_its_controller_makes_anew_is_deleted_and_one_of_nobody_loses_its_plan(api: Api) -> None:
    story = Story(api)
    owned, bare = await story.create("owned", owned=True), await story.create("bare")
    await cluster.let_go(api, bare.key, PLANNED, lambda: True)
    for pod, anew in ((owned, True), (bare, False)):
        await carried_out(story, take_back=TakeBack(pod.key, anew, "undone"))
    assert await story.now(owned.key) is None
    now = await story.now(bare.key)
    assert now is not None
    assert now.gang is not None
    assert (now.gated, now.gang.planned) == (False, None)


@pytest.mark.parametrize(
    ("step", "method"),
    [
        pytest.param(lambda key: {"take_back": TakeBack(key, True, "undone")}, "DELETE", id="delete"),  # noqa: FBT003
        pytest.param(lambda key: {"take_back": TakeBack(key, False, "undone")}, "PATCH", id="strike"),  # noqa: FBT003
        pytest.param(lambda key: {"evict": Evict(key, "too few")}, "EVICT", id="evict"),
        pytest.param(lambda key: {"let_go": LetGo(key, PLANNED, gated=False)}, "PATCH", id="wake"),
    ],
)
@pytest.mark.parametrize("status", [403, 429, 500, 0])
async def test_what_is_refused_is_tried_again_but_not_at_every_look(
    api: Api, step: Any, method: str, status: int, clock: Clock
) -> None:
    story = Story(api)
    pod = await story.create("p", gated=False)
    story.refuses = {method: status}
    for _ in range(3):
        await carried_out(story, **step(pod.key))
    assert story.writes() == [method]
    story.refuses.clear()
    clock.now += 1.0
    await carried_out(story, **step(pod.key))
    assert story.writes() == [method] * 2


async def test_an_eviction_is_counted_by_its_result_and_told_on_the_pod(api: Api, clock: Clock) -> None:
    story = Story(api)
    pod = await story.create("p")
    story.refuses = {"EVICT": 429}
    await carried_out(story, evict=Evict(pod.key, "too few"))
    story.refuses.clear()
    clock.now += 1.0
    await carried_out(story, evict=Evict(pod.key, "too few"))
    assert story.evicted == ["refused", "evicted"]
    assert {(notice.reason, notice.message, notice.type) for notice in story.told} == {
        ("GangTooSmall", "too few", "Warning")
    }


async def test_what_happens_to_a_gang_is_told_on_its_pods(api: Api) -> None:
    story = Story(api)
    keys = tuple(PodKey(f"u{number}", "default", f"p{number}") for number in range(2))
    await carried_out(story, tell=Tell(keys, "GangPlanned", "gang g: 2 pods planned on 1 node", trouble=False))
    assert [(notice.about.name, notice.type) for notice in story.told] == [("p0", "Normal"), ("p1", "Normal")]


async def test_plans_are_counted_by_what_became_of_them_and_not_by_who_is_told(api: Api) -> None:
    story = Story(api)
    await carried_out(story, tell=Tell((), "GangUndone", "gang g: its plan was undone: ..."))
    await carried_out(story, tell=Tell((), "WaitsForGang", "gang g: ..."))
    await carried_out(story, tell=Tell((), "GangPlanned", "gang g: 2 pods planned on 1 node", trouble=False))
    assert story.planned == ["undone", "made"]


# --- taking over ---


async def test_who_takes_over_plans_what_was_begun_and_tells_it_but_changes_nothing_yet(api: Api) -> None:
    story = Story(api)
    first, _ = await story.create("p0", 2), await story.create("p1", 2)
    freed = await cluster.let_go(api, first.key, PLANNED, lambda: True)
    assert freed is not None
    story.scheduling.pod_seen(freed)
    story.right = False
    await story.planning.take_over()
    assert len(list(story.scheduling.ledger.holdings())) == 2
    assert (story.asked, {notice.reason for notice in story.told}) == ([], {"GangPlanned"})


async def test_who_takes_over_waits_a_while_for_what_is_not_listed_and_no_longer(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_LISTED_S", 0.05)
    story = Story(api)
    await story.create("p")
    story.sees = False
    await asyncio.wait_for(story.planning.take_over(), 5.0)
    assert list(story.scheduling.ledger.holdings()) == []
