"""How do kube-scheduler's HTTP requests reach the core? Raw ASGI: no framework stands in the scheduling path."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from extender.shell import wire
from extender.shell.proposals import Proposals
from extender.shell.telemetry import RESULTS
from kube.body import BodyError, CutError, body_of
from kube.http import trusted
from kube.pages import JSON, Page, Pages, problem, respond

if TYPE_CHECKING:
    from extender.shell.telemetry import Telemetry
    from kube.pages import Receive, Send

_log = logging.getLogger(__name__)

_VERBS = ("filter", "prioritize", "bind", "preempt")
_PATHS = {f"/{verb}": verb for verb in _VERBS}
_UNTRUSTED = (
    "kube-scheduler alone is obeyed: from this machine, or with a certificate where --client-ca-file is given; "
    "health and metrics are for everybody"
)


class Verbs(Protocol):
    """What answers: decoded questions in, encoded answers out."""

    def unready(self) -> str:
        """Return why callers should not come here, "" where they should."""

    def refusal(self) -> str:
        """Return why no verb is answered now, "" where they are."""

    async def filter(self, asked: wire.Candidates) -> bytes:
        """Answer filter."""

    def prioritize(self, asked: wire.Candidates) -> bytes:
        """Answer prioritize."""

    def preempt(self, asked: Proposals) -> bytes:
        """Answer preempt."""

    async def bind(self, asked: wire.BindingArguments, received_at: float) -> bytes:
        """Answer bind; `received_at`, on the monotonic clock, is when the head of the request was."""


class Asgi:
    """The ASGI application."""

    def __init__(self, verbs: Verbs, telemetry: Telemetry) -> None:
        self._verbs = verbs
        self._seconds = {verb: telemetry.seconds.labels(verb) for verb in _VERBS}
        self._results = {
            (verb, result): telemetry.requests.labels(verb, result) for verb in _VERBS for result in RESULTS
        }
        self.pages = Pages(verbs.unready, telemetry.exposition)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        verb = _PATHS.get(scope["path"])
        if verb is not None and scope["method"] == "POST":
            await self._obey(verb, scope, receive, send)
        else:
            await self.pages(scope, receive, send)

    async def _obey(self, verb: str, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if not trusted(scope):
            self._results[verb, "untrusted"].inc()
            await respond(problem(403, f"{verb}: {_UNTRUSTED}"), send, last=True)
            return
        received_at = time.monotonic()
        try:
            body = await body_of(scope, receive)
        except BodyError as refusal:
            self._results[verb, "cut" if isinstance(refusal, CutError) else "malformed"].inc()
            await respond(problem(refusal.status, f"{verb}: {refusal}"), send, last=True)
            return
        await respond(await self._verb(verb, body, received_at), send)

    async def _verb(self, verb: str, body: bytes, received_at: float) -> Page:
        began_at = time.monotonic()
        try:
            if refusal := self._verbs.refusal():
                # kube-scheduler takes anything but 200 as an error and tries the pod again: nothing is lost.
                result, page = "unready", problem(503, refusal)
            else:
                result, page = "ok", Page(200, JSON, await self._answer(verb, body, received_at))
            self._seconds[verb].observe(time.monotonic() - began_at)
        # A part of the pod may be decoded only when something asks for it.
        except (wire.MalformedRequest, msgspec.DecodeError, UnicodeDecodeError) as error:
            result, page = "malformed", problem(400, f"{verb}: {error}")
        except Exception:  # noqa: BLE001  a defect met by one pod must not cost the others: it is tried again
            _log.exception("defect", extra={"verb": verb})
            result, page = "defect", problem(500, f"{verb}: a defect of the extender; its log has the trace")
        self._results[verb, result].inc()
        return page

    async def _answer(self, verb: str, body: bytes, received_at: float) -> bytes:
        if verb == "bind":
            return await self._verbs.bind(wire.binding_arguments(body), received_at)
        if verb == "preempt":
            return self._verbs.preempt(Proposals(body))
        asked = wire.Candidates(body)
        return await self._verbs.filter(asked) if verb == "filter" else self._verbs.prioritize(asked)
