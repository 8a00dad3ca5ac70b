"""What does a patch make of an object? Merge patches after RFC 7386, JSON patches after RFC 6902.

Where the API server is laxer than RFC 6902, so are we: `replace` also adds a key, a value that is left out is null, and
`test` for null holds where there is nothing.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import jsonpatch

from plimsoll.embedded.core.problem import Problem, bad_request

if TYPE_CHECKING:
    from plimsoll.embedded.core.problem import Object


_MOST_OPERATIONS = 10_000


def merge_patch(target: Any, patch: Any) -> Any:
    """Return what a merge patch makes of `target`; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: Object, operations: Any) -> Object:
    """Return what the operations of a JSON patch make of `target`, which is not changed.

    Raises:
        Problem: 400 for what is no list of operations, 422 for an operation that cannot be carried out.
    """
    _check_form(operations)
    patched: Any = copy.deepcopy(target)
    for operation in operations or ():
        try:
            patched = _carried_out({"value": None, **operation}, patched)
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
            raise _cannot_be_carried_out() from error
    if not isinstance(patched, dict):
        raise _cannot_be_carried_out()
    return patched


def check_merge_patch(patch: Any) -> None:
    """Hold a merge patch against its form.

    Raises:
        Problem: 400, it is no object.
    """
    if patch is None:
        raise bad_request("Invalid JSON Patch")
    if not isinstance(patch, dict):
        raise _undecodable(patch, "map[string]interface {}")


def _check_form(operations: Any) -> None:
    if operations is not None and not isinstance(operations, list):
        raise _undecodable(operations, "[]handlers.jsonPatchOp")
    if (count := len(operations or ())) > _MOST_OPERATIONS:
        told = f"The allowed maximum operations in a JSON patch is {_MOST_OPERATIONS}, got {count}"
        raise Problem(413, "RequestEntityTooLarge", f"Request entity too large: {told}")
    for operation in operations or ():
        if not isinstance(operation, dict):
            raise _undecodable(operation, "handlers.jsonPatchOp")
        for key in ("op", "path", "from"):
            if not isinstance(value := operation.get(key) or "", str):
                raise _undecodable(value, "string", f"struct field jsonPatchOp.{key}")


def _carried_out(operation: Object, document: Any) -> Any:
    name, path = operation.get("op"), operation.get("path")
    if name == "add" and path == "":
        raise jsonpatch.JsonPatchConflict("nothing is added to the whole")
    if name in ("replace", "test") and isinstance(path, str):
        around, key = jsonpatch.JsonPointer(path).to_last(document)
        if isinstance(around, dict) and key is not None and key not in around:
            if name == "replace":
                operation = {**operation, "op": "add"}
            elif operation["value"] is None:
                return document
    return jsonpatch.JsonPatch([operation]).apply(document, in_place=True)


def _cannot_be_carried_out() -> Problem:
    """Return the refusal of a JSON patch: the API server says no more, whichever operation it is."""
    return Problem(422, "Invalid", "the server rejected our request due to an error in our request", {})


def _undecodable(value: Any, wanted: str, into: str = "value") -> Problem:
    names = {dict: "object", list: "array", str: "string", bool: "bool"}
    got = names.get(type(value), "number")
    return bad_request(f"error decoding patch: json: cannot unmarshal {got} into Go {into} of type {wanted}")
