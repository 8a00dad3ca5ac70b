"""One question to Prometheus: whom we trust, who we are, how long we wait; each failure is a sentence."""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from urllib3.util.ssl_ import create_urllib3_context

from autoscaler.shell import connection as connection_module
from autoscaler.shell.connection import Access, Connection
from autoscaler.shell.source import SamplesError
from tests.autoscaler.shell.query_api import failing, serving
from tests.certificates import issued, self_signed, strict

if TYPE_CHECKING:
    from pathlib import Path


async def asked(access: Access, limit_s: float = 20.0) -> str:
    """Return what is answered to a question, or why it is not."""
    try:
        return (await asyncio.to_thread(Connection(access).ask, "{__name__}", limit_s)).decode()
    except SamplesError as error:
        return f"no: {error}"


async def test_a_server_that_is_not_there_is_told_in_a_sentence() -> None:
    async with serving() as server:
        pass
    said = await asked(Access(server.address))
    assert said.startswith(f"no: {server.address}: ")
    assert said.endswith("Connection refused")


async def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "_LARGEST_ANSWER", 1 << 20)
    async with serving() as server:
        server.answers = {"": failing(200, " " * (3 << 20))}
        assert await asked(Access(server.address)) == "no: its answer is larger than 1 MiB"


@pytest.mark.parametrize("way", ["hang", "drip"])
async def test_an_answer_that_does_not_come_is_given_up_in_the_thread_too(way: str) -> None:
    async with serving() as server:
        server.answers = {"": getattr(server, way)}
        assert await asked(Access(server.address), 0.3) == "no: no whole answer within 0.3 s"


async def test_a_redirection_is_not_followed_as_credentials_would_go_along() -> None:
    async def elsewhere(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://elsewhere/api/v1/query")

    async with serving() as server:
        server.answers = {"": elsewhere}
        said = await asked(Access(server.address))
    assert said.startswith("no: HTTP 302 Found to http://elsewhere/api/v1/query, and is not followed")


async def test_a_token_is_read_anew_for_each_question(tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with serving() as server:
        connection = Connection(Access(server.address, token_file=file))
        for token in ("first\n", "second"):
            file.write_text(token)
            await asyncio.to_thread(connection.ask, "{__name__}", 20.0)
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer first", "Bearer second"]


async def test_a_password_goes_with_its_user(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret:ä\n")
    async with serving() as server:
        await asked(Access(server.address, user="me", password_file=file))
    (request,) = server.requests
    kind, encoded = request.headers["Authorization"].split()
    assert (kind, base64.b64decode(encoded).decode()) == ("Basic", "me:s3cret:ä")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "the credentials in FILE cannot be read: [Errno 2] No such file or directory"),
        (b"", "the credentials in FILE must be one line of printable characters"),
        (b"a\nb", "the credentials in FILE must be one line of printable characters"),
        (b"\xff", "the credentials in FILE cannot be read: 'utf-8' codec can't decode"),
        ("ä".encode(), "the token in FILE must be of ASCII characters"),
    ],
)
async def test_credentials_that_cannot_be_used_are_told_and_never_shown(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    async with serving() as server:
        assert (await asked(Access(server.address, token_file=file))).startswith(
            "no: " + said.replace("FILE", str(file))
        )
    assert server.asked == []


async def test_only_authorities_that_are_named_are_trusted(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "server")
    other, _ = self_signed(tmp_path, "other")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    async with serving(tls) as server:
        for access, trusted in (
            (Access(server.address, ca_file=certificate), True),
            (Access(server.address, verify=False), True),
            (Access(server.address, ca_file=other), False),
            (Access(server.address), False),
        ):
            answer = await asked(access)
            assert answer.startswith("{" if trusted else f"no: TLS with {server.address} failed: ")
            assert trusted or "certificate verify failed" in answer


async def test_authorities_are_trusted_that_do_not_say_what_their_keys_are_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, certificate, key = issued(tmp_path, "server")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    monkeypatch.setattr(connection_module, "create_urllib3_context", strict(create_urllib3_context))
    async with serving(tls) as server:
        assert (await asked(Access(server.address, ca_file=authority))).startswith("{")


async def test_a_client_certificate_says_who_we_are(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "server")
    ours, our_key = self_signed(tmp_path, "ours")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ours))
    tls.load_cert_chain(certificate, key)
    tls.verify_mode = ssl.CERT_REQUIRED
    (tmp_path / "both").write_bytes(ours.read_bytes() + our_key.read_bytes())
    async with serving(tls) as server:
        known = Access(server.address, ca_file=certificate, client_certificate=ours, client_key=our_key)
        in_one = Access(server.address, ca_file=certificate, client_certificate=tmp_path / "both")
        unknown = Access(server.address, ca_file=certificate)
        answers = [await asked(access) for access in (known, in_one, unknown)]
    assert [answer.startswith("no: ") for answer in answers] == [False, False, True]


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_files_of_certificates_that_cannot_be_used_are_told(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content)
    answer = await asked(Access("https://127.0.0.1:1", ca_file=file))
    assert answer.startswith("no: ")
    assert "https://127.0.0.1:1" in answer
