from __future__ import annotations

import argparse
import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from autoscaler.core.decisions.record import Book
from autoscaler.core.model import WorkloadKey
from autoscaler.core.targets.holdings import GpuUse
from autoscaler.shell import feed as feeds
from autoscaler.shell import rpc
from autoscaler.shell.feed import Feed
from autoscaler.shell.messages import from_message, to_use
from autoscaler.v1 import autoscaler_pb2 as v1
from autoscaler.v1 import autoscaler_pb2_grpc as service
from deploy.local.ports import free_ports
from kube.gate import ForbiddenReaderError, Gate, UnknowableReaderError, UnknownReaderError
from kube.program import ProblemAtStart
from kube.rpc_address import RpcAddress, rpc_address
from tests.autoscaler.recorded import AT_MS, KEY, decided, record, seen
from tests.certificates import self_signed
from tests.door import Door

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CODES = grpc.StatusCode


def keys(count: int) -> list[WorkloadKey]:
    return [WorkloadKey(f"uid-{number}", f"ns-{number % 2}", f"w-{number:05}") for number in range(count)]


@asynccontextmanager
async def asking(book: Book, feed: Feed | None = None, gate: Gate | None = None) -> AsyncIterator[Any]:
    """Serve on loopback, and give a stub of the service."""
    feed = feed or Feed()
    (port,) = free_ports(1)
    at = RpcAddress(f"127.0.0.1:{port}", None)
    async with (
        rpc.serving(at, rpc.DecisionService(book, feed, gate), feed),
        grpc.aio.insecure_channel(at.address) as channel,
    ):
        yield service.AutoscalerStub(channel)


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await asyncio.wait_for(call, 20)
    return refused.value.code(), refused.value.details() or ""


async def test_explain_gives_standing_record_last_changes_and_since_when() -> None:
    book = Book({KEY: decided(seen())}, AT_MS)
    book.change(KEY, decided(seen(2)))
    async with asking(book) as stub:
        told = await stub.Explain(v1.ExplainRequest(namespace="chat", name="llama", kind="Deployment"))
    assert from_message(told.standing) == record(seen())
    assert [from_message(change) for change in told.changes] == [record(seen(2))]
    assert told.since_ms == AT_MS


async def test_an_unknown_workload_is_answered_with_near_names() -> None:
    async with asking(Book({KEY: decided(seen())}, AT_MS)) as stub:
        assert await refusal(stub.Explain(v1.ExplainRequest(namespace="chat", name="lama"))) == (
            CODES.NOT_FOUND,
            "there is no workload chat/lama here that is autoscaled; near to it: Deployment chat/llama",
        )
        assert await refusal(stub.Explain(v1.ExplainRequest(namespace="x", name="y", kind="StatefulSet"))) == (
            CODES.NOT_FOUND,
            "there is no StatefulSet x/y here that is autoscaled; is it labelled plimsoll.dev/autoscale=true?",
        )


async def test_a_question_without_a_name_or_with_an_endless_one_is_refused() -> None:
    async with asking(Book({}, AT_MS)) as stub:
        assert (await refusal(stub.Explain(v1.ExplainRequest(name="y"))))[0] is CODES.INVALID_ARGUMENT
        long = v1.ExplainRequest(namespace="x", name="y" * 254)
        assert (await refusal(stub.Explain(long)))[0] is CODES.INVALID_ARGUMENT
        huge = v1.ExplainRequest(namespace="x", name="y" * 100_000)
        assert (await refusal(stub.Explain(huge)))[0] is CODES.RESOURCE_EXHAUSTED


async def test_a_shared_name_needs_the_kind() -> None:
    other = replace(KEY, uid="other", kind="StatefulSet")
    async with asking(Book({KEY: decided(seen()), other: decided(seen())}, AT_MS)) as stub:
        assert await refusal(stub.Explain(v1.ExplainRequest(namespace="chat", name="llama"))) == (
            CODES.FAILED_PRECONDITION,
            "workload chat/llama may be Deployment or StatefulSet: say the kind",
        )


async def test_a_list_of_many_workloads_is_whole_and_in_order() -> None:
    book = Book({key: decided(seen()) for key in reversed(keys(1050))}, AT_MS)
    async with asking(book) as stub:
        answers = [answer async for answer in stub.ListWorkloads(v1.ListWorkloadsRequest())]
        part = [answer async for answer in stub.ListWorkloads(v1.ListWorkloadsRequest(namespace="ns-1"))]
    listed = [from_message(each).key for answer in answers for each in answer.records]
    assert listed == sorted(keys(1050), key=str)
    assert {answer.since_ms for answer in answers} == {AT_MS}
    assert [each.workload.name for answer in part for each in answer.records] == [
        key.name for key in keys(1050) if key.namespace == "ns-1"
    ]


async def test_a_list_says_what_its_workloads_use_of_gpus() -> None:
    uses = {"uid-1": GpuUse({"": 500}, {"": 3000}, 500), "gone": GpuUse({}, {"": 1}, 1)}
    book = Book(dict.fromkeys(keys(3), decided(seen())), AT_MS, lambda: uses)
    async with asking(book) as stub:
        (answer,) = [answer async for answer in stub.ListWorkloads(v1.ListWorkloadsRequest())]
    assert list(answer.gpus) == [to_use("uid-1", uses["uid-1"])]


async def test_an_empty_list_says_since_when_it_is_known() -> None:
    async with asking(Book({}, AT_MS)) as stub:
        answers = [answer async for answer in stub.ListWorkloads(v1.ListWorkloadsRequest())]
    assert answers == [v1.ListWorkloadsResponse(since_ms=AT_MS)]


