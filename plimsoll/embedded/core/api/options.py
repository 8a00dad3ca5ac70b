"""Which options may stand in a query beside a write? What the API server refuses of them, before it reads the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kube.durations import nanoseconds
from plimsoll.embedded.core.notation.numbers import bad_integer
from plimsoll.embedded.core.problem import bad_request, invalid, not_implemented

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plimsoll.embedded.core.api.exchange import Request
    from plimsoll.embedded.core.problem import Problem

Cause = tuple[str, str, str]

_OPTIONS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}
_NOT_DONE = {
    "ignoreStoreReadErrorWithClusterBreakingPotential", "resourceVersionMatch", "sendInitialEvents",
}  # fmt: skip
_INTEGERS = ("gracePeriodSeconds", "limit", "timeoutSeconds")
_OF_DELETION = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
"""What the query of a DELETE may say that has no body; a body hides it."""
_LONGEST_MANAGER = 128
_POLICIES = ("Foreground", "Background", "Orphan")


def check_options(request: Request) -> None:
    """Hold a query against the options that there are; what there is not is ignored, as by the API server.

    Raises:
        Problem: 400 or 422, an option is malformed; 501, it is not done here.
    """
    hidden = _OF_DELETION if request.method == "DELETE" and request.body else ()
    query = {name: value for name, value in request.query.items() if name not in hidden}
    if undone := sorted(query.keys() & _NOT_DONE):
        raise not_implemented(f"the query parameter {undone[0]}")
    for name in _INTEGERS:
        if query.get(name) and (why := bad_integer(query[name])):
            raise bad_request(why)
    if "timeout" in query and "watch" not in query and nanoseconds(query["timeout"]) is None:
        why = f'invalid timeout specified in the request URL - time: invalid duration "{query["timeout"]}"'
        raise bad_request(why)
    options = _OPTIONS.get(request.method)
    if options is None:
        return
    bad = _bad_propagation(query) if request.method == "DELETE" else _bad_write(request)
    if causes := [*bad, *_bad_dry_run([query["dryRun"]] if "dryRun" in query else [])]:
        raise _refused(options, causes)
    if request.method != "DELETE" and query.get("fieldValidation") == "Strict":
        raise not_implemented("fieldValidation=Strict; unknown fields are dropped")


def is_set(query: Mapping[str, str], name: str) -> bool:
    """Tell whether a flag is set: any value but these two sets it, even none."""
    return query.get(name, "false").lower() not in ("false", "0")


def check_deletion(options: Mapping[str, Any]) -> None:
    """Hold a body's DeleteOptions against what there is.

    Raises:
        Problem: 422, they are malformed.
    """
    if causes := [*_bad_propagation(options), *_bad_dry_run(options.get("dryRun", []))]:
        raise _refused("DeleteOptions", causes)


def _refused(options: str, causes: list[Cause]) -> Problem:
    return invalid(f"{options}.meta.k8s.io", "", causes)


def _bad_dry_run(asked: list[str]) -> Iterator[Cause]:
    if any(each != "All" for each in asked):
        told = msgspec.json.encode(asked).decode()
        yield "dryRun", "FieldValueNotSupported", f'Unsupported value: {told}: supported values: "All"'


def _bad_write(request: Request) -> Iterator[Cause]:
    query = request.query
    if request.method == "PATCH" and not request.applies and query.get("force") is not None:
        yield "force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch"
    if len(query.get("fieldManager", "")) > _LONGEST_MANAGER:
        yield "fieldManager", "FieldValueTooLong", f"Too long: may not be more than {_LONGEST_MANAGER} bytes"
    for index, character in enumerate(manager := query.get("fieldManager", "")):
        if not character.isprintable():
            why = f"invalid character U+{ord(character):04X} (at position {index})"
            yield "fieldManager", "FieldValueInvalid", f"Invalid value: {msgspec.json.encode(manager).decode()}: {why}"
    asked = query.get("fieldValidation", "")
    if asked not in ("", "Ignore", "Strict", "Warn"):
        known = 'supported values: "", "Ignore", "Strict", "Warn"'
        yield "fieldValidation", "FieldValueNotSupported", f'Unsupported value: "{asked}": {known}'


def _bad_propagation(options: Mapping[str, Any]) -> Iterator[Cause]:
    asked = options.get("propagationPolicy")
    if asked is None:
        return
    if "orphanDependents" in options:
        sentence = f'Invalid value: "{asked}": orphanDependents and deletionPropagation cannot be both set'
        yield "propagationPolicy", "FieldValueInvalid", sentence
    if asked not in _POLICIES:
        known = ", ".join(f'"{each}"' for each in (*_POLICIES, "nil"))
        yield "propagationPolicy", "FieldValueNotSupported", f'Unsupported value: "{asked}": supported values: {known}'
