"""What people are told over gRPC: every device once, each change once, and of one pod why."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from deploy.local.ports import free_ports
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.quota.projects import Project, Projects
from extender.shell import rpc, turns
from extender.v1 import extender_pb2 as v1
from extender.v1 import extender_pb2_grpc as service
from kube.gate import ForbiddenReaderError, UnknownReaderError
from kube.rpc_address import RpcAddress
from tests.door import Door
from tests.extender.core.preemption.playing import Cluster, whole
from tests.kube.test_rpc import refusal
from tests.plimsoll.gpus.telling import WHOLE, place, pod, scheduling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extender.core.gang.planning import Checks
    from extender.core.scheduling import Scheduling
    from kube.gate import Gate

CODES = grpc.StatusCode


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_PAUSE_S", 0.01)


def managed(namespace: str) -> str:
    return "it is not managed" if namespace == "unmanaged" else ""


@asynccontextmanager
async def asking(
    s: Scheduling, *, ready: bool = True, gate: Gate | None = None, checks: Checks | None = None
) -> AsyncIterator[Any]:
    """Serve on loopback, and give a stub of the service."""
    (port,) = free_ports(1)
    at = RpcAddress(f"127.0.0.1:{port}", None)
    async with (
        rpc.serving(at, rpc.DeviceService(s, lambda: ready, gate, refusal=managed, checks=lambda: checks)),
        grpc.aio.insecure_channel(at.address) as channel,
    ):
        yield service.ExtenderStub(channel)


async def listed(stub: Any, **wanted: str) -> list[str]:
    return [node.name async for answer in stub.Devices(v1.DevicesRequest(**wanted)) for node in answer.nodes]


async def read(watch: Any) -> Any:
    return await asyncio.wait_for(watch.read(), 10)


async def test_every_node_is_told_once_and_in_order_whatever_their_number() -> None:
    async with asking(scheduling(250)) as stub:
        answers = [answer async for answer in stub.Devices(v1.DevicesRequest())]
        names = [node.name for answer in answers for node in answer.nodes]
    assert names == sorted(f"n{number}" for number in range(250))
    assert [len(answer.nodes) for answer in answers] == [100, 100, 50]


async def test_only_wanted_nodes_are_told() -> None:
    s = scheduling(3)
    s.node_seen(GpuNode("big", alike(1), "A100"))
    s.left_out["mig"] = "MIG is on"
    async with asking(s) as stub:
        assert await listed(stub, node="n*") == ["n0", "n1", "n2"]
        assert await listed(stub, model="a100") == ["big"]
        assert await listed(stub, node="m?g") == ["mig"]
        assert await listed(stub, node="x") == []


async def test_a_watch_begins_with_all_and_goes_on_with_what_changes() -> None:
    s = scheduling(150)
    async with asking(s) as stub:
        watch = stub.WatchDevices(v1.WatchDevicesRequest())
        begin = [await read(watch) for _ in range(3)]
        assert [(len(answer.nodes), answer.whole) for answer in begin] == [(100, False), (50, False), (0, True)]
        place(s, pod("p"), "n7")
        changed = await read(watch)
        assert [(node.name, node.devices[0].free_milli) for node in changed.nodes] == [("n7", 500)]
        assert (await read(watch)).whole
        s.node_gone("n8")
        gone = await read(watch)
        assert (list(gone.gone), gone.whole) == (["n8"], True)
        watch.cancel()


async def test_a_watch_says_nothing_while_nothing_changes() -> None:
    async with asking(scheduling(1)) as stub:
        watch = stub.WatchDevices(v1.WatchDevicesRequest())
        assert [(await read(watch)).whole for _ in range(2)] == [False, True]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.read(), 0.2)


async def test_a_watch_tells_that_a_promise_was_kept() -> None:
    s = scheduling(1)
    async with asking(s) as stub:
        s.filter(pod("p"), ["n0"], 0.0)
        watch = stub.WatchDevices(v1.WatchDevicesRequest())
        states = [(await read(watch)).nodes[0].devices[0].holdings[0].state]
        assert (await read(watch)).whole
        s.bind("uid-p", "n0", 0.0)
        s.bound("uid-p")
        states.append((await read(watch)).nodes[0].devices[0].holdings[0].state)
        assert states == [v1.STATE_RESERVED, v1.STATE_BOUND]
        watch.cancel()


async def test_a_watch_of_nothing_says_so_and_hears_when_there_is_something() -> None:
    s = scheduling(1)
    async with asking(s) as stub:
        watch = stub.WatchDevices(v1.WatchDevicesRequest(node="x*"))
        first = await read(watch)
        assert (list(first.nodes), first.whole) == ([], True)
        s.left_out["x0"] = "MIG is on"
        assert [(node.name, node.left_out) for node in (await read(watch)).nodes] == [("x0", "MIG is on")]
        watch.cancel()


async def test_the_end_of_the_program_ends_watches_with_a_sentence() -> None:
    (port,) = free_ports(1)
    at = RpcAddress(f"127.0.0.1:{port}", None)
    async with grpc.aio.insecure_channel(at.address) as channel:
        async with rpc.serving(
            at, rpc.DeviceService(scheduling(0), lambda: True, None, refusal=managed, checks=lambda: None)
        ):
            watch = service.ExtenderStub(channel).WatchDevices(v1.WatchDevicesRequest())
            assert (await read(watch)).whole
        assert await refusal(watch.read()) == (CODES.UNAVAILABLE, "the extender ends: ask again")


async def test_too_many_watches_are_refused_and_one_that_ended_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_MOST_WATCHES", 1)
    async with asking(scheduling(1)) as stub:
        watch = stub.WatchDevices(v1.WatchDevicesRequest())
        await read(watch)
        code, says = await refusal(stub.WatchDevices(v1.WatchDevicesRequest()).read())
        assert (code, says) == (CODES.RESOURCE_EXHAUSTED, "too many watch already: end another watch")
        watch.cancel()
        for _ in range(200):
            await asyncio.sleep(0.02)
            try:
                await read(stub.WatchDevices(v1.WatchDevicesRequest()))
                break
            except grpc.aio.AioRpcError:
                continue
        else:
            pytest.fail("its place is never free again")


async def test_a_pod_is_explained() -> None:
    s = scheduling(1)
    place(s, pod("p", WHOLE), "n0")
    s.filter(pod("q"), ["n0"], 1.0)
    async with asking(s) as stub:
        placed = await stub.Explain(v1.ExplainRequest(namespace="chat", name="p"))
        waits = await stub.Explain(v1.ExplainRequest(namespace="chat", name="q"))
    assert (placed.placed.node, placed.since_ms > 0) == ("n0", True)
    assert waits.waits.reason == "1 node: no device with 500 milli-GPU free"


async def test_a_pod_that_is_not_known_is_answered_with_near_names_or_advice() -> None:
    s = scheduling(1)
    s.pod_seen(pod("llama-0"))
    async with asking(s) as stub:
        assert await refusal(stub.Explain(v1.ExplainRequest(namespace="chat", name="lama-0"))) == (
            CODES.NOT_FOUND,
            "there is no pod chat/lama-0 here that asks for GPUs of Plimsoll's or holds some; near to it: chat/llama-0",
        )
        assert await refusal(stub.Explain(v1.ExplainRequest(namespace="x", name="y"))) == (
            CODES.NOT_FOUND,
            (
                "there is no pod x/y here that asks for GPUs of Plimsoll's or holds some; is its namespace labelled "
                "plimsoll.dev/managed=true?"
            ),
        )
        assert (await refusal(stub.Explain(v1.ExplainRequest(name="y"))))[0] is CODES.INVALID_ARGUMENT
        long = v1.ExplainRequest(namespace="x", name="y" * 254)
        assert (await refusal(stub.Explain(long)))[0] is CODES.INVALID_ARGUMENT


@pytest.mark.parametrize("ready", [True, False])
async def test_who_may_not_ask_hears_so_first_and_then_who_asks_too_early(ready: bool) -> None:  # noqa: FBT001
    for says, code in (
        (UnknownReaderError("who?"), CODES.UNAUTHENTICATED),
        (ForbiddenReaderError("not you"), CODES.PERMISSION_DENIED),
        (None, CODES.UNAVAILABLE),
    ):
        if ready and says is None:
            continue
        async with asking(scheduling(1), ready=ready, gate=Door(says)) as stub:
            for call in (
                stub.Devices(v1.DevicesRequest()).read(),
                stub.WatchDevices(v1.WatchDevicesRequest()).read(),
                stub.Explain(v1.ExplainRequest(namespace="x", name="y")),
            ):
                assert await refusal(call) == (code, str(says) if says else rpc.UNREADY)


async def test_a_watch_ends_when_its_reader_loses_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_AGAIN_S", 0.01)
    door = Door(None)
    async with asking(scheduling(0), gate=door) as stub:
        watch = stub.WatchDevices(v1.WatchDevicesRequest())
        await read(watch)
        door.says = ForbiddenReaderError("not any more")
        assert await refusal(watch.read()) == (CODES.PERMISSION_DENIED, "not any more")


async def test_what_fits_is_counted_and_what_never_will_is_refused() -> None:
    s = scheduling(2)
    place(s, pod("p"), "n0")
    half = v1.PodShape(
        namespace="chat",
        pod_json=b'{"metadata": {"annotations": {"gpu-fraction": "0.5"}}, "spec": {"containers": [{"name": "main"}]}}',
    )
    async with asking(s) as stub:
        few = await stub.Fits(v1.FitsRequest(shape=half, most=2))
        all_ = await stub.Fits(v1.FitsRequest(shape=half, most=9))
        assert (few.count, few.reason) == (2, "")
        assert (all_.count, all_.reason) == (3, "2 nodes: full after these")
        assert await refusal(stub.Fits(v1.FitsRequest(shape=v1.PodShape(pod_json=b'{"metadata": {}}'), most=1))) == (
            CODES.INVALID_ARGUMENT,
            "its pods ask for no GPU: none of gpu-fraction, gpu-memory and nvidia.com/gpu is there",
        )
        assert (await refusal(stub.Fits(v1.FitsRequest(shape=half))))[0] is CODES.INVALID_ARGUMENT
        half.namespace = "unmanaged"
        assert await refusal(stub.Fits(v1.FitsRequest(shape=half, most=1))) == (
            CODES.INVALID_ARGUMENT,
            "it is not managed",
        )
    async with asking(s, ready=False) as stub:
        assert await refusal(stub.Fits(v1.FitsRequest(shape=half, most=1))) == (CODES.UNAVAILABLE, rpc.UNREADY)


async def test_what_fits_where_train_leaves_is_counted_with_who_would() -> None:
    cluster = Cluster(gpus=2)
    cluster.train("t", whole())
    gpu = v1.PodShape(
        namespace="search",
        pod_json=b'{"metadata": {}, "spec": {"priorityClassName": "plimsoll-inference", "containers": '
        b'[{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}}',
    )
    async with asking(cluster.scheduling, checks=cluster.surroundings()) as stub:
        plain = await stub.Fits(v1.FitsRequest(shape=gpu, most=2))
        made = await stub.Fits(v1.FitsRequest(shape=gpu, most=2, preempt=True))
    assert (plain.count, list(plain.victims)) == (1, [])
    assert (made.count, made.reason, [one.name for one in made.victims]) == (2, "", ["t"])
    async with asking(cluster.scheduling) as stub:
        unseen = await stub.Fits(v1.FitsRequest(shape=gpu, most=2, preempt=True))
    assert (unseen.count, list(unseen.victims)) == (1, [])
    assert unseen.reason.endswith("who may leave is not looked at now: ask again in some seconds")


async def test_too_many_questions_what_would_fit_if_train_left_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_MOST", -1)
    gpu = v1.PodShape(
        pod_json=b'{"metadata": {}, "spec": {"containers": '
        b'[{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}}',
    )
    async with asking(scheduling(1)) as stub:
        assert (await stub.Fits(v1.FitsRequest(shape=gpu, most=1))).count == 1
        assert await refusal(stub.Fits(v1.FitsRequest(shape=gpu, most=1, preempt=True))) == (
            CODES.RESOURCE_EXHAUSTED,
            "too many ask already what would fit if train left: ask again in some seconds",
        )


async def test_projects_are_told_by_name_and_what_fits_stays_within_them() -> None:
    s = scheduling(2)
    every = (Project("vision", 1000, (), ("v",)), Project("search", 500, (), ("chat",)))
    s.projects_are(Projects(every))
    half = v1.PodShape(
        namespace="chat",
        pod_json=b'{"metadata": {"annotations": {"gpu-fraction": "0.5"}}, "spec": {"containers": [{"name": "main"}]}}',
    )
    async with asking(s) as stub:
        told = await stub.Projects(v1.ProjectsRequest())
        one = await stub.Projects(v1.ProjectsRequest(name="V*"))
        fits = await stub.Fits(v1.FitsRequest(shape=half, most=9))
    assert [(each.name, each.quota_milli) for each in told.projects] == [("search", 500), ("vision", 1000)]
    assert [each.name for each in one.projects] == ["vision"]
    assert (fits.count, fits.reason) == (
        1,
        "project search: over quota: asks 1 GPU, 0 of 0.5 are used, 0.5 missing",
    )
    async with asking(s, ready=False) as stub:
        assert await refusal(stub.Projects(v1.ProjectsRequest())) == (CODES.UNAVAILABLE, rpc.UNREADY)
