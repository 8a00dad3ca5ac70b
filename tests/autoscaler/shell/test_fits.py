"""The extender is asked in its own words, and whatever else comes back is one sentence."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from autoscaler.shell import fits
from autoscaler.shell.fits import Extender, FitsError, Fitting, RefusedShapeError
from deploy.local.ports import free_ports
from extender.v1 import extender_pb2 as v1
from kube.program import ProblemAtStart
from tests.autoscaler.shell.extending import StandIn, hanging, listening, nonsense, refusing
from tests.certificates import self_signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CODES = grpc.StatusCode


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


def flags(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    fits.add_flags(parser)
    return parser.parse_args(given)


async def ask(port: int, *given: str, most: int = 10, timeout_s: float = 5.0) -> Fitting:
    async with fits.asked(flags("--extender", f"127.0.0.1:{port}", *given)) as extender:
        assert extender is not None
        return await extender.fits("chat", b'{"kind": "Pod"}', most, timeout_s=timeout_s)


async def test_it_is_told_the_shape_and_how_many_are_wanted(port: int) -> None:
    stand_in = StandIn(3)
    async with listening(stand_in, port):
        assert await ask(port) == Fitting(3, "no GPU is free")
        assert await ask(port, most=2) == Fitting(2, "")
    (request, _) = stand_in.asked
    assert (request.most, request.shape.namespace, request.shape.pod_json) == (10, "chat", b'{"kind": "Pod"}')


async def test_none_fits_is_an_answer(port: int) -> None:
    async with listening(StandIn(0), port):
        assert await ask(port) == Fitting(0, "no GPU is free")


@pytest.mark.parametrize(
    ("behaves", "says"),
    [
        (lambda _: v1.FitsResponse(), "answered without a count from 0 up: nothing"),
        (lambda _: v1.FitsResponse(count=-1), "answered without a count from 0 up: -1"),
        (refusing(CODES.UNAVAILABLE, "pods are\nbeing listed"), "did not answer: pods are being listed"),
        (refusing(CODES.PERMISSION_DENIED, ""), "did not answer: PERMISSION_DENIED"),
        (refusing(CODES.UNIMPLEMENTED, ""), "does not tell what fits: is it the extender's gRPC?"),
        (lambda _: v1.FitsResponse(count=1, reason="x" * 100_000), "did not answer: "),
        (lambda _: 1 / 0, "did not answer: "),
        (hanging, "gave no answer within 0.3 s"),
    ],
)
async def test_what_is_no_answer_is_a_sentence(port: int, behaves: Callable[[Any], Any], says: str) -> None:
    stand_in = StandIn()
    stand_in.behaves = behaves
    async with listening(stand_in, port):
        with pytest.raises(FitsError) as failed:
            await ask(port, timeout_s=0.3)
    assert says in str(failed.value)
    assert "\n" not in str(failed.value)
    assert len(str(failed.value)) < 400
    assert not isinstance(failed.value, RefusedShapeError)


async def test_a_shape_that_is_never_placed_is_told_apart(port: int) -> None:
    stand_in = StandIn()
    stand_in.behaves = refusing(CODES.INVALID_ARGUMENT, 'gpu-fraction: "2" must be above 0 and below 1')
    async with listening(stand_in, port):
        with pytest.raises(RefusedShapeError, match="must be above 0"):
            await ask(port)


@pytest.mark.parametrize("answer", [b"\xff\xff\xff", b"no message at all"])
async def test_bytes_that_are_no_message_are_no_answer_and_no_trace(
    port: int, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with nonsense(port, answer):
        with pytest.raises(FitsError, match="answered with bytes that are no answer"):
            await ask(port)
    # gRPC's poller of an earlier test's loop may wake once more, in asyncio's name.
    assert [record for record in caplog.records if record.name != "asyncio"] == []


def test_the_method_is_the_protos() -> None:
    method = v1.DESCRIPTOR.services_by_name["Extender"].methods_by_name["Fits"]
    assert f"/{method.containing_service.full_name}/{method.name}" == fits._METHOD


async def test_more_than_was_asked_for_is_no_more(port: int) -> None:
    stand_in = StandIn()
    stand_in.behaves = lambda _: v1.FitsResponse(count=10**12)
    async with listening(stand_in, port):
        assert await ask(port) == Fitting(10, "")


async def test_a_reason_is_one_bounded_line(port: int) -> None:
    async with listening(StandIn(1, "none\n\tfree \x1b[31m" + "x" * 1000), port):
        reason = (await ask(port)).reason
    assert reason.startswith("none free [31mx")
    assert len(reason) < 220


async def test_nobody_there_is_no_answer_and_whoever_comes_back_is_found_within_seconds(port: int) -> None:
    async with fits.asked(flags("--extender", f"127.0.0.1:{port}")) as extender:
        assert extender is not None
        with pytest.raises(FitsError, match="did not answer"):
            await extender.fits("chat", b"{}", 1, timeout_s=1.0)
        async with listening(StandIn(1), port):
            assert await _until_answered(extender) == Fitting(1, "")
        with pytest.raises(FitsError):
            await extender.fits("chat", b"{}", 1, timeout_s=1.0)
        async with listening(StandIn(1), port):  # it was restarted
            assert await _until_answered(extender) == Fitting(1, "")


async def _until_answered(extender: Extender) -> Fitting:
    async with asyncio.timeout(10):
        while True:
            try:
                return await extender.fits("chat", b"{}", 1, timeout_s=1.0)
            except FitsError:
                await asyncio.sleep(0.1)


async def test_over_tls_it_is_convinced_by_a_token_that_is_read_for_each_question(port: int, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "extender")
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    token = tmp_path / "token"
    stand_in = StandIn(1)
    async with listening(stand_in, port, credentials):
        for each in ("one", "two"):
            token.write_text(each + "\n")
            given = ("--extender-ca-file", str(certificate), "--extender-token-file", str(token))
            assert await ask(port, *given) == Fitting(1, "no GPU is free")
        assert stand_in.tokens == ["Bearer one", "Bearer two"]
        for content in ("", "a b"):
            token.write_text(content)
            with pytest.raises(FitsError, match="holds no bearer token"):
                await ask(port, *given)
        token.unlink()
        with pytest.raises(FitsError, match="cannot be read"):
            await ask(port, *given)


async def test_a_certificate_of_nobody_we_trust_is_no_answer(port: int, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "extender")
    other, _ = self_signed(tmp_path, "other")
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    async with listening(StandIn(1), port, credentials):
        with pytest.raises(FitsError):
            await ask(port, "--extender-ca-file", str(other))


async def test_a_token_is_never_sent_in_the_clear(port: int, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    stand_in = StandIn(1)
    async with listening(stand_in, port):
        with pytest.raises(FitsError):
            await ask(port, "--extender-token-file", str(token))
    assert stand_in.asked == []


async def test_without_an_address_it_is_not_asked() -> None:
    async with fits.asked(flags()) as extender:
        assert extender is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--extender-token-file", "t"], "--extender is missing"),
        (["--extender", "h:1", "--extender-ca-file", "/no/such"], "/no/such cannot be read"),
        (["--extender", "h:1", "--extender-ca-file", "Makefile"], "holds no certificate"),
    ],
)
async def test_flags_that_cannot_be_used_say_why(given: list[str], says: str) -> None:
    with pytest.raises(ProblemAtStart, match=says):
        async with fits.asked(flags(*given)):
            pass
