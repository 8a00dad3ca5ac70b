"""What an extender that runs does beside answering: it reads back, it wakes, it tells, it forgets nothing.

Asked as kube-scheduler asks, over HTTP; the cluster is an embedded one without a scheduler for these pods.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest

from extender import app
from extender.core import explanations, waiting
from extender.core.explaining import Holder, explain
from extender.core.gang.progress import Stage
from extender.core.ledger.holding import State
from extender.shell import cluster, pods, sending
from kube.client import MERGE_PATCH, ApiError
from kube.gangs import GANG, LEAST
from kube.objects import Event, ObjectList, Pod
from tests.story.programs import a_listener, running_extender, until, url_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extender.app import Extender
    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

PODS = "/api/v1/namespaces/ours/pods"
PROJECTS = "/api/v1/namespaces/plimsoll-system/configmaps/config-projects"
NODES = ["gpu-00", "gpu-01"]


class Asked:
    """An extender, and the one who asks it."""

    def __init__(self, extender: Extender, api: Api, url: str, session: aiohttp.ClientSession) -> None:
        self.extender = extender
        self._api = api
        self._url = url
        self._session = session

    async def create(self, name: str, share: str = "0.5") -> dict[str, Any]:
        spec = {"containers": [{"name": "main", "image": "model"}], "terminationGracePeriodSeconds": 0}
        body = {"metadata": {"name": name, "annotations": {"gpu-fraction": share}}, "spec": spec}
        made: dict[str, Any] = msgspec.json.decode(await self._api.request("POST", PODS, body=body))
        return made

    async def filter(self, pod: dict[str, Any], nodes: list[str] = NODES) -> Any:
        wire = {key: pod[key] for key in ("metadata", "spec", "status")}
        return await self._post("filter", {"Pod": wire, "Nodes": None, "NodeNames": nodes})

    async def bind(self, pod: dict[str, Any], node: str) -> str:
        meta = pod["metadata"]
        names = {"PodName": meta["name"], "PodNamespace": meta["namespace"], "PodUID": meta["uid"], "Node": node}
        refusal = str((await self._post("bind", names))["Error"])
        if "stood still" not in refusal:
            return refusal
        await asyncio.sleep(0.1)  # a machine that is busy: kube-scheduler tries again too
        return await self.bind(pod, node)

    async def place(self, pod: dict[str, Any]) -> str:
        """Filter and bind; return the node, "" where there is none."""
        found = (await self.filter(pod))["NodeNames"]
        return "" if not found or await self.bind(pod, found[0]) else str(found[0])

    async def now(self, name: str) -> Pod:
        return msgspec.json.decode(await self._api.request("GET", f"{PODS}/{name}"), type=Pod)

    def states(self) -> list[State]:
        return [holding.state for holding in self.extender.scheduling.ledger.holdings()]

    async def _post(self, verb: str, body: object) -> Any:
        async with self._session.post(f"{self._url}/{verb}", data=json.dumps(body)) as answer:
            assert answer.status == 200
            return await answer.json()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an answer come in a moment."""
    monkeypatch.setattr(app, "_SETTLE_PAUSE_S", 0.05)
    monkeypatch.setattr(app, "_KICK_PAUSE_S", 0.02)


@pytest.fixture
async def asked(embedded: EmbeddedCluster, api: Api) -> AsyncIterator[Asked]:
    labels = {"plimsoll.dev/managed": "true"}
    await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "ours", "labels": labels}})
    with a_listener() as listener:
        async with (
            running_extender(embedded.admin_kubeconfig, listener) as extender,
            aiohttp.ClientSession() as session,
        ):
            yield Asked(extender, api, url_of(listener), session)


async def test_a_pod_is_bound_with_its_devices(asked: Asked) -> None:
    node = await asked.place(await asked.create("p"))
    pod = await asked.now("p")
    assert pod.spec.node_name == node != ""
    assert (pod.metadata.annotations or {})["plimsoll.dev/devices"] == "0"
    assert asked.states() == [State.BOUND]


