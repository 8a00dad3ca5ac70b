"""The pages that every program shows: alive, ready, metrics, its own, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from kube.pages import JSON, Page, Pages


async def asked(pages: Pages, path: str, method: str = "GET") -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {}

    await pages({"method": method, "path": path}, receive, send)
    return sent[0]["status"], sent[1]["body"]


def pages(*, ready: bool = True, alive: bool = True) -> Pages:
    more = {"/own": lambda: Page(200, JSON, b"{}")}
    return Pages(lambda: "" if ready else "still being listed", lambda: b"metric 1\n", more, alive=lambda: alive)


@pytest.mark.parametrize(
    ("shown", "path", "answer"),
    [
        (pages(), "/healthz", (200, b"ok\n")),
        (pages(ready=False), "/healthz", (200, b"ok\n")),
        (pages(alive=False), "/healthz", (503, b"its work stands still\n")),
        (pages(), "/readyz", (200, b"ok\n")),
        (pages(ready=False), "/readyz", (503, b"still being listed\n")),
        (pages(alive=False), "/readyz", (200, b"ok\n")),
        (pages(), "/metrics", (200, b"metric 1\n")),
        (pages(), "/own", (200, b"{}")),
    ],
    ids=["alive", "alive before it is ready", "stuck", "ready", "not ready", "ready but stuck", "metrics", "its own"],
)
async def test_a_page_tells_what_is_true_now(shown: Pages, path: str, answer: tuple[int, bytes]) -> None:
    assert await asked(shown, path) == answer


@pytest.mark.parametrize(("method", "path"), [("GET", "/other"), ("POST", "/metrics")])
async def test_what_is_not_there_is_said_so(method: str, path: str) -> None:
    assert await asked(pages(), path, method) == (404, f'{{"Error":"there is no {method} {path} here"}}'.encode())
