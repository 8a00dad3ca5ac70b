"""What the extender answers is passed on as it is; while it does not answer, kube-scheduler hears no at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from extender.relay import relaying
from kube import body as body_module
from kube.pace import Pace
from tests.extender.relay.standing import StandIn, relay_to, standing_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extender.relay.relaying import Relay


NO = (200, {"Error": "the extender does not answer: the pod is tried again"})
SAYS = {"filter": NO, "prioritize": NO, "bind": NO, "preempt": (200, {"NodeNameToMetaVictims": {}})}


class Caller:
    """A kube-scheduler that asks a relay, and what is behind that."""

    def __init__(self, relay: Relay, extender: StandIn, url: str, session: aiohttp.ClientSession) -> None:
        self.relay, self.extender = relay, extender
        self._url, self._session = url, session

    async def post(self, verb: str, body: bytes = b"{}") -> tuple[int, Any]:
        async with self._session.post(f"{self._url}/{verb}", data=body) as answer:
            return answer.status, json.loads(await answer.read())

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(self._url + path) as answer:
            return answer.status, await answer.text()

    async def heard(self, status: int) -> None:
        """Wait until the relay is ready (200), or is not (503)."""
        async with asyncio.timeout(20.0):
            while (await self.get("/readyz"))[0] != status:
                pass


@asynccontextmanager
async def calling() -> AsyncIterator[Caller]:
    async with (
        standing_in() as (extender, far),
        relay_to(far) as (relay, url),
        aiohttp.ClientSession() as session,
    ):
        caller = Caller(relay, extender, url, session)
        await caller.heard(200)
        yield caller


async def test_a_question_and_its_answer_are_passed_on_as_they_are() -> None:
    async with calling() as caller:
        assert await caller.post("filter", b'{"Pod": 1}') == (200, {"from": "the extender"})
        assert await caller.post("prioritize", b"x") == (500, {"Error": "a defect"})
        assert await caller.post("bind", b"{}") == (200, {"from": "the extender"})
        assert caller.extender.asked == [("/filter", b'{"Pod": 1}'), ("/prioritize", b"x"), ("/bind", b"{}")]


@pytest.mark.parametrize("verb", ["filter", "prioritize", "preempt"])
async def test_a_question_that_is_under_way_when_the_extender_falls_silent_is_given_up(verb: str) -> None:
    async with calling() as caller:
        caller.extender.hangs = True
        assert await caller.post(verb) == SAYS[verb]


@pytest.mark.parametrize("verb", ["filter", "prioritize", "bind", "preempt"])
async def test_nothing_is_passed_on_to_an_extender_that_is_silent(verb: str) -> None:
    async with calling() as caller:
        caller.extender.hangs = True
        await caller.heard(503)
        assert await caller.post(verb) == SAYS[verb]
        assert await caller.get("/readyz") == (503, "it does not answer: no answer within 0.3 s\n")
        assert caller.extender.asked == []


async def test_nothing_is_passed_on_to_an_extender_that_says_it_is_not_ready_and_its_words_are() -> None:
    async with calling() as caller:
        caller.extender.unready = "follows: another leads"
        await caller.heard(503)
        assert await caller.post("filter") == NO
        assert await caller.get("/readyz") == (503, "it is not ready: follows: another leads\n")
        assert caller.extender.asked == []


async def test_when_it_answers_again_it_is_asked_again_over_a_new_connection() -> None:
    async with calling() as caller:
        await caller.post("filter")
        caller.extender.hangs = True
        await caller.heard(503)
        caller.extender.hangs = False
        await caller.heard(200)
        assert await caller.post("filter") != NO
        first, second = caller.extender.callers
        assert first != second, "a Service may lead to another extender now"


async def test_connections_are_kept_while_it_answers() -> None:
    async with calling() as caller:
        for _ in range(3):
            await caller.post("filter")
        assert len(set(caller.extender.callers)) == 1


async def _hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer health, and close the connection on whoever asks for anything else."""
    with contextlib.suppress(asyncio.IncompleteReadError):
        while (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


async def test_a_binding_of_unknown_outcome_is_answered_once_kube_scheduler_has_given_it_up() -> None:
    far = await asyncio.start_server(_hangs_up, "127.0.0.1", 0)
    where = "http://{}:{}".format(*far.sockets[0].getsockname())
    async with far, relay_to(where) as (relay, url), aiohttp.ClientSession() as session:
        caller = Caller(relay, StandIn(), url, session)
        await caller.heard(200)
        began = time.monotonic()
        assert await caller.post("bind") == NO
        assert time.monotonic() - began > 0.9, "kube-scheduler would promise its room to another meanwhile"


async def test_a_binding_that_cannot_be_sent_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "BEAT_S", 60.0)  # the relay has not noticed yet
    async with standing_in() as (_, far), relay_to(far) as (relay, url), aiohttp.ClientSession() as session:
        caller = Caller(relay, StandIn(), url, session)
        await caller.heard(200)
        monkeypatch.setattr(relay._far, "_url", "http://127.0.0.1:1")  # where nobody listens
        monkeypatch.setattr(relaying, "_CALLER_S", 60.0)
        assert await caller.post("bind") == NO


@pytest.mark.parametrize(
    "ago",
    [
        pytest.param((1.6, 1.5), id="read before the relay notices that it stood still"),
        pytest.param((60.0, 0.15, 0.1), id="read after it"),
        pytest.param((0.25, 0.1), id="asked before a turn that was a little late"),
    ],
)
async def test_a_binding_that_may_be_old_is_not_passed_on(ago: tuple[float, ...]) -> None:
    async with calling() as caller:
        caller.relay.pace = Pace(relaying._BIND_S, relaying._CALLER_S)  # the one that is watched is another
        now = time.monotonic()
        for turn in ago:
            caller.relay.pace.turn(now - turn)
        _, answer = await caller.post("bind")
        assert answer["Error"].startswith("not passed on: the relay stood still")
        assert caller.extender.asked == []


async def test_a_body_without_end_is_refused_and_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "_LIMIT", 1000)
    async with calling() as caller:
        status, answer = await caller.post("filter", b"x" * 1001)
        assert (status, answer["Error"][:45]) == (413, "filter: the body is larger than 1000 bytes: n")
        assert caller.extender.asked == []


async def test_it_tells_whether_the_extender_answers_and_what_became_of_requests() -> None:
    async with calling() as caller:
        await caller.post("filter")
        _, text = await caller.get("/metrics")
        assert "plimsoll_extender_relay_answers 1.0" in text
        assert 'plimsoll_extender_relay_requests_total{result="passed",verb="filter"} 1.0' in text


async def test_only_callers_on_this_machine_are_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling() as caller:
        monkeypatch.setattr(relaying, "trusted", lambda _scope: False)
        status, answer = await caller.post("bind")
        assert (status, answer["Error"]) == (403, "the relay obeys callers on its own machine alone")
        assert caller.extender.asked == []
