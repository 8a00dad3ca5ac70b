"""The core hears of every node that is ours, and the operator of each that is left out or not well, once a change."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.scheduling import Scheduling
from extender.shell import nodes
from extender.shell.nodes import SLICES, Nodes
from kube.client import MERGE_PATCH, Api
from kube.events import EventWriter
from kube.gpus import MiB
from kube.objects import Event, ObjectList
from tests.extender.shell.serving import Serving
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


NODE = "/api/v1/nodes/gpu-00"
EVENTS = "/api/v1/namespaces/default/events"
A100 = MiB(81920)


@asynccontextmanager
async def following(api: Api) -> AsyncIterator[tuple[Nodes, Scheduling]]:
    core, events = Scheduling(), EventWriter(api, "plimsoll-extender")
    followed = Nodes(api, core, events)
    followed.enforce(required=False)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(followed.run()), tasks.create_task(events.run())]
        try:
            await until(followed.listed)
            yield followed, core
        finally:
            for task in running:
                task.cancel()


async def patch(api: Api, body: dict[str, Any], path: str = NODE) -> None:
    await api.request("PATCH", path, body=body, content_type=MERGE_PATCH)


async def events(api: Api) -> list[Event]:
    return msgspec.json.decode(await api.request("GET", EVENTS), type=ObjectList[Event]).items or []


async def told(api: Api, reason: str) -> Event:
    async with asyncio.timeout(10):
        while True:
            found = [event for event in await events(api) if event.reason == reason]
            if found:
                return found[0]
            await asyncio.sleep(0.01)


async def test_owned_nodes_are_known_and_no_other(api: Api) -> None:
    await patch(api, {"metadata": {"labels": {"plimsoll.dev/devices": None}}}, "/api/v1/nodes/gpu-01")
    async with following(api) as (_, core):
        (known,) = core.ledger.nodes()
        assert (known.name, known.devices) == ("gpu-00", alike(2, A100))
        assert (known.model, known.cpu, known.memory) == ("NVIDIA-A100-SXM4-80GB", 96_000, 2**20)
        await patch(api, {"metadata": {"labels": {"plimsoll.dev/devices": "owned"}}}, "/api/v1/nodes/gpu-01")
        await until(lambda: core.ledger.node("gpu-01") is not None)
        await api.request("DELETE", "/api/v1/nodes/gpu-01")
        await until(lambda: core.ledger.node("gpu-01") is None)


async def test_a_node_that_is_left_out_is_told_of_once_a_change(api: Api) -> None:
    async with following(api) as (_, core):
        await patch(api, {"metadata": {"labels": {"nvidia.com/gpu.replicas": "4"}}})
        event = await told(api, "GPUsLeftOut")
        assert core.ledger.node("gpu-00") is None
        assert (event.type, event.involved_object.kind, event.involved_object.name) == ("Warning", "Node", "gpu-00")
        assert event.message.startswith(
            "left out by Plimsoll: its device plugin gives each GPU to several pods, by time-"
        )
        await patch(api, {"metadata": {"labels": {"zone": "x"}}})
        await patch(api, {"metadata": {"labels": {"nvidia.com/gpu.replicas": "1"}}})
        await until(lambda: core.ledger.node("gpu-00") is not None)
        assert (await told(api, "GPUsOpen")).message == "all its GPUs (2) take new pods again"
        assert {one.reason: one.count for one in await events(api)} == {"GPUsLeftOut": 1, "GPUsOpen": 1}


async def test_devices_that_take_no_new_pod_are_told_of(api: Api) -> None:
    register = "GPU-aaaa,10,81920,100,NVIDIA A100,0,true:GPU-bbbb,10,81920,100,NVIDIA A100,0,false:"
    async with following(api) as (_, core):
        await patch(api, {"metadata": {"annotations": {"hami.io/node-nvidia-register": register}}})
        assert (await told(api, "GPUsClosed")).message == "no new pod gets GPU-bbbb: unhealthy, says HAMi"
        known = core.ledger.node("gpu-00")
        assert known is not None
        assert known.devices == (Device("GPU-aaaa", A100), Device("GPU-bbbb", A100, "unhealthy, says HAMi"))


async def test_a_handshake_that_grows_old_closes_its_node_though_nothing_happens(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "_LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr("extender.core.inventory.gpus.SILENT_S", 0.05)
    said = {
        "hami.io/node-nvidia-register": "GPU-aaaa,10,81920,100,NVIDIA A100,0,true:",
        "hami.io/node-handshake": "Reported_2124-01-23 12:00:00",
    }
    await patch(api, {"metadata": {"annotations": said}})
    async with following(api):
        assert (await told(api, "GPUsClosed")).message.startswith("no new pod gets GPU-aaaa: HAMi's device plugin has ")


async def test_an_embedded_cluster_has_no_slices_and_that_is_no_outage(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(api) as (followed, _):
        assert followed.listed()
    assert "ResourceSlices is away" not in caplog.text


def owned(name: str = "a", version: str = "1", gpus: int = 1) -> dict[str, Any]:
    quantities = {"nvidia.com/gpu": str(gpus)}
    labels = {"plimsoll.dev/devices": "owned"}
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": version, "labels": labels},
        "status": {"capacity": quantities, "allocatable": quantities},
    }


def published(*taints: dict[str, str]) -> dict[str, Any]:
    device = {
        "name": "gpu-0",
        "attributes": {"type": {"string": "gpu"}, "uuid": {"string": "GPU-aaaa"}},
        "capacity": {"memory": {"value": "80Gi"}},
        "taints": list(taints),
    }
    spec = {"driver": "gpu.nvidia.com", "nodeName": "a", "pool": {"name": "a"}, "devices": [device]}
    return {"metadata": {"name": "a-gpus", "resourceVersion": "2"}, "spec": spec}


async def test_devices_are_named_and_closed_by_the_slices_of_their_node() -> None:
    server = Serving()
    server.lists = {nodes.NODES: [owned()], SLICES[0]: [published()]}
    with server.as_api() as api:
        async with following(api) as (_, core):
            assert list(core.ledger.nodes()) == [GpuNode("a", (Device("GPU-aaaa", MiB(81920)),))]
            assert (SLICES[0], "spec.driver=gpu.nvidia.com") in server.asked
            server.tell(
                SLICES[0], "MODIFIED", published({"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule"})
            )
            closed = Device("GPU-aaaa", MiB(81920), "tainted by its DRA driver: gpu.nvidia.com/xid=79:NoSchedule")
            await until(lambda: list(core.ledger.nodes()) == [GpuNode("a", (closed,))])
            server.tell(SLICES[0], "DELETED", published())
            await until(lambda: list(core.ledger.nodes()) == [GpuNode("a", alike(1))])


async def test_the_newest_version_that_is_served_is_read() -> None:
    server = Serving({SLICES[0]: 404, SLICES[1]: 404})
    server.lists = {nodes.NODES: [owned()], SLICES[2]: [published()]}
    with server.as_api() as api:
        async with following(api) as (_, core):
            assert [node.devices[0].name for node in core.ledger.nodes()] == ["GPU-aaaa"]


async def test_whether_shares_must_be_enforced_is_taken_over_at_once() -> None:
    server = Serving(dict.fromkeys(SLICES, 404))
    server.lists = {nodes.NODES: [owned()]}
    with server.as_api() as api:
        async with following(api) as (followed, core):
            said = [True, False, True]
            found = []
            for required in said:
                followed.enforce(required=required)
                found += [bool(node.closed_to_shares) for node in core.ledger.nodes()]
            assert found == said


@pytest.mark.parametrize("status", [403, 404, 501])
async def test_where_slices_are_not_to_be_had_there_are_none(status: int, caplog: pytest.LogCaptureFixture) -> None:
    server = Serving(dict.fromkeys(SLICES, status))
    server.lists = {nodes.NODES: [owned()]}
    with server.as_api() as api:
        async with following(api) as (_, core):
            assert list(core.ledger.nodes()) == [GpuNode("a", alike(1))]
    assert ("ResourceSlices is away" in caplog.text) == (status == 403)


async def test_slices_are_found_once_they_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_ASK_AGAIN_S", 0.01)
    server = Serving(dict.fromkeys(SLICES, 404))
    server.lists = {nodes.NODES: [owned()], SLICES[0]: [published()]}
    with server.as_api() as api:
        async with following(api) as (_, core):
            server.refuses.clear()
            await until(lambda: [node.devices[0].name for node in core.ledger.nodes()] == ["GPU-aaaa"])


async def test_nothing_is_known_while_the_server_does_not_say_whether_it_has_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nodes, "_RETRY_S", 0.01)
    server = Serving({SLICES[0]: 503})
    server.lists = {nodes.NODES: [owned()]}
    core = Scheduling()
    with server.as_api() as api:
        followed = Nodes(api, core, EventWriter(api, "plimsoll-extender"))
        running = asyncio.create_task(followed.run())
        try:
            await until(lambda: server.asked.count((SLICES[0], "")) > 2)
            assert not followed.listed()
            assert list(core.ledger.nodes()) == []
            server.refuses.clear()
            await until(followed.listed)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def closed_in(core: Scheduling) -> list[str]:
    return [device.closed for node in core.ledger.nodes() for device in node.devices]


async def test_whoever_cannot_be_heard_is_not_held_for_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_LOOK_AGAIN_S", 0.01)
    server = Serving(dict.fromkeys(SLICES, 404))
    node = owned()
    node["metadata"]["annotations"] = {
        "hami.io/node-nvidia-register": "GPU-aaaa,10,81920,100,NVIDIA A100,0,true:",
        "hami.io/node-handshake": "Reported_2124-01-23 12:00:00",
    }
    server.lists = {nodes.NODES: [node]}
    with server.as_api() as api:
        async with following(api) as (followed, core):
            since = followed._inventory._handshakes["a"][1]
            server.cut(nodes.NODES, 503)
            await until(lambda: server.opened[nodes.NODES] >= 2)
            monkeypatch.setattr("extender.core.inventory.gpus.SILENT_S", 0.0)
            await until(lambda: server.opened[nodes.NODES] >= 4)
            monkeypatch.setattr("extender.core.inventory.gpus.SILENT_S", 0.05)
            await asyncio.sleep(0.2)
            assert closed_in(core) == [""]
            server.refuses.clear()
            await until(lambda: closed_in(core) != [""])
            assert followed._inventory._handshakes["a"][1] > since


@asynccontextmanager
async def listing_anew(
    was: list[dict[str, Any]], lists: list[dict[str, Any]], version: str
) -> AsyncIterator[tuple[Serving, Scheduling, Callable[[], Awaitable[None]]]]:
    """Have nodes that were as they `was` listed anew; give what has the list arrive, and be taken."""
    server = Serving(dict.fromkeys(SLICES, 404))
    server.lists = {nodes.NODES: was}
    with server.as_api() as api:
        async with following(api) as (followed, core):
            server.version, server.lists = version, {nodes.NODES: lists}
            arrives = server.hold(nodes.NODES)
            asked = len(server.asked)
            listing = asyncio.create_task(followed.list_anew())
            await until(lambda: len(server.asked) > asked)

            async def arrive() -> None:
                arrives.set()
                await listing

            yield server, core, arrive


def gpus_of(core: Scheduling) -> dict[str, int]:
    return {node.name: len(node.devices) for node in core.ledger.nodes()}


async def test_a_list_does_not_take_back_what_the_watch_told_since_it_was_asked_for() -> None:
    was = [owned("a"), owned("b"), owned("c")]
    async with listing_anew(was, [*was, owned("e", "2")], version="9") as (server, core, arrive):
        server.tell(nodes.NODES, "MODIFIED", owned("a", "10", gpus=2))
        server.tell(nodes.NODES, "DELETED", owned("b", "11"))
        server.tell(nodes.NODES, "ADDED", owned("d", "12"))
        await until(lambda: gpus_of(core) == {"a": 2, "c": 1, "d": 1})
        await arrive()
        assert gpus_of(core) == {"a": 2, "c": 1, "d": 1, "e": 1}


async def test_a_list_takes_back_what_the_watch_told_of_the_time_before_it() -> None:
    async with listing_anew([owned("a")], [owned("a", "8")], version="9") as (server, core, arrive):
        server.tell(nodes.NODES, "MODIFIED", owned("a", "6", gpus=2))
        server.tell(nodes.NODES, "ADDED", owned("b", "7"))
        await until(lambda: gpus_of(core) == {"a": 2, "b": 1})
        await arrive()
        assert gpus_of(core) == {"a": 1}


async def test_a_watch_that_lags_does_not_take_back_what_a_list_told() -> None:
    was = [owned("a"), owned("b")]
    async with listing_anew(was, [owned("a", "8", gpus=2)], version="9") as (server, core, arrive):
        await arrive()
        server.tell(nodes.NODES, "MODIFIED", owned("a", "6", gpus=4))
        server.tell(nodes.NODES, "MODIFIED", owned("b", "7"))
        server.tell(nodes.NODES, "ADDED", owned("c", "10"))
        await until(lambda: "c" in gpus_of(core))
        assert gpus_of(core) == {"a": 2, "c": 1}


async def test_a_list_that_the_watch_has_overtaken_as_a_whole_says_nothing() -> None:
    async with listing_anew([owned("a")], [owned("a"), owned("b")], version="9") as (server, core, arrive):
        server.version, server.lists = "20", {nodes.NODES: [owned("c", "15")]}
        held = server.held.pop(nodes.NODES)
        server.tell(nodes.NODES, "ERROR", {"code": 410})
        await until(lambda: gpus_of(core) == {"c": 1})
        assert not held.is_set()
        await arrive()
        assert gpus_of(core) == {"c": 1}