async def test_a_pod_that_is_deleted_gives_its_room_back(asked: Asked, api: Api) -> None:
    await asked.place(await asked.create("p"))
    await api.request("DELETE", f"{PODS}/p", query={"gracePeriodSeconds": "0"})
    await until(lambda: asked.states() == [])


async def test_a_binding_whose_answer_was_lost_is_read_back(asked: Asked, embedded: EmbeddedCluster) -> None:
    embedded.faults.lose_answer = lambda _method, path: path.endswith("/binding")
    assert await asked.place(await asked.create("p"))
    assert (await asked.now("p")).spec.node_name


async def test_a_binding_that_was_refused_keeps_its_room_and_is_tried_there_again(
    asked: Asked, embedded: EmbeddedCluster
) -> None:
    pod = await asked.create("p", "0.9")
    embedded.faults.refuse = lambda _method, path: path.endswith("/binding")
    (node,) = (await asked.filter(pod))["NodeNames"]
    assert await asked.bind(pod, node) != ""
    assert asked.states() == [State.BINDING]
    embedded.faults.clear()
    assert (await asked.filter(pod))["NodeNames"] == [node]
    assert await asked.bind(pod, node) == ""
    assert asked.states() == [State.BOUND]


async def test_no_binding_is_sent_after_its_deadline(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_BIND_DEADLINE_S", -1.0)
    pod = await asked.create("p")
    (node,) = (await asked.filter(pod))["NodeNames"]
    assert await asked.bind(pod, node) != ""
    assert not (await asked.now("p")).spec.node_name


async def test_a_pod_that_waits_is_woken_when_its_room_is_free(asked: Asked, api: Api) -> None:
    for number in range(4):
        assert await asked.place(await asked.create(f"p{number}", "0.9"))
    waiting = await asked.create("waiting", "0.9")
    assert not await asked.place(waiting)
    await api.request("DELETE", f"{PODS}/p0", query={"gracePeriodSeconds": "0"})
    await until(lambda: len(asked.states()) == 3)
    async for _ in _moments():
        if "plimsoll.dev/retry" in ((await asked.now("waiting")).metadata.annotations or {}):
            break
    assert await asked.place(waiting)


async def test_a_malformed_annotation_is_told_on_the_pod_and_costs_the_others_nothing(asked: Asked, api: Api) -> None:
    bad = await asked.create("bad", "1.5")
    assert (await asked.filter(bad))["NodeNames"] == []
    assert await asked.place(await asked.create("good"))
    async for _ in _moments():
        answer = await api.request("GET", "/api/v1/namespaces/ours/events")
        events = msgspec.json.decode(answer, type=ObjectList[Event]).items or []
        if told := [event.message for event in events if event.reason == "MalformedGPURequest"]:
            assert told[0].startswith('gpu-fraction: "1.5" must be a decimal')
            break


async def test_a_pod_that_fits_nowhere_is_told_why_on_itself_once_until_the_reason_changes(
    asked: Asked, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanations, "_CHANGED_S", 0.0)
    for number in range(4):
        assert await asked.place(await asked.create(f"p{number}", "0.9"))
    pod = await asked.create("waits", "0.9")
    for nodes in (NODES, NODES, NODES[:1]):
        assert (await asked.filter(pod, nodes))["NodeNames"] == []
    sentences = ["2 nodes: no device with 900 milli-GPU free", "1 node: no device with 900 milli-GPU free"]
    async for _ in _moments():
        answer = await api.request("GET", "/api/v1/namespaces/ours/events")
        events = msgspec.json.decode(answer, type=ObjectList[Event]).items or []
        told = {event.message: event.count for event in events if event.reason == "WaitsForGPU"}
        if len(told) > 1:
            assert sorted(message.partition(";")[0] for message in told) == sorted(sentences)
            assert list(told.values()) == [1, 1]
            break


async def test_a_pod_over_quota_is_told_why_on_itself_and_woken_when_the_quota_is_raised(
    asked: Asked, api: Api
) -> None:
    async def configure(quota: str) -> None:
        body = {"data": {"projects": f"[{{name: search, quota: {quota}, namespaces: [ours]}}]"}}
        await api.request("PATCH", PROJECTS, body=body, content_type=MERGE_PATCH)
        await until(lambda: quota in str([one.quota / 1000 for one in asked.extender.scheduling.quota.projects.every]))

    await configure("0.5")
    assert await asked.place(await asked.create("p")) != ""
    pod = await asked.create("q")
    answer = await asked.filter(pod)
    brief = "project search: asks 0.5 GPUs, more than is left of its quota"
    assert answer["FailedAndUnresolvableNodes"] == dict.fromkeys(NODES, brief)
    said = "project search: over quota: asks 0.5 GPUs, 0.5 of 0.5 are used (0.5 by ours/p), 0.5 missing"
    assert await told(api, "q", "WaitsForQuota") == said
    await configure("1.0")
    async for _ in _moments():
        if "plimsoll.dev/retry" in ((await asked.now("q")).metadata.annotations or {}):
            break
    assert await asked.place(pod) != ""


async def test_a_label_that_nothing_authorises_is_told_on_the_pod(asked: Asked, api: Api) -> None:
    body = {"data": {"projects": "[{name: search, quota: 1, namespaces: [ours]}]"}}
    await api.request("PATCH", PROJECTS, body=body, content_type=MERGE_PATCH)
    await until(lambda: bool(asked.extender.scheduling.quota.projects))
    pod = await asked.create("p")
    pod["metadata"]["labels"] = {"plimsoll.dev/project": "vision"}
    assert (await asked.filter(pod))["NodeNames"] == []
    assert "must be a project that config-projects authorises" in await told(api, "p", "UnauthorisedProject")


async def told(api: Api, name: str, reason: str) -> str:
    """Wait for an Event on a pod."""
    async with asyncio.timeout(20):
        while True:
            answer = await api.request("GET", "/api/v1/namespaces/ours/events")
            for event in msgspec.json.decode(answer, type=ObjectList[Event]).items or ():
                if (event.involved_object.name, event.reason) == (name, reason):
                    return event.message
            await asyncio.sleep(0.01)


async def test_nobody_is_answered_before_the_labels_of_namespaces_are_known_where_projects_need_them(
    asked: Asked, api: Api
) -> None:
    asked.extender.namespaces._managed = None
    assert asked.extender.listed()
    body = {"data": {"projects": "[{name: search, quota: 1, namespaces: [ours]}]"}}
    await api.request("PATCH", PROJECTS, body=body, content_type=MERGE_PATCH)
    await until(lambda: bool(asked.extender.scheduling.quota.projects))
    assert not asked.extender.listed()


async def test_a_binding_that_somebody_sent_before_us_arrives_no_more_once_we_place_pods(
    asked: Asked, embedded: EmbeddedCluster, api: Api
) -> None:
    meta = (await asked.create("p"))["metadata"]
    late = {
        "metadata": {"name": "p", "uid": meta["uid"], "resourceVersion": meta["resourceVersion"]},
        "target": {"kind": "Node", "name": "gpu-00"},
    }
    with a_listener() as listener:
        async with running_extender(embedded.admin_kubeconfig, listener):
            with pytest.raises(ApiError) as refused:
                await api.request("POST", f"{PODS}/p/binding", body=late)
    assert refused.value.status == 409
    assert not (await asked.now("p")).spec.node_name


async def test_a_binding_is_of_the_pod_as_it_is_known_and_a_later_change_refuses_it(asked: Asked, api: Api) -> None:
    pod = await asked.create("p")
    (node,) = (await asked.filter(pod))["NodeNames"]
    body = {"metadata": {"labels": {"changed": "now"}}}
    changed = msgspec.json.decode(
        await api.request("PATCH", f"{PODS}/p", body=body, content_type=MERGE_PATCH), type=Pod
    )
    version = changed.metadata.resource_version
    await until(lambda: next(iter(asked.extender.scheduling.unbound())).version == version)
    # kube-scheduler asks with the pod as it knows it, older than ours.
    assert (await asked.filter(pod))["NodeNames"] == [node]
    assert await asked.bind(pod, node) == ""


async def test_a_device_that_was_bound_twice_is_told_on_both_pods_and_the_younger_is_evicted(
    asked: Asked, api: Api
) -> None:
    for name in ("older", "younger"):
        made = await asked.create(name, "0.6")
        body = {
            "metadata": {
                "name": name,
                "uid": made["metadata"]["uid"],
                "annotations": {"plimsoll.dev/devices": "0", "plimsoll.dev/gpu-milli": "600"},
            },
            "target": {"kind": "Node", "name": "gpu-00"},
        }
        await api.request("POST", f"{PODS}/{name}/binding", body=body)
        if name == "older":
            await asyncio.sleep(1.0)  # the API server counts a pod's age in seconds
    async for _ in _moments():
        answer = await api.request("GET", PODS)
        left = [pod.metadata.name for pod in msgspec.json.decode(answer, type=ObjectList[Pod]).items or []]
        if left == ["older"]:
            break
    sentence = (
        "device 0 of node gpu-00 was bound twice, to ours/older and ours/younger: they hold 1200 of its 1000 "
        "milli-GPU; evicted, as the younger: ours/younger"
    )
    async for _ in _moments():
        answer = await api.request("GET", "/api/v1/namespaces/ours/events")
        events = msgspec.json.decode(answer, type=ObjectList[Event]).items or []
        told = {event.involved_object.name for event in events if event.message == sentence}
        if told == {"older", "younger"}:
            break
    counted = 'plimsoll_extender_evictions_total{cause="device_bound_twice",result="evicted"} 1.0'
    assert counted in asked.extender.telemetry.exposition().decode()


async def test_a_plan_of_a_gang_is_counted_and_told_of_its_pods(asked: Asked, api: Api) -> None:
    spec = {"containers": [{"name": "main", "image": "model", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}
    for name in ("a", "b"):
        meta = {"name": name, "labels": {GANG: "g"}, "annotations": {LEAST: "2"}}
        await api.request("POST", PODS, body={"metadata": meta, "spec": spec})
    counted = 'plimsoll_extender_gang_plans_total{result="made"} 1.0'
    await until(lambda: counted in asked.extender.telemetry.exposition().decode())
    found = explain(asked.extender.scheduling, "ours", "a")
    assert isinstance(found, Holder)
    assert found.by_plan
    assert found.gang is not None
    assert (found.gang.stage, found.gang.promised) == (Stage.PLANNED, 2)


async def test_a_pod_that_is_not_placed_is_logged_by_its_name(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    pod = await asked.create("p", "0.9")
    (node,) = (await asked.filter(pod))["NodeNames"]
    caplog.set_level("INFO", "extender")
    assert await asked.bind(pod, "nowhere") != ""
    record = [record for record in caplog.records if record.message == "not placed"][-1]
    assert (record.pod, record.uid, record.node) == ("ours/p", pod["metadata"]["uid"], "nowhere")  # type: ignore[attr-defined]
    assert await asked.bind(pod, node) == ""


async def test_the_decisions_are_timed(asked: Asked) -> None:
    pod = await asked.create("p")
    await asked.place(pod)
    page = asked.extender.telemetry.exposition().decode()
    for verb in ("filter", "bind"):
        assert f'plimsoll_extender_decision_duration_seconds_count{{verb="{verb}"}} 1.0' in page


async def test_a_node_that_is_not_ours_any_more_takes_no_pod(asked: Asked, api: Api) -> None:
    body = {"metadata": {"labels": {"plimsoll.dev/devices": None}}}
    await api.request("PATCH", "/api/v1/nodes/gpu-00", body=body, content_type=MERGE_PATCH)
    await until(lambda: [node.name for node in asked.extender.scheduling.ledger.nodes()] == ["gpu-01"])
    assert await asked.place(await asked.create("p")) == "gpu-01"


async def test_devices_have_their_uuids_where_hami_tells_them_and_its_pods_hold_theirs(asked: Asked, api: Api) -> None:
    register = "GPU-aaaa,10,81920,100,NVIDIA A100,0,true:GPU-bbbb,10,81920,100,NVIDIA A100,0,true:"
    body = {"metadata": {"annotations": {"hami.io/node-nvidia-register": register}}}
    await api.request("PATCH", "/api/v1/nodes/gpu-00", body=body, content_type=MERGE_PATCH)
    theirs = {
        "metadata": {"name": "theirs", "annotations": {"hami.io/vgpu-devices-allocated": "GPU-aaaa,NVIDIA,40960,30:;"}},
        "spec": {
            "nodeName": "gpu-00",
            "containers": [{"name": "c", "image": "i", "resources": {"limits": {"nvidia.com/gpu": "1"}}}],
        },
    }
    await api.request("POST", "/api/v1/namespaces/default/pods", body=theirs)
    ledger = asked.extender.scheduling.ledger
    await until(lambda: [int(free) for free in ledger.room("gpu-00")] == [500, 1000])
    pod = await asked.create("p", "0.6")
    assert (await asked.filter(pod, ["gpu-00"]))["NodeNames"] == ["gpu-00"]
    assert await asked.bind(pod, "gpu-00") == ""
    assert ((await asked.now("p")).metadata.annotations or {})["plimsoll.dev/devices"] == "GPU-bbbb"


async def test_what_was_bound_before_a_restart_is_known_after_it(asked: Asked, embedded: EmbeddedCluster) -> None:
    for number in range(3):
        assert await asked.place(await asked.create(f"p{number}", "0.9"))
    with a_listener() as listener:
        async with running_extender(embedded.admin_kubeconfig, listener) as restarted:
            held = {holding.pod.uid: holding.devices for holding in restarted.scheduling.ledger.holdings()}
    assert held == {h.pod.uid: h.devices for h in asked.extender.scheduling.ledger.holdings()}
    assert len(held) == 3


async def test_a_pod_that_was_refused_before_a_restart_is_woken_after_it(
    asked: Asked, embedded: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_FOUND_PAUSE_S", 0.05)
    await asked.create("p")
    with a_listener() as listener:
        async with running_extender(embedded.admin_kubeconfig, listener):
            async for _ in _moments():
                if "plimsoll.dev/retry" in ((await asked.now("p")).metadata.annotations or {}):
                    break


async def test_a_cut_watch_and_a_forgotten_past_lose_nothing(asked: Asked, embedded: EmbeddedCluster) -> None:
    assert await asked.place(await asked.create("stays"))
    assert await asked.place(await asked.create("goes"))
    embedded.faults.stall()
    embedded.restart_api_server()
    await embedded.api.request("DELETE", f"{PODS}/goes", query={"gracePeriodSeconds": "0"})
    embedded.compact()
    embedded.faults.flow()
    await until(lambda: asked.states() == [State.BOUND])
    assert (await asked.now("stays")).spec.node_name


async def _moments() -> AsyncIterator[None]:
    """Yield every 20 ms, for ten seconds at most."""
    for _ in range(500):
        yield
        await asyncio.sleep(0.02)
    pytest.fail("waited 10 s in vain")


async def test_a_long_list_lets_others_have_their_turns(api: Api) -> None:
    extender = app.Extender(api, "plimsoll-system")
    made = [
        {"metadata": {"name": str(number), "uid": str(number)}, "spec": {"nodeName": "gpu-00"}} for number in range(450)
    ]
    seen = tuple(map(cluster.seen_pod, msgspec.convert(made, tuple[pods.Pod, ...])))
    taking = asyncio.create_task(extender._take_all(seen))
    turns = 0
    while not taking.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 450 // app._AT_A_TIME
    assert len(tuple(extender.scheduling.ledger.holdings())) == 450


async def test_who_may_leave_is_followed_from_the_first_question_on(asked: Asked) -> None:
    assert asked.extender.checks() is None
    await until(lambda: asked.extender.checks() is not None)
