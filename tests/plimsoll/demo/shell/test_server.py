from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from plimsoll.demo.shell.server import ModelServer

FOREVER = 1e9


def server(*, slots: int = 2, time_scale: float = 0.0) -> ModelServer:
    return ModelServer(pod="p", slots=slots, time_scale=time_scale)


async def ask(app: ModelServer, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    parts = [{"body": body[:3], "more_body": True}, {"body": body[3:]}]
    sent: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"method": method, "path": path}, receive, send)
    return sent[0]["status"], sent[1]["body"]


QUESTION = b'{"in_tokens": 10, "out_tokens": 3}'


def test_a_question_is_answered_with_what_it_used() -> None:
    status, body = asyncio.run(ask(server(), "POST", "/v1/completions", QUESTION))
    assert status == 200
    assert msgspec.json.decode(body) == {"pod": "p", "usage": {"prompt_tokens": 10, "completion_tokens": 3}}


@pytest.mark.parametrize("body", [b"", b"{", b'{"in_tokens": "x", "out_tokens": 1}', b'{"in_tokens": 1}'])
def test_a_malformed_question_gets_a_reason_and_takes_no_slot(body: bytes) -> None:
    async def scenario() -> None:
        app = server(slots=1)
        status, answer = await ask(app, "POST", "/v1/completions", body)
        assert status == 400
        assert msgspec.json.decode(answer)["error"].startswith("the request's body: ")
        assert (await ask(app, "POST", "/v1/completions", QUESTION))[0] == 200

    asyncio.run(scenario())


def test_an_unknown_path_is_not_found() -> None:
    assert asyncio.run(ask(server(), "GET", "/nothing"))[0] == 404


async def metrics(app: ModelServer) -> dict[str, float]:
    _, text = await ask(app, "GET", "/metrics")
    return {
        name: float(value)
        for line in text.decode().splitlines()
        if not line.startswith("#")
        for name, value in [line.split()]
    }


def test_more_questions_than_slots_wait_and_prometheus_sees_both() -> None:
    async def scenario() -> None:
        app = server(slots=2, time_scale=FOREVER)
        asked = [asyncio.create_task(ask(app, "POST", "/v1/completions", QUESTION)) for _ in range(5)]
        for _ in range(10):  # turns of the loop, not time
            await asyncio.sleep(0)
        seen = await metrics(app)
        assert (seen["vllm:num_requests_running"], seen["vllm:num_requests_waiting"]) == (2, 3)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        seen = await metrics(app)
        assert (seen["vllm:num_requests_running"], seen["vllm:num_requests_waiting"]) == (0, 0)
        assert seen["vllm:request_success_total"] == 0

    asyncio.run(scenario())


def test_served_questions_are_counted() -> None:
    async def scenario() -> None:
        app = server(slots=1)
        await asyncio.gather(*(ask(app, "POST", "/v1/completions", QUESTION) for _ in range(7)))
        assert (await metrics(app))["vllm:request_success_total"] == 7

    asyncio.run(scenario())
