"""Is an applied configuration one that the API server takes? It holds it against the kind, before it does anything.

After the validation of sigs.k8s.io/structured-merge-diff. What is refused here the real one refuses with 500.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.ownership import fieldsets
from plimsoll.embedded.core.ownership.merging import items
from plimsoll.embedded.core.problem import Object, Problem

if TYPE_CHECKING:
    from plimsoll.embedded.core.notation.schema import Shape

_NUMBERS = frozenset({"int32", "int64", "float"})
_ANYTHING = frozenset({"anything", "int-or-string", "quantity"})


def check(shape: Shape, applied: Object, api_version: str) -> None:
    """Hold an applied configuration against its kind.

    Raises:
        Problem: 500, a field is not there, has another type, or an item stands in a list twice.
    """
    try:
        _check(shape, applied, "")
    except _Misfit as misfit:
        raise failed(f"failed to create typed patch object ({told(shape, applied, api_version)}): {misfit}") from None


def told(shape: Shape, applied: Object, api_version: str) -> str:
    """Return what the API server calls an applied configuration."""
    meta = applied.get("metadata")
    namespace, name = (_text(meta, key) for key in ("namespace", "name"))
    return f"{namespace}/{name}; {version_and_kind(shape, api_version)}"


def version_and_kind(shape: Shape, api_version: str) -> str:
    """Return the kind as the API server writes it here: "apps/v1, Kind=Deployment"."""
    return f"{api_version if '/' in api_version else '/' + api_version}, Kind={shape.name}"


def _text(meta: Any, key: str) -> str:
    text = meta.get(key) if isinstance(meta, dict) else None
    return text if isinstance(text, str) else ""


def failed(sentence: str) -> Problem:
    """The API server gives no reason here."""
    return Problem(500, "", sentence)


class _Misfit(Exception):  # noqa: N818  a refusal on its way to become a Problem
    pass


def _check(shape: Shape, value: Any, path: str) -> None:
    if value is None:
        return
    if shape.form == "leaf":
        _check_leaf(shape.name, value, path)
    elif shape.form == "list":
        if not isinstance(value, list):
            raise _Misfit(f"{path}: expected list, got &{{{value}}}")
        for key, each in _known_items(shape, value, path):
            if shape.item is not None:
                _check(shape.item, each, path + key)
    else:
        if not isinstance(value, dict):
            raise _Misfit(f"{path}: expected map, got &{{{value}}}")
        for name, inner in value.items():
            within = shape.fields.get(name) if shape.form == "struct" else shape.item
            if within is None:
                raise _Misfit(f"{path}.{name}: field not declared in schema")
            _check(within, inner, f"{path}.{name}")


def _known_items(shape: Shape, value: list[Any], path: str) -> list[tuple[str, Any]]:
    if shape.atomic:
        return [(f"[{index}]", each) for index, each in enumerate(value)]
    for index, each in enumerate(value):
        if shape.keys and not isinstance(each, dict):
            what = "a null element" if each is None else "non-map elements"
            raise _Misfit(f"{path}: element {index}: associative list with keys may not have {what}")
    known: dict[str, Any] = {}
    for element, each in items(shape, value):
        if element in known:
            raise _Misfit(f"{path}: duplicate entries for key {fieldsets.told(element)}")
        known[element] = each
    return [(fieldsets.told(element), each) for element, each in known.items()]


def _check_leaf(name: str, value: Any, path: str) -> None:
    if name in _ANYTHING:
        fits, wanted = name == "anything" or isinstance(value, (str, int, float)), "any scalar"
    elif name == "bool":
        fits, wanted = isinstance(value, bool), "boolean"
    elif name in _NUMBERS:
        fits, wanted = isinstance(value, (int, float)) and not isinstance(value, bool), "numeric (int or float)"
    else:
        fits, wanted = isinstance(value, str), "string"
    if not fits:
        got = "&value.valueUnstructured{Value:" + json.dumps(value) + "}" if wanted == "string" else f"&{{{value}}}"
        raise _Misfit(f"{path}: expected {wanted}, got {got}")
