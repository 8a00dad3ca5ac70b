"""Questions to a Prometheus, one failing at no other's cost; tests/integration asks a real one."""

from __future__ import annotations

import asyncio
import base64
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from autoscaler.core.model import Metric, Question
from autoscaler.core.observation import Samples
from autoscaler.core.presets import PRESETS
from autoscaler.core.queries import OWN_QUERY
from autoscaler.shell import connection as connection_module
from autoscaler.shell import prometheus as prometheus_module
from autoscaler.shell.connection import Access
from autoscaler.shell.prometheus import Prometheus
from autoscaler.shell.source import SamplesError
from tests.certificates import self_signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]

VLLM, TGI, RPS = Question(), Question(preset="tgi"), Question(Metric.RPS)
SERIES = {"__name__": "vllm:num_requests_running", "namespace": "ns", "pod": "a"}


def found(kind: str, result: Any) -> Answering:
    async def answering(_: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "success", "data": {"resultType": kind, "result": result}})

    return answering


def matrix(*values: tuple[float, str]) -> Answering:
    return found("matrix", [{"metric": SERIES, "values": values}])


def failing(status: int, text: str) -> Answering:
    async def answering(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    return answering


class Server:
    """A query API: a query is answered by who is named by a part of its text, with nothing otherwise."""

    def __init__(self) -> None:
        self.address = ""
        self.answers: dict[str, Answering] = {}
        self.asked: list[str] = []
        self.requests: list[web.Request] = []
        self.came: asyncio.Queue[str] = asyncio.Queue()
        self.ended = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        query = request.query["query"]
        self.asked.append(query)
        self.requests.append(request)
        self.came.put_nowait(query)
        default = found("matrix", []) if "__name__" in query else found("scalar", [10.5, "1"])
        answering = next((answering for part, answering in self.answers.items() if part in query), default)
        return await answering(request)

    async def hang(self, _: web.Request) -> web.StreamResponse:
        await self.ended.wait()
        return web.Response()

    async def drip(self, request: web.Request) -> web.StreamResponse:
        """Send a byte now and then: each read of it succeeds in time, so that only a limit on the whole helps."""
        response = web.StreamResponse()
        await response.prepare(request)
        while not self.ended.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_get("/api/v1/query", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    server.address = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with asyncio.timeout(60):
            yield server
    finally:
        server.ended.set()
        await runner.cleanup()


async def told(prometheus: Prometheus, *asked: Question) -> dict[Question, str | Samples]:
    answers = await prometheus.samples(asked)
    assert answers.keys() == set(asked)
    return {question: str(one) if isinstance(one, SamplesError) else one for question, one in answers.items()}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_module, "_LIMIT_S", 0.4)


async def test_each_question_has_its_own_answer() -> None:
    async with serving() as server:
        server.answers = {
            "num_requests": matrix((10.5, "3"), (11.5, "4")),
            "tgi": failing(503, '{"status":"error","errorType":"unavailable","error":"starting"}'),
            "success": failing(200, "hello"),
        }
        answers = await told(Prometheus(Access(server.address)), VLLM, TGI, RPS)
    samples = answers[VLLM]
    assert isinstance(samples, Samples)
    assert list(samples.by_place["ns", "a"].loads) == [3.0, 4.0, 0.0]
    assert answers[TGI] == "HTTP 503 Service Unavailable: unavailable: starting"
    assert str(answers[RPS]).startswith("its answer is not one of Prometheus' query API: JSON is malformed")


async def test_only_as_much_is_asked_for_as_the_last_answer_makes_needed() -> None:
    async with serving() as server:
        server.answers = {"num_requests": matrix(*((10.5 + second, "3") for second in range(10)))}
        prometheus = Prometheus(Access(server.address))
        for _ in range(2):
            await prometheus.samples([VLLM])
        await prometheus.samples([])  # forgotten
        await prometheus.samples([VLLM])
    assert [query.rpartition("[")[2] for query in server.asked] == ["10s]", "8s]", "10s]"]


async def test_parts_of_an_answer_are_declined_and_the_server_is_told_how_long_we_wait() -> None:
    async with serving() as server:
        await Prometheus(Access(server.address + "/")).samples([VLLM])
    (request,) = server.requests
    assert request.query["partial_response"] == "false"
    assert 0 < int(request.query["timeout"].removesuffix("ms")) <= 1600


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("way", ["hang", "drip"])
async def test_an_answer_that_does_not_come_costs_no_more_than_its_time_and_no_other_question(way: str) -> None:
    async with serving() as server:
        server.answers = {"num_requests": getattr(server, way)}
        prometheus = Prometheus(Access(server.address))
        answers = await told(prometheus, VLLM, TGI)
        server.ended.set()
        again = await told(prometheus, TGI)
    assert answers[VLLM] == "no whole answer within 0.4 s"
    assert isinstance(answers[TGI], Samples)
    assert isinstance(again[TGI], Samples)


@pytest.mark.usefixtures("hurried")
async def test_threads_that_do_not_come_back_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_module, "_MOST_UNANSWERED", 1)
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        stuck = asyncio.Event()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(
            prometheus._connection,
            "ask",
            lambda *_: asyncio.run_coroutine_threadsafe(stuck.wait(), loop).result(),
        )
        first, second = await told(prometheus, VLLM), await told(prometheus, VLLM)
        stuck.set()
    assert first == {VLLM: "no whole answer within 0.4 s"}
    assert second == {VLLM: "1 earlier questions are still being answered"}


async def test_a_server_that_is_not_there_is_told_in_a_sentence() -> None:
    async with serving() as server:
        pass
    (said,) = (await told(Prometheus(Access(server.address)), VLLM)).values()
    assert str(said).startswith(f"{server.address}: ")
    assert "refused" in str(said)


