"""What becomes of a question of kube-scheduler? It is passed on, or refused at once while the extender does not answer.

kube-scheduler tries one pod at a time, for everybody: whatever a question waits for, all other pods wait for too. So
the extender is asked all the time whether it is ready, and filter, prioritize and preempt wait no longer than it takes
to see that it says nothing. bind keeps nobody waiting, and its outcome may be unknown: it is answered when
kube-scheduler has given it up, not before.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from extender.relay.far import FarError
from kube.body import BodyError, body_of
from kube.http import trusted
from kube.outage import Outage
from kube.pace import Pace
from kube.pages import JSON, Page, Pages, problem, respond

if TYPE_CHECKING:
    from extender.relay.far import Far
    from kube.pages import Receive, Send

_log = logging.getLogger("extender.relay")

BEAT_S = 0.1
SILENCE_S = 0.3
"""An extender that has not answered for so long is taken for one that does not."""

_CALLER_S = 1.0  # httpTimeout of kube-scheduler
_BIND_S = 0.2  # for passing a bind on: the extender takes 0.8 s for one, and does not know when it was asked for
_READY = 200
# In kube-scheduler's words, and always the same ones: it writes into the pod why that waits, and waits for the write,
# whenever that changes.
_NO = Page(200, JSON, b'{"Error":"the extender does not answer: the pod is tried again"}')
# Nobody is evicted as long as nobody can tell whether it would help.
_NOBODY = Page(200, JSON, b'{"NodeNameToMetaVictims":{}}')
_VERBS = {"/filter": _NO, "/prioritize": _NO, "/bind": _NO, "/preempt": _NOBODY}
"""What each hears while the extender does not answer."""


class Relay:
    """The ASGI application, which stands between kube-scheduler and the extender."""

    def __init__(self, far: Far) -> None:
        self._far = far
        self._silent = asyncio.Event()
        self._silent.set()
        self._why = "it was not asked yet"
        self.pace = Pace(_BIND_S, _CALLER_S)
        self._outage = Outage("the extender", "pods that need GPUs are refused at once, until it answers", _log)
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "plimsoll_extender_relay_requests_total",
            "Requests of kube-scheduler by verb and result (passed, refused, given_up).",
            ["verb", "result"],
            registry=registry,
        )
        self._answers = Gauge(
            "plimsoll_extender_relay_answers", "1 while the extender says that it is ready.", registry=registry
        )
        self.pages = Pages(lambda: self._why, self.exposition)

    def exposition(self) -> bytes:
        """Return the metrics as Prometheus reads them."""
        return generate_latest(self._registry)

    async def run(self) -> None:
        """Ask the extender all the time, without end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self.pace.watch("no bind is passed on for a second"))

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["method"] != "POST" or scope["path"] not in _VERBS:
            await self.pages(scope, receive, send)
        elif not trusted(scope):
            await respond(problem(403, "the relay obeys callers on its own machine alone"), send, last=True)
        else:
            received_at = time.monotonic()
            verb = scope["path"][1:]
            try:
                body = await body_of(scope, receive)
            except BodyError as refusal:
                self._requests.labels(verb, "refused").inc()
                await respond(problem(refusal.status, f"{verb}: {refusal}"), send, last=True)
                return
            result, page = await self._answer(scope["path"], body, received_at)
            self._requests.labels(verb, result).inc()
            await respond(page, send)

    async def _answer(self, path: str, body: bytes, received_at: float) -> tuple[str, Page]:
        no = _VERBS[path]
        if self._silent.is_set():
            return "refused", no
        if path == "/bind":
            return await self._bind(body, received_at)
        asking = asyncio.create_task(self._far.ask("POST", path, body, _CALLER_S))
        silence = asyncio.create_task(self._silent.wait())
        try:
            await asyncio.wait((asking, silence), return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return "passed", asking.result()
        except FarError:
            return "given_up", no
        finally:
            asking.cancel()
            silence.cancel()
        return "given_up", no

    async def _bind(self, body: bytes, received_at: float) -> tuple[str, Page]:
        now = time.monotonic()
        left_s = self.pace.asked_at(received_at) + _BIND_S - now
        if self.pace.stood_still(now) or left_s <= 0.0:
            return "refused", problem(200, "not passed on: the relay stood still, and nobody knows how old this is")
        try:
            return "passed", await self._far.ask("POST", "/bind", body, _CALLER_S, connect_s=left_s)
        except FarError as error:
            if error.sent:
                await asyncio.sleep(received_at + _CALLER_S - time.monotonic())
            return "given_up", _NO

    async def _listen(self) -> None:
        while True:
            try:
                said = await self._far.ask("GET", "/readyz", None, SILENCE_S)
                why = "" if said.status == _READY else f"it is not ready: {said.body.decode(errors='replace').strip()}"
            except FarError as error:
                why = f"it does not answer: {error}"
            self._hear(why)
            await asyncio.sleep(BEAT_S)
            self._far.look_at_certificates()

    def _hear(self, why: str) -> None:
        self._why = why
        self._answers.set(0.0 if why else 1.0)
        if why:
            self._silent.set()
            self._outage.failed(why)
            self._far.give_up()
        else:
            self._silent.clear()
            self._outage.ended()
