"""What stands in the body of a request? JSON or YAML, an object of the path's kind, or a patch of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.api.exchange import APPLY
from plimsoll.embedded.core.notation.from_yaml import from_yaml
from plimsoll.embedded.core.notation.schema import read, shape
from plimsoll.embedded.core.problem import Object, Problem, bad_request, invalid, not_implemented

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plimsoll.embedded.core.api.exchange import Request
    from plimsoll.embedded.core.api.store import Stored
    from plimsoll.embedded.core.kinds import Kind

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

_STRATEGIC = "application/strategic-merge-patch+json"
_PATCHES = (JSON_PATCH, MERGE_PATCH, APPLY)
_KNOWN = (("v1", "Binding"), ("v1", "Secret"), ("policy/v1", "Eviction"), ("autoscaling/v1", "Scale"))
_YAML = ("application/yaml", APPLY)


def content(kind: Kind, request: Request) -> Object:
    """Return the object in a request's body, as the API server holds it, without kind and apiVersion.

    Raises:
        Problem: 400 where it is malformed or of another kind; 415 for another media type.
    """
    check_media_type(request)
    try:
        return checked(kind, decoded(request))
    except Malformed as malformed:
        raise _unrecognized(kind.name, f"couldn't get version/kind; json parse error: {malformed}") from None


def posted(kind: str, versions: tuple[str, ...], request: Request) -> Object:
    """Return what is posted or put to a subresource, of a kind that is not stored; an absent version is the first.

    Raises:
        Problem: 400 where it is malformed or of another kind; 415 for another media type.
    """
    check_media_type(request)
    try:
        return checked_post(kind, versions, decoded(request))
    except Malformed as malformed:
        raise _unrecognized(kind, f"couldn't get version/kind; json parse error: {malformed}") from None


def checked_post(kind: str, versions: tuple[str, ...], sent: Any) -> Object:
    """Return an object of a kind that is not stored, with its kind and apiVersion if they were sent.

    Raises:
        Problem: 400 where it is of another kind, or a field is of another type.
    """
    return _checked(kind, f"V1{kind}", versions, sent)


def checked(kind: Kind, sent: Any) -> Object:
    """Return an object as the API server holds it, without kind and apiVersion.

    Raises:
        Problem: 400 where it is of another kind, or a field is of another type.
    """
    held = _checked(kind.name, kind.model, (kind.api_version,), sent)
    held.pop("kind", None)
    held.pop("apiVersion", None)
    meta = held.get("metadata", {})
    if isinstance(sent, dict) and (sent.get("metadata") or {}).get("managedFields") == []:
        meta = {**meta, "managedFields": [{}]}  # which says the same, and is not dropped as empty
    return {**held, "metadata": meta}


def checked_patch(name: str, sent: Any, check: Callable[[], Object]) -> Object:
    """Return what a patch has made, as `check` returns it; `name` is its kind.

    Raises:
        Problem: 422, it is of another kind, or a field is of another type.
    """
    try:
        return check()
    except Problem as problem:
        told = msgspec.json.encode(msgspec.json.encode(sent).decode()).decode()
        why = problem.message.rpartition(f"cannot be handled as a {name}: ")[2]
        raise invalid("", "", [("patch", "FieldValueInvalid", f"Invalid value: {told}: {why}")]) from None


def _checked(kind: str, model: str, versions: tuple[str, ...], sent: Any) -> Object:
    sent = {} if sent is None else sent
    if not isinstance(sent, dict):
        raise _unrecognized(kind, "couldn't get version/kind; json parse error: it is no object")
    version, name = sent.get("apiVersion") or versions[0], sent.get("kind") or kind
    if not isinstance(version, str) or not isinstance(name, str):
        raise _unrecognized(kind, "couldn't get version/kind; json parse error: they are no strings")
    if version.count("/") > 1:
        raise _unrecognized(kind, f"unexpected GroupVersion string: {version}")
    if version not in versions or name != kind:
        raise _of_another_kind(kind, versions[0], version, name)
    held: Object = read(shape(model), sent, "")
    return held


def applied(kind: Kind, request: Request) -> Object:
    """Return what a server-side apply says, as it was sent: its zeros and empties are owned too.

    Raises:
        Problem: 400 where it is malformed, of another kind, or nameless.
    """
    sent = json_of(request)
    sent = {} if sent is None else sent
    if not isinstance(sent, dict):
        raise bad_request("error decoding YAML: it is no object")
    version, name = (each if isinstance(each := sent.get(key), str) else "" for key in ("apiVersion", "kind"))
    if (version, name) != (kind.api_version, kind.name):
        group, _, of_group = version.rpartition("/")
        raise bad_request(f"invalid object type: {group}/{of_group}, Kind={name}")
    return {"metadata": {}} | {key: value for key, value in sent.items() if key not in ("kind", "apiVersion")}


def json_of(request: Request) -> Any:
    """Return a request's body, decoded.

    Raises:
        Problem: 400 where it is malformed; 415 for another media type.
    """
    check_media_type(request)
    try:
        return decoded(request)
    except Malformed as malformed:
        raise bad_request(f"couldn't get version/kind; json parse error: {malformed}") from None


def check_media_type(request: Request) -> None:
    """Hold the media type of a body against those that can be read.

    Raises:
        Problem: 415, it cannot; 501 for protobuf.
    """
    kind = request.content_type.lower()
    if kind == "application/vnd.kubernetes.protobuf":
        raise not_implemented("it reads no protobuf; JSON and YAML it does")
    if request.method != "PATCH" and kind not in ("", "application/json", *_YAML):
        raise _unsupported()


def patch(request: Request) -> Any:
    """Return the patch in a request's body.

    Raises:
        Problem: 400 where it is malformed; 415 for another media type; 501 for a strategic merge patch.
    """
    check_patch_type(request)
    try:
        return decoded(request)
    except Malformed as malformed:
        raise bad_request(f"error decoding patch: {malformed}") from None


def check_patch_type(request: Request) -> None:
    """Hold the media type of a patch against those that there are.

    Raises:
        Problem: 415 for another one; 501 for a strategic merge patch.
    """
    if request.content_type == _STRATEGIC:
        raise not_implemented("strategic merge patches; merge patches, JSON patches and server-side apply are there")
    if request.content_type not in _PATCHES:
        raise Problem(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def list_of(kind: Kind, items: Iterable[Stored], version: int, token: str = "", remaining: int = 0) -> bytes:
    """Return a list of objects as it goes over the wire."""
    meta: Object = {"resourceVersion": str(version)}
    if token:
        meta["continue"] = token
    if remaining:
        meta["remainingItemCount"] = remaining
    head = {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": meta}
    return msgspec.json.encode(head)[:-1] + b',"items":[' + b",".join(each.item for each in items) + b"]}"


class Malformed(Exception):  # noqa: N818  a refusal on its way to become a Problem
    """A body that is no JSON, or no YAML."""


def decoded(request: Request) -> Any:
    """Return a request's body, decoded; what is no UTF-8 in it is replaced.

    Raises:
        Malformed: it cannot be decoded.
    """
    text = request.body.decode(errors="replace")
    if not text:
        raise Malformed("unexpected end of JSON input")
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        if request.content_type.lower() not in _YAML:
            raise Malformed(str(error)) from None
    try:
        return from_yaml(text)
    except ValueError as error:
        raise Malformed(str(error)) from None


def _unsupported() -> Problem:
    known = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    sentence = f"the body of the request was in an unknown format - accepted media types include: {known}"
    return Problem(415, "UnsupportedMediaType", sentence)


def _unrecognized(kind: str, why: str) -> Problem:
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): {why}")


def _of_another_kind(kind: str, of: str, version: str, name: str) -> Problem:
    short = version.rpartition("/")[2]
    if (version, name) in _KNOWN or any((each.api_version, each.name) == (version, name) for each in kinds.KINDS):
        within = of.rpartition("/")[0].partition(".")[0] or "core"
        why = f"converting ({short}.{name}) to ({within}.{kind}): unknown conversion"
    else:
        why = f'no kind "{name}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
    return bad_request(f'{name} in version "{short}" cannot be handled as a {kind}: {why}')
