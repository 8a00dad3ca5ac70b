"""A gang runs whole or holds nothing, whatever becomes of the extender, of the API server and of its pods meanwhile.

Asked as kube-scheduler asks, over HTTP; the cluster is an embedded one with two nodes of two GPUs, and without a
scheduler for these pods.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest

from extender.core.gang import turn
from extender.shell import gangs, planning, surroundings
from kube.client import MERGE_PATCH
from kube.gangs import GANG, LEAST, PLAN, planned_in
from kube.objects import Event, ObjectList, Pod
from tests.extender.test_app import NODES, PODS, Asked
from tests.story.programs import a_listener, running_extender, until, url_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

LABELS = {"plimsoll.dev/managed": "true"}


class Gang(Asked):
    """An extender, the one who asks it, and the one who makes gangs."""

    def __init__(self, asked: Asked, api: Api) -> None:
        self.__dict__.update(asked.__dict__)
        self.api = api

    async def member(self, name: str, least: int, share: str = "0.6", **spec: Any) -> dict[str, Any]:
        annotations = {"gpu-fraction": share, LEAST: str(least)}
        body = {
            "metadata": {"name": name, "labels": {GANG: "g"}, "annotations": annotations},
            "spec": {
                "containers": [{"name": "main", "image": "model"}],
                "terminationGracePeriodSeconds": 0,
                **spec,
            },
        }
        made: dict[str, Any] = msgspec.json.decode(await self.api.request("POST", PODS, body=body))
        return made

    async def members(self, count: int, share: str = "0.6") -> None:
        for number in range(count):
            await self.member(f"g-{number}", count, share)

    async def pods(self) -> list[Pod]:
        answer = await self.api.request("GET", PODS)
        return msgspec.json.decode(answer, type=ObjectList[Pod]).items or []

    async def wait(self, true: Callable[[list[Pod]], bool]) -> list[Pod]:
        """Wait until something holds of all pods."""
        async with asyncio.timeout(20):
            while not true(pods := await self.pods()):  # noqa: ASYNC110  polled over HTTP
                await asyncio.sleep(0.02)
        return pods

    async def hears(self, name: str, sentence: str) -> None:
        """Wait for an Event on a pod that says so."""
        async with asyncio.timeout(20):
            while True:
                answer = await self.api.request("GET", "/api/v1/namespaces/ours/events")
                events = msgspec.json.decode(answer, type=ObjectList[Event]).items or []
                if any(one.involved_object.name == name and sentence in one.message for one in events):
                    return
                await asyncio.sleep(0.02)

    async def let_go(self, count: int) -> list[Pod]:
        """Wait until so many members are let go."""

        def free(pods: list[Pod]) -> list[Pod]:
            return [pod for pod in pods if GANG in (pod.metadata.labels or {}) and is_free(pod)]

        return free(await self.wait(lambda pods: len(free(pods)) == count))

    async def schedule(self, pod: Pod, nodes: list[str] = NODES) -> str:
        """Filter and bind a pod as it is now; return its node, or why it has none."""
        raw = msgspec.json.decode(await self.api.request("GET", f"{PODS}/{pod.metadata.name}"))
        answer = await self.filter(raw, nodes)
        if not answer["NodeNames"]:
            return str(next(iter((answer["FailedAndUnresolvableNodes"] or answer["FailedNodes"]).values())))
        (node,) = answer["NodeNames"]
        return await self.bind(raw, node) or str(node)

    def stop(self) -> None:
        """Let the extender lead no more."""
        self.extender._planning._leads = lambda: False

    def promised(self) -> int:
        return len(self.states())


def is_free(pod: Pod) -> bool:
    return not pod.spec.scheduling_gates


def plan_of(pod: Pod) -> str:
    planned = planned_in((pod.metadata.annotations or {}).get(PLAN))
    assert planned is not None
    return planned.node


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "_PAUSE_S", 0.02)
    monkeypatch.setattr(turn, "_CHANGED_S", 0.0)
    monkeypatch.setattr(surroundings, "_LOOK_S", 0.02)


@pytest.fixture
async def gang(embedded: EmbeddedCluster, api: Api) -> AsyncIterator[Gang]:
    await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "ours", "labels": LABELS}})
    with a_listener() as listener:
        async with (
            running_extender(embedded.admin_kubeconfig, listener) as extender,
            aiohttp.ClientSession() as session,
        ):
            yield Gang(Asked(extender, api, url_of(listener), session), api)


async def test_a_gang_is_planned_pinned_let_go_and_bound_as_planned(gang: Gang) -> None:
    await gang.members(4)
    for pod in await gang.let_go(4):
        assert await gang.schedule(pod) == plan_of(pod)
    assert [bool(pod.spec.node_name) for pod in await gang.pods()] == [True] * 4
    await gang.hears("g-0", "4 pods planned on 2 nodes")


async def test_a_gang_that_does_not_fit_holds_nothing_and_is_told_why(gang: Gang) -> None:
    await gang.members(5)
    await gang.hears("g-0", "gang g: 5 pods needed at once, 4 fit")
    assert gang.promised() == 0
    assert not any(map(is_free, await gang.pods()))
    assert await gang.place(await gang.create("single", "0.9"))


async def test_a_planned_pod_is_bound_where_it_was_planned_and_nowhere_else(gang: Gang) -> None:
    await gang.members(1)
    (pod,) = await gang.let_go(1)
    other = next(node for node in NODES if node != plan_of(pod))
    assert await gang.schedule(pod, [other]) == f"the plan of its gang g puts it on node {plan_of(pod)}"


async def test_a_plan_is_undone_whole_when_a_node_is_lost(gang: Gang) -> None:
    await gang.members(4)
    pod = (await gang.let_go(4))[0]
    await gang.api.request("DELETE", f"/api/v1/nodes/{plan_of(pod)}")
    await until(lambda: gang.promised() == 0)
    # Bare pods stay pending, and their plans are struck: nothing is to go by them any more.
    await gang.wait(lambda pods: not any(PLAN in (pod.metadata.annotations or {}) for pod in pods))
    await gang.hears("g-0", "is gone")
    assert await gang.schedule(pod) == "its gang g has no plan yet"


async def test_a_planned_pod_that_asks_for_something_else_is_not_bound_and_the_plan_is_undone(gang: Gang) -> None:
    await gang.members(2)
    pod = (await gang.let_go(2))[0]
    body = {"metadata": {"annotations": {"gpu-fraction": "0.1"}}}
    await gang.api.request("PATCH", f"{PODS}/{pod.metadata.name}", body=body, content_type=MERGE_PATCH)
    await gang.hears("g-0", "asks for something else")
    # It is planned again, for what it asks for now, and goes there alone.
    await gang.wait(lambda pods: not any(PLAN in (pod.metadata.annotations or {}) for pod in pods))
    await until(lambda: gang.promised() == 2)
    assert sorted(int(held.milli) for held in gang.extender.scheduling.ledger.holdings()) == [100, 600]


async def test_a_take_over_completes_what_was_begun_before_anybody_else_is_answered(
    gang: Gang, embedded: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gangs, "_MOST", 2)
    allowed = 2

    def forbid(method: str, path: str) -> bool:
        nonlocal allowed
        if method == "PATCH" and "/pods/g-" in path:
            allowed -= 1
        return allowed < 0 and method == "PATCH" and "/pods/g-" in path

    embedded.faults.forbid = forbid
    await gang.members(4, "0.9")
    freed = await gang.let_go(2)
    gang.stop()  # killed here
    embedded.faults.clear()
    with a_listener() as listener:
        async with (
            running_extender(embedded.admin_kubeconfig, listener) as successor,
            aiohttp.ClientSession() as session,
        ):
            other = Gang(Asked(successor, gang.api, url_of(listener), session), gang.api)
            assert other.promised() == 4
            held = {holding.pod.name: holding.node for holding in successor.scheduling.ledger.holdings()}
            assert {pod.metadata.name: plan_of(pod) for pod in freed}.items() <= held.items()
            assert not await other.place(await other.create("single", "0.9"))
            for pod in await other.let_go(4):
                assert await other.schedule(pod) == plan_of(pod)


async def test_a_standby_does_nothing(gang: Gang) -> None:
    gang.stop()
    await gang.members(2)
    await until(lambda: len(gang.extender.scheduling.gangs) == 1)
    await asyncio.sleep(0.2)
    assert gang.promised() == 0
    assert not any(map(is_free, await gang.pods()))


@pytest.mark.parametrize("fault", ["refuse", "forbid", "lose_answer"])
async def test_a_gang_is_let_go_once_the_api_server_takes_it_again(
    gang: Gang, embedded: EmbeddedCluster, fault: str
) -> None:
    tried: list[str] = []

    def meets(method: str, path: str) -> bool:
        if method == "PATCH" and "/pods/g-" in path:
            tried.append(path)
        return method == "PATCH" and "/pods/g-" in path

    setattr(embedded.faults, fault, meets)
    await gang.members(2)
    await until(lambda: len(tried) >= 4 if fault != "lose_answer" else len(tried) >= 2)
    embedded.faults.clear()
    for pod in await gang.let_go(2):
        assert await gang.schedule(pod) == plan_of(pod)


async def test_a_list_that_is_forbidden_keeps_gangs_waiting_and_nobody_else(
    gang: Gang, embedded: EmbeddedCluster
) -> None:
    embedded.faults.forbid = lambda _method, path: path.startswith("/apis/storage.k8s.io/v1/csinodes")
    await gang.members(1)
    await gang.hears("g-0", "cannot be listed: csinodes")
    assert await gang.place(await gang.create("single", "0.9"))
    embedded.faults.clear()
    await gang.let_go(1)


async def test_a_gang_that_kube_scheduler_plans_itself_is_refused_before_anything_is_held(gang: Gang) -> None:
    pod = await gang.create("p")
    pod["spec"]["schedulingGroup"] = {"podGroupName": "trainers"}
    answer = await gang.filter(pod)
    assert answer["NodeNames"] == []
    assert 'spec.schedulingGroup: "trainers" must be left out' in str(answer["FailedAndUnresolvableNodes"])
    assert gang.promised() == 0
    await gang.hears("p", "spec.schedulingGroup")
