"""Who is slow, or sends without end, is refused in words and loses the connection; certificates may be renewed."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from kubernetes.aio import client as kubernetes_client

from kube import http as http_module
from kube.client import Api
from kube.http import server_of, trusted
from kube.pages import Page, respond
from kube.program import ProblemAtStart
from kube.tls import ServerTls, add_flags, lenient, server_tls
from tests.certificates import issued, self_signed, strict
from tests.story.programs import a_listener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path
    from typing import Any

    from kube.pages import Receive, Send

    Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def application(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Tell whether the caller is trusted."""
    while (await receive()).get("more_body"):
        pass
    await respond(Page(200, "text/plain", str(trusted(scope)).encode()), send)


@asynccontextmanager
async def served(tls: ServerTls | None = None) -> AsyncIterator[int]:
    with a_listener() as listener:
        async with server_of(application, tls).serving(listener):
            yield listener.getsockname()[1]


async def answer(streams: Streams) -> tuple[int, bytes]:
    reader, _ = streams
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def get(port: int, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    streams = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    streams[1].write(GET)
    found = await answer(streams)
    streams[1].close()
    return found


async def asked(port: int) -> Streams:
    """Return a connection on which one request was answered."""
    streams = await asyncio.open_connection("127.0.0.1", port)
    streams[1].write(GET)
    assert (await answer(streams))[0] == 200
    return streams


def callers(monkeypatch: pytest.MonkeyPatch, trusted: list[bool]) -> None:
    """Have the next connections be of callers that are trusted, or are not."""
    left = list(trusted)
    monkeypatch.setattr(http_module._Protocol, "_trusts", lambda *_: left.pop(0))


# --- limits ---


@pytest.mark.parametrize(
    ("sent", "part"),
    [
        (b"GET / HTTP/1.1\r\nHost: ", b"headers"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", b"body"),
    ],
)
async def test_what_does_not_come_to_its_end_is_408(sent: bytes, part: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "_REQUEST_S", 0.05)
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(sent)
        assert await answer(streams) == (408, b"the %b did not come within 0.05 s" % part)
        assert await streams[0].read() == b""


async def test_headers_without_end_are_431() -> None:
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000)
        assert await answer(streams) == (431, b"the headers are larger than 65536 bytes")


@pytest.mark.parametrize(
    "endless", [b"0\r\n" + b"X: y\r\n" * 100_000, b"0\r\nX: " + b"y" * 600_000, b"1;" + b"y" * 600_000]
)
async def test_what_stands_beside_a_body_without_end_is_431(endless: bytes) -> None:
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + endless)
        assert (await answer(streams))[0] == 431


async def test_who_asks_on_without_awaiting_answers_is_refused() -> None:
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(GET * 34)
        assert await answer(streams) == (400, b"more than 32 requests wait for the answer to one before them")
        assert await streams[0].read() == b""


async def test_a_few_requests_at_once_are_answered_in_turn() -> None:
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(GET * 33)
        for _ in range(33):
            assert await answer(streams) == (200, b"True")


@pytest.mark.parametrize("last", [False, True])
async def test_who_does_not_read_his_answer_loses_the_connection(last: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    monkeypatch.setattr(http_module, "_REQUEST_S", 0.05)

    async def much(_scope: Mapping[str, Any], _receive: Receive, send: Send) -> None:
        await respond(Page(200, "text/plain", bytes(32 * 2**20)), send, last=last)

    server = server_of(much)
    with a_listener() as listener, socket.socket() as caller:
        async with server.serving(listener):
            caller.connect(listener.getsockname())
            caller.sendall(GET)
            async with asyncio.timeout(5):
                for there in (True, False):
                    while bool(server.server_state.connections) != there:  # noqa: ASYNC110  uvicorn's own set
                        await asyncio.sleep(0.01)


async def test_a_connection_that_never_asks_is_closed_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "_REQUEST_S", 0.05)
    async with served() as port:
        reader, _ = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""


@pytest.mark.parametrize(("trusts", "idle"), [(True, "_IDLE_S"), (False, "_UNTRUSTED_IDLE_S")])
async def test_an_idle_connection_is_closed(trusts: bool, idle: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    callers(monkeypatch, [trusts])
    monkeypatch.setattr(http_module, idle, 0.05)
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(GET)
        assert await answer(streams) == (200, str(trusts).encode())
        assert await streams[0].read() == b""


async def test_a_head_behind_another_request_has_its_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "_REQUEST_S", 0.05)
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(GET + GET[:20])
        assert await answer(streams) == (200, b"True")
        assert await answer(streams) == (408, b"the headers did not come within 0.05 s")
        assert await streams[0].read() == b""


async def test_a_head_that_comes_in_time_behind_another_request_is_answered() -> None:
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(GET + GET[:20])
        assert await answer(streams) == (200, b"True")
        streams[1].write(GET[20:])
        assert await answer(streams) == (200, b"True")


async def test_one_connection_too_many_is_closed_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "_MOST_CONNECTIONS", 2)
    async with served() as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, _ = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        held[0][1].write(GET)
        assert (await answer(held[0]))[0] == 200


async def test_of_too_many_connections_the_idlest_that_is_not_trusted_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "_MOST_CONNECTIONS", 3)
    callers(monkeypatch, [True, False, False, False, True])
    async with served() as port:
        held = [await asked(port) for _ in range(3)]
        held[1][1].write(GET)  # so that the other one has been idle for longer
        assert (await answer(held[1]))[0] == 200
        for gone in (2, 1):
            held.append(await asked(port))
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await held[gone][0].readexactly(1)
        for stays in (0, 3, 4):
            held[stays][1].write(GET)
            assert (await answer(held[stays]))[0] == 200