async def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "_LARGEST_ANSWER", 1 << 20)
    async with serving() as server:
        server.answers = {"num_requests": failing(200, " " * (3 << 20))}
        assert await told(Prometheus(Access(server.address)), VLLM) == {VLLM: "its answer is larger than 1 MiB"}


async def test_a_redirection_is_not_followed_as_credentials_would_go_along() -> None:
    async def elsewhere(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://elsewhere/api/v1/query")

    async with serving() as server:
        server.answers = {"num_requests": elsewhere}
        (said,) = (await told(Prometheus(Access(server.address)), VLLM)).values()
    assert str(said).startswith("HTTP 302 Found to http://elsewhere/api/v1/query, and is not followed")


async def test_a_defect_met_by_one_question_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(prometheus._asked, VLLM, None)
            answers = await told(prometheus, VLLM, TGI)
    assert answers[VLLM] == "defect: its answer could not be used; the log has the trace"
    assert isinstance(answers[TGI], Samples)
    assert caplog.records[0].exc_info is not None


async def test_a_preset_that_there_is_not_is_told_with_those_that_there_are() -> None:
    (said,) = (await told(Prometheus(Access("http://127.0.0.1:1")), Question(preset="none"))).values()
    assert said == f'there is no preset "none"; the presets are {", ".join(PRESETS)}'


# --- who we are, and whom we trust ---


async def test_a_token_is_read_anew_for_each_question(tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with serving() as server:
        prometheus = Prometheus(Access(server.address, token_file=file))
        for token in ("first\n", "second"):
            file.write_text(token)
            await prometheus.samples([VLLM])
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer first", "Bearer second"]


async def test_a_password_goes_with_its_user(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret:ä\n")
    async with serving() as server:
        await Prometheus(Access(server.address, user="me", password_file=file)).samples([VLLM])
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
        (error,) = (await told(Prometheus(Access(server.address, token_file=file)), VLLM)).values()
    assert str(error).startswith(said.replace("FILE", str(file)))
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
            (answer,) = (await told(Prometheus(access), VLLM)).values()
            assert isinstance(answer, Samples) == trusted
            assert trusted or str(answer).startswith(f"TLS with {server.address} failed: ")
            assert trusted or "certificate verify failed" in str(answer)


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
        answers = [(await told(Prometheus(access), VLLM))[VLLM] for access in (known, in_one, unknown)]
    assert [isinstance(answer, Samples) for answer in answers] == [True, True, False]


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_files_of_certificates_that_cannot_be_used_are_told(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content)
    (answer,) = (await told(Prometheus(Access("https://127.0.0.1:1", ca_file=file)), VLLM)).values()
    assert isinstance(answer, str)
    assert "https://127.0.0.1:1" in answer


# --- own queries ---


def own(number: int) -> Question:
    return Question(query=f"own_{number:03}")


async def test_the_values_of_an_own_query_are_remembered_and_a_failure_is_no_value() -> None:
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        for at, value in ((10.5, "3"), (12.5, "5")):
            server.answers = {"own": found("vector", [{"metric": {}, "value": [at, value]}])}
            samples = (await told(prometheus, own(1)))[own(1)]
        server.answers = {"own": found("vector", [])}
        empty = (await told(prometheus, own(1)))[own(1)]
    assert isinstance(samples, Samples)
    assert list(samples.by_place[OWN_QUERY].loads) == [3.0, 5.0, 0.0]
    assert empty == "the query returns nothing: that is no zero, the workload is not measured"


async def test_values_of_a_clock_that_goes_back_begin_anew() -> None:
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        for at in (50.5, 10.5):
            server.answers = {"own": found("scalar", [at, "3"])}
            samples = (await told(prometheus, own(1)))[own(1)]
    assert isinstance(samples, Samples)
    assert samples.by_place[OWN_QUERY].times[0] == 10.5


@pytest.mark.usefixtures("hurried")
async def test_own_queries_that_hang_never_delay_those_of_presets_and_all_get_their_turn() -> None:
    async with serving() as server:
        server.answers = {f"own_{number:03}": server.hang for number in range(4)}
        prometheus = Prometheus(Access(server.address))
        asked = (VLLM, *(own(number) for number in range(6)))
        first, second = await told(prometheus, *asked), await told(prometheus, *asked)
    assert isinstance(first[VLLM], Samples)
    assert first[own(0)] == first[own(3)] == "no whole answer within 0.4 s"
    assert first[own(4)] == "not asked: earlier questions of this tick took all of its time"
    assert isinstance(second[own(4)], Samples)
    assert isinstance(second[own(5)], Samples)


async def test_more_own_queries_than_a_tick_takes_alternate_and_their_values_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prometheus_module, "_MOST_OWN_QUERIES", 2)
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        asked = [own(number) for number in range(3)]
        first, second = await told(prometheus, *asked), await told(prometheus, *asked)
    assert [isinstance(first[question], Samples) for question in asked] == [True, True, False]
    assert [isinstance(second[question], Samples) for question in asked] == [True, True, True]
    assert sorted(server.asked[:2]) == ["own_000", "own_001"]
    assert sorted(server.asked[2:]) == ["own_000", "own_002"]


async def test_a_few_questions_are_asked_at_once() -> None:
    async with serving() as server:
        server.answers = {"": server.hang}
        prometheus = Prometheus(Access(server.address))
        asked = [*(Question(preset=preset) for preset in PRESETS), *(own(number) for number in range(12))]
        asking = asyncio.create_task(prometheus.samples(asked))
        for _ in range(8):
            await server.came.get()
        assert sorted("own" in query for query in server.asked) == [False] * 4 + [True] * 4
        server.ended.set()
        await asking