async def test_a_watch_tells_what_changes_from_its_beginning_on() -> None:
    feed = Feed()
    async with asking(Book({}, AT_MS), feed) as stub:
        watch = stub.WatchDecisions(v1.WatchDecisionsRequest(namespace="chat"))
        await watch.initial_metadata()
        feed.changed(record(seen(), replace(KEY, namespace="search")))
        feed.changed(record(seen(3)))
        told = await watch.read()
        assert [from_message(each) for each in told.records] == [record(seen(3))]
        watch.cancel()


async def test_a_watch_of_every_decision_tells_whole_ticks() -> None:
    feed = Feed()
    async with asking(Book({}, AT_MS), feed) as stub:
        watch = stub.WatchDecisions(v1.WatchDecisionsRequest(every_decision=True))
        await watch.initial_metadata()
        assert feed.every_decision_wanted
        feed.decided([record(seen(), key) for key in keys(250)])
        told = [await watch.read() for _ in range(3)]
        assert [len(each.records) for each in told] == [100, 100, 50]
        watch.cancel()


async def test_a_watch_that_is_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_WAITING", 1000)
    feed = Feed()
    async with asking(Book({}, AT_MS), feed) as stub:
        watch = stub.WatchDecisions(v1.WatchDecisionsRequest(every_decision=True))
        await watch.initial_metadata()
        tick = [record(seen(), key) for key in keys(900)]
        # What the connection itself buffers is filled first: some hundred KiB.
        for _ in range(200):
            feed.decided(tick)
            await asyncio.sleep(0.005)
            if all(reader._over for reader in feed._readers):
                break

        async def read() -> None:
            while await watch.read() is not grpc.aio.EOF:
                pass

        code, says = await refusal(read())
        assert code is CODES.RESOURCE_EXHAUSTED
        assert says.startswith("you read more slowly than decisions are made, and were cut off")


async def test_the_end_of_the_program_ends_watches_with_a_sentence() -> None:
    feed = Feed()
    (port,) = free_ports(1)
    at = RpcAddress(f"127.0.0.1:{port}", None)
    async with grpc.aio.insecure_channel(at.address) as channel:
        async with rpc.serving(at, rpc.DecisionService(Book({}, AT_MS), feed, None), feed):
            watch = service.AutoscalerStub(channel).WatchDecisions(v1.WatchDecisionsRequest())
            await watch.initial_metadata()
        assert await refusal(watch.read()) == (CODES.UNAVAILABLE, "the autoscaler ends: ask again")


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (UnknownReaderError("who?"), CODES.UNAUTHENTICATED),
        (ForbiddenReaderError("not you"), CODES.PERMISSION_DENIED),
        (UnknowableReaderError("nobody knows"), CODES.UNAVAILABLE),
    ],
)
async def test_whom_the_gate_refuses_hears_its_sentence_from_every_call(says: Exception, code: Any) -> None:
    door = Door(says)
    async with asking(Book({KEY: decided(seen())}, AT_MS), gate=door) as stub:
        for call in (
            stub.Explain(v1.ExplainRequest(namespace="chat", name="llama"), metadata=(("authorization", "Bearer t"),)),
            stub.ListWorkloads(v1.ListWorkloadsRequest()).read(),
            stub.WatchDecisions(v1.WatchDecisionsRequest()).read(),
        ):
            assert await refusal(call) == (code, str(says))
    assert sorted(door.asked) == ["", "", "Bearer t"]


async def test_a_watch_ends_when_its_reader_loses_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_AGAIN_S", 0.01)
    door = Door(None)
    async with asking(Book({}, AT_MS), gate=door) as stub:
        watch = stub.WatchDecisions(v1.WatchDecisionsRequest())
        await watch.initial_metadata()
        door.says = ForbiddenReaderError("not any more")
        assert await refusal(watch.read()) == (CODES.PERMISSION_DENIED, "not any more")


async def test_a_taken_port_is_a_problem_at_start() -> None:
    (port,) = free_ports(1)
    at, feed = RpcAddress(f"127.0.0.1:{port}", None), Feed()
    decisions = rpc.DecisionService(Book({}, AT_MS), feed, None)
    async with rpc.serving(at, decisions, feed):
        with pytest.raises(ProblemAtStart, match=f"cannot serve decisions on 127.0.0.1:{port}"):
            async with rpc.serving(at, decisions, Feed()):
                pass


async def test_a_new_certificate_is_taken_up_and_a_broken_one_is_not(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "tls")
    (port,) = free_ports(1)
    at, feed = rpc_address(flags(port, cert, key)), Feed()
    assert at is not None
    decisions = rpc.DecisionService(Book({KEY: decided(seen())}, AT_MS), feed, None)
    async with rpc.serving(at, decisions, feed):
        await explained_by(at, cert.read_bytes())
        cert, _ = self_signed(tmp_path, "tls")
        renewed = cert.read_bytes()
        await explained_by(at, renewed)
        cert.write_text("broken")
        await explained_by(at, renewed)


def flags(port: int, cert: Path, key: Path) -> argparse.Namespace:
    return argparse.Namespace(rpc_listen=("127.0.0.1", port), rpc_tls_cert=cert, rpc_tls_key=key)


async def explained_by(at: RpcAddress, roots: bytes) -> None:
    """Ask over a new connection that trusts `roots` alone."""
    async with grpc.aio.secure_channel(at.address, grpc.ssl_channel_credentials(roots)) as channel:
        stub = service.AutoscalerStub(channel)
        told = await stub.Explain(v1.ExplainRequest(namespace="chat", name="llama"), timeout=10)
    assert from_message(told.standing).key == KEY