async def test_many_requests_on_one_connection_are_answered() -> None:
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(50):
            streams[1].write(GET)
            assert await answer(streams) == (200, b"True")


async def test_a_large_body_is_not_counted_as_headers_of_the_next_request() -> None:
    async with served() as port:
        streams = await asyncio.open_connection("127.0.0.1", port)
        streams[1].write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + bytes(300_000))
        assert await answer(streams) == (200, b"True")
        streams[1].write(GET[:20])
        await streams[1].drain()
        await asyncio.sleep(0.05)  # the halves are to come apart
        streams[1].write(GET[20:])
        assert await answer(streams) == (200, b"True")


# --- TLS ---


def client(authority: Path, shown: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = lenient(ssl.create_default_context(cafile=str(authority)))
    if shown is not None:
        context.load_cert_chain(*shown)
    return context


async def test_with_an_authority_only_certificates_are_trusted(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "server")
    callers = self_signed(tmp_path, "kube-scheduler")
    strangers = self_signed(tmp_path, "stranger")
    async with served(ServerTls(cert, key, callers[0])) as port:
        assert await get(port, client(cert, callers)) == (200, b"True")
        assert await get(port, client(cert)) == (200, b"False")
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await get(port, client(cert, strangers))


async def test_an_authority_need_not_say_what_its_key_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca, cert, key = issued(tmp_path, "server")
    callers, *caller = issued(tmp_path, "kube-scheduler")
    asking = client(ca, (caller[0], caller[1]))
    monkeypatch.setattr(ssl, "create_default_context", strict(ssl.create_default_context))
    async with served(ServerTls(cert, key, callers)) as port:
        assert await get(port, asking) == (200, b"True")
    configuration = kubernetes_client.Configuration()
    configuration.ssl_ca_cert = str(ca)
    async with served(ServerTls(cert, key, None)) as port:
        configuration.host = f"https://127.0.0.1:{port}"
        api = Api.of(configuration)
        assert await api.request("GET", "/") == b"True"
        await api.close()


async def test_who_leaves_a_connection_with_tls_leaves_no_trace(tmp_path: Path) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    own = self_signed(tmp_path, "server")
    async with served(ServerTls(*own, None)) as port:
        assert await get(port, client(own[0])) == (200, b"True")
        streams = await asyncio.open_connection("127.0.0.1", port, ssl=client(own[0]))
        streams[1].transport.abort()
        await asyncio.sleep(0.1)  # the server is to hear of it
    assert failures == []


async def test_without_an_authority_this_machine_is_trusted(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "server")
    async with served(ServerTls(cert, key, None)) as port:
        assert await get(port, client(cert)) == (200, b"True")


async def test_who_speaks_in_the_clear_is_not_answered_over_tls(tmp_path: Path) -> None:
    async with served(ServerTls(*self_signed(tmp_path, "server"), None)) as port:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await get(port)


async def test_renewed_certificates_and_authorities_are_used_and_bad_ones_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = self_signed(tmp_path, "server")
    callers, later = self_signed(tmp_path, "caller"), self_signed(tmp_path, "later")
    authority = tmp_path / "authority.crt"
    shutil.copy(callers[0], authority)
    async with served(ServerTls(cert, key, authority)) as port:
        before = tmp_path / "before.crt"
        shutil.copy(cert, before)
        assert await get(port, client(before, callers)) == (200, b"True")
        cert.write_text("no certificate")
        assert await get(port, client(before, callers)) == (200, b"True")
        assert "the certificates before stay in use" in caplog.text
        self_signed(tmp_path, "server")
        shutil.copy(later[0], authority)
        assert await get(port, client(cert, later)) == (200, b"True")
        with pytest.raises(ssl.SSLCertVerificationError):
            await get(port, client(before, later))
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await get(port, client(cert, callers))


def asked_for(*arguments: object) -> ServerTls | None:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return server_tls(parser.parse_args([str(argument) for argument in arguments]))


def test_what_does_not_go_together_is_one_sentence(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "server")
    _, other = self_signed(tmp_path, "other")
    (tmp_path / "empty").write_text("")
    empty, missing = tmp_path / "empty", tmp_path / "missing"
    both = ("--tls-cert-file", cert, "--tls-private-key-file", key)
    for arguments, complaint in (
        (("--tls-cert-file", cert), "a certificate and its key go together: give --tls-private-key-file too"),
        (("--tls-private-key-file", key), "a certificate and its key go together: give --tls-cert-file too"),
        (
            ("--client-ca-file", cert),
            f"--client-ca-file {cert} is of use with TLS only: give --tls-cert-file and --tls-private-key-file too",
        ),
        ((*both[:3], missing), f"--tls-private-key-file {missing} cannot be read: No such file or directory"),
        ((*both[:3], empty), f"--tls-private-key-file {empty} holds no private key in PEM form"),
        (
            (*both[:3], other),
            f"--tls-cert-file {cert} and --tls-private-key-file {other} cannot be used together: key values mismatch",
        ),
        ((*both, "--client-ca-file", empty), f"--client-ca-file {empty} holds no certificate in PEM form"),
    ):
        with pytest.raises(ProblemAtStart) as problem:
            asked_for(*arguments)
        assert str(problem.value) == complaint
    assert asked_for() is None
