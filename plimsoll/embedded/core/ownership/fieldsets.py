"""How does Kubernetes write down a set of fields? As fieldsV1, a tree of path elements; here are its operations.

After fieldpath.Set of sigs.k8s.io/structured-merge-diff. A path element is "f:NAME" for a field, 'k:{"name":"x"}' for
an item of a list that is known by keys, 'v:"x"' for one known by its value. A leaf of the tree, an empty dict, is a
member; a node with children is a member where it has the key "." too. The empty dict as a whole is the empty set. No
function changes its arguments; their parts are shared.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Fields = dict[str, Any]

MEMBER: Fields = {}
"""The node of a member without children; never changed, as any node."""

_SELF = "."


def node(children: Fields, *, member: bool) -> Fields | None:
    """Return the node with these children; None where there is nothing to say."""
    if not children:
        return MEMBER if member else None
    return {_SELF: MEMBER, **children} if member else children


def children_of(found: Fields) -> Fields:
    """Return a node's children."""
    return {key: child for key, child in found.items() if key != _SELF} if _SELF in found else found


def is_member(found: Fields) -> bool:
    """Tell whether a node is a member itself."""
    return not found or _SELF in found


def union(one: Fields, other: Fields) -> Fields:
    """Return what is in either set."""
    if not one or one is other:
        return other
    if not other:
        return one
    merged = dict(one)
    for key, theirs in other.items():
        ours = one.get(key)
        merged[key] = theirs if ours is None else _both(ours, theirs)
    return merged


def _both(one: Fields, other: Fields) -> Fields:
    if one == other:
        return one
    if not one or not other:
        return {_SELF: MEMBER, **one, **other}
    return union(one, other)


def difference(one: Fields, other: Fields) -> Fields:
    """Return what is in the first set and not in the second: a member goes, its children stay."""
    if not one or not other:
        return one
    left = {}
    for key, ours in one.items():
        theirs = other.get(key)
        if theirs is None:
            left[key] = ours
        elif key != _SELF:
            member = is_member(ours) and not is_member(theirs)
            rest = node(difference(children_of(ours), children_of(theirs)), member=member)
            if rest is not None:
                left[key] = rest
    return left


def intersection(one: Fields, other: Fields) -> Fields:
    """Return what is in both sets."""
    shared = {}
    for key, ours in one.items():
        theirs = other.get(key)
        if theirs is None or key == _SELF:
            continue
        member = is_member(ours) and is_member(theirs)
        rest = node(intersection(children_of(ours), children_of(theirs)), member=member)
        if rest is not None:
            shared[key] = rest
    return shared


def without_paths(one: Fields, other: Fields) -> Fields:
    """Return what is in the first set, but for the members of the second and all that is below them."""
    left = {}
    for key, ours in one.items():
        theirs = other.get(key)
        if theirs is None:
            left[key] = ours
        elif theirs and not is_member(theirs):
            rest = node(without_paths(children_of(ours), theirs), member=is_member(ours))
            if rest is not None:
                left[key] = rest
    return left


def paths(found: Fields, before: str = "") -> Iterator[str]:
    """Yield the members as the API server writes them in sentences; those of a level come before what is below."""
    in_order = sorted(found.items())
    for key, child in in_order:
        if key != _SELF and is_member(child):
            yield before + told(key)
    for key, child in in_order:
        if key != _SELF and child:
            yield from paths(child, before + told(key))


@lru_cache(maxsize=4096)
def field(name: str) -> str:
    """Return the path element of a field."""
    return f"f:{name}"


def item(keys: dict[str, Any]) -> str:
    """Return the path element of an item with these keys."""
    in_order = sorted(keys.items())
    if any(isinstance(of, dict | list) for _, of in in_order):
        return "k:" + _json(dict(in_order))  # a key of a wrong type is told of, too
    return _item(tuple(in_order))


@lru_cache(maxsize=4096)
def _item(keys: tuple[tuple[str, Any], ...]) -> str:
    return "k:" + _json(dict(keys))


def value(of: Any) -> str:
    """Return the path element of an item that is known by its value."""
    return "v:" + _json(of)


def _json(of: Any) -> str:
    text = json.dumps(of, separators=(",", ":"), ensure_ascii=False)
    # Go escapes these three for the sake of HTML.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def told(element: str) -> str:
    """Return a path element as the API server writes it in sentences."""
    form, text = element[0], element[2:]
    if form == "f":
        return f".{text}"
    if form == "k":
        return f"[{','.join(f'{name}={_json(of)}' for name, of in json.loads(text).items())}]"
    return f"[={text}]"
