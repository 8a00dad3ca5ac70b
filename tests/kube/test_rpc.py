from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from deploy.local.ports import free_ports
from kube import rpc
from kube.gate import ForbiddenReaderError, Gate, Right, UnknowableReaderError, UnknownReaderError
from kube.program import ProblemAtStart
from kube.rpc_address import RpcAddress
from tests.door import Door

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CODES = grpc.StatusCode
RIGHT = Right("parrots", "/plimsoll/parrots", "plimsoll-parrot-reader", "the cage")


@asynccontextmanager
async def parrot(gate: Gate | None = None, *, limit: int = rpc.QUESTION_LIMIT) -> AsyncIterator[Any]:
    """Serve what says every question back, and give the call."""

    async def say(question: bytes, context: Any) -> bytes:
        await rpc.admit(gate, context)
        return question

    def add(server: grpc.aio.Server) -> None:
        handler: Any = grpc.unary_unary_rpc_method_handler(say)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Parrot", {"Say": handler}),))

    (port,) = free_ports(1)
    at = RpcAddress(f"127.0.0.1:{port}", None)
    async with (
        rpc.serving(at, add, what="parrots", end=lambda: None, question_limit=limit) as served,
        grpc.aio.insecure_channel(f"127.0.0.1:{served}") as channel,
    ):
        yield channel.unary_unary("/Parrot/Say")


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value.code(), refused.value.details() or ""


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (UnknownReaderError("who?"), CODES.UNAUTHENTICATED),
        (ForbiddenReaderError("not you"), CODES.PERMISSION_DENIED),
        (UnknowableReaderError("nobody knows"), CODES.UNAVAILABLE),
    ],
)
async def test_whom_the_gate_refuses_hears_its_sentence(says: Exception, code: Any) -> None:
    door = Door(says)
    async with parrot(door) as say:
        call = say(b"hello", metadata=(("authorization", "Bearer t"),))
        assert await refusal(call) == (code, str(says))
    assert door.asked == ["Bearer t"]


async def test_whom_the_gate_lets_in_is_answered_and_without_a_gate_everybody_is() -> None:
    for gate in (Door(None), None):
        async with parrot(gate) as say:
            assert await say(b"hello", timeout=10) == b"hello"


async def test_a_question_longer_than_the_limit_is_refused_before_it_is_read() -> None:
    async with parrot(limit=1000) as say:
        assert await say(b"x" * 1000, timeout=10) == b"x" * 1000
        assert (await refusal(say(b"x" * 1001)))[0] is CODES.RESOURCE_EXHAUSTED


async def test_a_taken_address_is_a_sentence_and_the_end_is_told() -> None:
    (port,) = free_ports(1)
    at, ended = RpcAddress(f"127.0.0.1:{port}", None), []
    async with rpc.serving(at, lambda _: None, what="parrots", end=lambda: ended.append("end")):
        with pytest.raises(ProblemAtStart, match=f"cannot serve parrots on 127.0.0.1:{port}"):
            async with rpc.serving(at, lambda _: None, what="parrots", end=lambda: None):
                pass
        assert ended == []
    assert ended == ["end"]


def test_only_with_credentials_is_there_a_gate() -> None:
    api: Any = object()
    credentials: Any = object()
    assert rpc.gate_of(RpcAddress("127.0.0.1:1", None), api, RIGHT) is None
    assert rpc.gate_of(RpcAddress("0.0.0.0:1", credentials), api, RIGHT) is not None
