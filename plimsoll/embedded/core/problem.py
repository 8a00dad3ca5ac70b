"""How does the embedded API server refuse? With the Status objects, reasons and sentences of the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Object = dict[str, Any]
"""A Kubernetes object as its JSON is; once stored it is never changed, only replaced."""


class Problem(Exception):  # noqa: N818  a refusal is an answer, not an error of ours
    """A request that is refused: HTTP status, Kubernetes' reason, a sentence, and further details."""

    def __init__(self, status: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self._detailed = details is not None  # the API server tells of empty details, too

    def body(self) -> Object:
        """Return the v1 Status that says so."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            **({"reason": self.reason} if self.reason else {}),
            **({"details": self.details} if self.details or self._detailed else {}),
            "code": self.status,
        }


def bad_request(message: str) -> Problem:
    """The request cannot be read."""
    return Problem(400, "BadRequest", message)


def forbidden(resource: str, name: str, why: str) -> Problem:
    """Admission refuses; `resource` is plural, with its group where it has one: "deployments.apps"."""
    return Problem(403, "Forbidden", f'{resource} "{name}" is forbidden: {why}', _about(resource, name))


def not_found(resource: str, name: str) -> Problem:
    """There is no such object."""
    return Problem(404, "NotFound", f'{resource} "{name}" not found', _about(resource, name))


def already_exists(resource: str, name: str, *, going: bool = False) -> Problem:
    """There is such an object already, or still: `going` tells that it is being deleted."""
    told = f'{"object is being deleted: " if going else ""}{resource} "{name}" already exists'
    return Problem(409, "AlreadyExists", told, _about(resource, name))


def conflict(resource: str, name: str, why: str) -> Problem:
    """The object is not as the request takes it to be."""
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return Problem(409, "Conflict", message, _about(resource, name))


def expired(message: str) -> Problem:
    """The version that the request speaks of is forgotten."""
    return Problem(410, "Expired", message)


def invalid(kind: str, name: str, causes: Sequence[tuple[str, str, str]]) -> Problem:
    """A rule is broken; `kind` with its group ("Deployment.apps"); each cause is (field, reason, sentence).

    The reasons are Kubernetes': FieldValueInvalid, FieldValueRequired, FieldValueForbidden, FieldValueNotSupported...
    """
    sentences = list(dict.fromkeys(f"{field}: {sentence}" for field, _, sentence in causes))
    told = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    details = _about(kind, name) | {
        "causes": [{"reason": reason, "message": sentence, "field": field} for field, reason, sentence in causes]
    }
    return Problem(422, "Invalid", f'{kind} "{name}" is invalid: {told}', details)


def not_implemented(what: str) -> Problem:
    """The embedded cluster cannot do `what`, and does not guess what the real control plane would answer."""
    return Problem(501, "NotImplemented", f"the embedded cluster does not do this: {what}")


def _about(resource: str, name: str) -> dict[str, Any]:
    kind, _, group = resource.partition(".")
    return {
        **({"name": name} if name else {}),
        **({"group": group} if group else {}),
        **({"kind": kind} if kind else {}),
    }
