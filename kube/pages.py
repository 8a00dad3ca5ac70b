"""Which pages does a program of ours show? Health for the kubelet, metrics for Prometheus, and its own; raw ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"


class Page(msgspec.Struct, frozen=True, gc=False):
    """One answer."""

    status: int
    content_type: str
    body: bytes


def problem(status: int, message: str) -> Page:
    """Return a refusal as JSON, with its sentence under `Error`."""
    return Page(status, JSON, msgspec.json.encode({"Error": message}))


class Pages:
    """Answers GET: /healthz, /readyz, /metrics and `more`, by path; `unready` says why it is not, "" where it is."""

    def __init__(
        self,
        unready: Callable[[], str],
        metrics: Callable[[], bytes],
        more: Mapping[str, Callable[[], Page]] | None = None,
        *,
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        self._pages: dict[str, Callable[[], Page]] = {
            "/healthz": lambda: Page(200, _TEXT, b"ok\n") if alive() else Page(503, _TEXT, b"its work stands still\n"),
            "/readyz": lambda: (
                Page(503, _TEXT, f"{why}\n".encode()) if (why := unready()) else Page(200, _TEXT, b"ok\n")
            ),
            "/metrics": lambda: Page(200, _TEXT, metrics()),
            **(more or {}),
        }

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        del receive  # a GET has no body
        method, path = scope["method"], scope["path"]
        page = self._pages.get(path) if method == "GET" else None
        await respond(page() if page else problem(404, f"there is no {method} {path} here"), send)


async def respond(page: Page, send: Send, *, last: bool = False) -> None:
    """Send an answer; `last`: and close the connection."""
    headers = [(b"content-type", page.content_type.encode()), (b"content-length", str(len(page.body)).encode())]
    if last:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": page.status, "headers": headers})
    await send({"type": "http.response.body", "body": page.body})
