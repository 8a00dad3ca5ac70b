"""What comes in, and what goes out? One HTTP request and one answer, without HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from plimsoll.embedded.core.problem import Object, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; `manager` is who asks, from the User-Agent; `now` is RFC 3339, to the second.

    `accept` are the media types that may come back, "" for any.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    content_type: str
    manager: str
    now: str
    accept: str = ""

    @property
    def dry(self) -> bool:
        """Whether everything is done but the writing."""
        return "dryRun" in self.query

    @property
    def applies(self) -> bool:
        """Whether this is a server-side apply."""
        return self.method == "PATCH" and self.content_type == APPLY

    @property
    def writer(self) -> str:
        """Who owns the fields that it writes."""
        return self.query.get("fieldManager") or self.manager


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer with a body of JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(status: int, body: Object) -> Answer:
    """Return an answer."""
    return Answer(status, msgspec.json.encode(body))


def success(details: Object | None = None) -> Object:
    """Return the v1 Status of a request that was carried out."""
    told = {"details": details} if details else {}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", **told}


def not_allowed() -> Problem:
    """The path is there, but not for this method."""
    return Problem(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
