"""Which fields does one object have, and another not? What do two make together? By the shape that both have.

After the typed package of sigs.k8s.io/structured-merge-diff: structs and maps are walked field by field, lists item by
item where the items are known by keys or values, and what is atomic is one field as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation import go_types
from plimsoll.embedded.core.ownership import fieldsets
from plimsoll.embedded.core.ownership.fieldsets import MEMBER, Fields, node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plimsoll.embedded.core.notation.schema import Shape

_NOTHING: Any = object()
"""In place of a value: there is none."""


def compared(shape: Shape, old: Any, new: Any) -> tuple[Fields, Fields]:
    """Return the fields that a change takes away, and those that it adds or gives another value."""
    removed: Fields = {}
    changed: Fields = {}
    _compare_children(shape, old, new, removed, changed)
    return removed, changed


def mentioned(shape: Shape, value: Any) -> Fields:
    """Return the fields that an object speaks of: its leaves, the keys of its maps and the items of its lists.

    A struct or a map around them is not mentioned by itself, unless it is empty.
    """
    if shape.form == "struct":
        found = {}
        for name, inner in value.items():
            within = shape.fields[name]
            child = _mentioned_node(within, inner, member=inner is None or inner == {})
            if child is not None:
                found[fieldsets.field(name)] = child
        return found
    assert shape.item is not None, "a leaf is no object"  # noqa: S101
    if shape.form == "map":
        return {
            fieldsets.field(name): _mentioned_node(shape.item, inner, member=True) or MEMBER
            for name, inner in value.items()
        }
    return {key: _mentioned_node(shape.item, inner, member=True) or MEMBER for key, inner in items(shape, value)}


def merged(shape: Shape, live: Any, applied: Any) -> Any:
    """Return what `applied` makes of `live`: nothing goes; where both say something, `applied` is right."""
    if shape.form == "leaf" or shape.atomic or not live:
        return applied
    if not applied:
        return live
    if shape.form == "list":
        return _merged_lists(shape, live, applied)
    together = dict(live)
    for name, inner in applied.items():
        within = shape.fields[name] if shape.form == "struct" else shape.item
        assert within is not None, "a map has items"  # noqa: S101
        together[name] = merged(within, live[name], inner) if name in live else inner
    return together


def without(shape: Shape, value: Any, fields: Fields) -> Any:
    """Return an object without these fields; None where nothing is left of it."""
    if shape.form == "leaf" or shape.atomic or not fields or not value:
        return value
    if shape.form == "list":
        left = (_without(shape.item, inner, fields.get(key)) for key, inner in items(shape, value))
        return [each for each in left if each is not None] or None
    kept = {}
    always = shape.always if shape.form == "struct" else ()
    for name, inner in value.items():
        within = shape.fields.get(name) if shape.form == "struct" else shape.item
        rest = _without(within, inner, fields.get(fieldsets.field(name)))
        if rest is not None:
            kept[name] = rest
        elif name in always and isinstance(inner, dict):
            kept[name] = {}
    return kept or None


def _without(shape: Shape | None, value: Any, found: Fields | None) -> Any:
    if found is None or shape is None:
        return value
    return None if fieldsets.is_member(found) else without(shape, value, found)


def with_named_fields(shape: Shape, fields: Fields) -> Fields:
    """Return a set with the structs' fields around its members too: with "a.b" also "a"."""
    full = {}
    for key, child in fields.items():
        if not child:
            full[key] = child
            continue
        within = _within(shape, key)
        inner = with_named_fields(within, child) if within is not None else child
        full[key] = {".": MEMBER, **inner} if shape.form == "struct" else inner
    return full


def items(shape: Shape, value: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return the items of a list that is not atomic, each with the path element by which it is known."""
    if not shape.keys:
        return [(fieldsets.value(each), each) for each in value]
    return [(fieldsets.item(_keys(shape, each)), each) for each in value]


def _keys(shape: Shape, each: Any) -> dict[str, Any]:
    return {key: each[key] if key in each else go_types.KEY_DEFAULTS.get(key, "") for key in shape.keys}


def _within(shape: Shape, key: str) -> Shape | None:
    if shape.form == "struct":
        return shape.fields.get(key[2:])
    return shape.item


# --- comparing ---


def _compare(shape: Shape, old: Any, new: Any) -> tuple[Fields | None, Fields | None]:
    """Return the nodes of what is removed and of what is changed, each None where there is nothing."""
    if old is new or old == new:
        return None, None
    if shape.form == "leaf" or shape.atomic:
        return (MEMBER, None) if new is _NOTHING else (None, MEMBER)
    removed: Fields = {}
    changed: Fields = {}
    _compare_children(shape, old, new, removed, changed)
    return node(removed, member=new is _NOTHING), node(changed, member=old is _NOTHING)


def _compare_children(shape: Shape, old: Any, new: Any, removed: Fields, changed: Fields) -> None:
    always = shape.always if shape.form == "struct" else frozenset[str]()
    both = old is not _NOTHING and new is not _NOTHING
    for key, within, one, other in _pairs(shape, old, new):
        compare = _compare_standing if both and key[2:] in always else _compare
        gone, came = compare(within, one, other)
        if gone is not None:
            removed[key] = gone
        if came is not None:
            changed[key] = came
    if not both:
        # Go writes these into a struct that comes anew, also where nothing was said.
        there, told = (_or_nothing(new), changed) if old is _NOTHING else (_or_nothing(old), removed)
        for name in always:
            if name not in there:
                told[fieldsets.field(name)] = _standing(shape.fields[name])


def _pairs(shape: Shape, old: Any, new: Any) -> Iterator[tuple[str, Shape, Any, Any]]:
    """Yield what stands in either, and differs: its path element, its shape and the two values."""
    if shape.form == "list":
        assert shape.item is not None, "a list has items"  # noqa: S101
        before = dict(items(shape, _or_nothing(old)))
        after = dict(items(shape, _or_nothing(new)))
        for key in before | after:
            yield key, shape.item, before.get(key, _NOTHING), after.get(key, _NOTHING)
        return
    before, after = _or_nothing(old), _or_nothing(new)
    for name in before | after:
        one, other = before.get(name, _NOTHING), after.get(name, _NOTHING)
        within = shape.fields.get(name) if shape.form == "struct" else shape.item
        if one is not other and within is not None:
            yield fieldsets.field(name), within, one, other


def _or_nothing(value: Any) -> Any:
    return {} if value is _NOTHING or value is None else value


def _compare_standing(shape: Shape, old: Any, new: Any) -> tuple[Fields | None, Fields | None]:
    """Compare a field that is always there: it can be empty, but neither come nor go."""
    if shape.form == "leaf" or shape.atomic:
        same = old == new or not (_or_nothing(old) or _or_nothing(new))
        return (None, None) if same else (None, MEMBER)
    empty: Any = [] if shape.form == "list" else {}
    return _compare(shape, empty if old is _NOTHING else old, empty if new is _NOTHING else new)


def _standing(shape: Shape) -> Fields:
    if shape.form != "struct" or shape.atomic:
        return MEMBER
    inner = {fieldsets.field(name): _standing(shape.fields[name]) for name in shape.always}
    return {".": MEMBER, **inner} if inner else MEMBER


def _mentioned_node(shape: Shape, value: Any, *, member: bool) -> Fields | None:
    if shape.form == "leaf" or shape.atomic:
        return MEMBER
    return node(mentioned(shape, value), member=member) if value else node({}, member=member)


# --- merging lists ---


def _merged_lists(shape: Shape, live: list[Any], applied: list[Any]) -> list[Any]:
    """Return the items of both, in the order of `applied`, with those of `live` alone where they stood between."""
    assert shape.item is not None, "a list has items"  # noqa: S101
    left = items(shape, live)
    ours, theirs = dict(left), items(shape, applied)
    wanted = dict(theirs)
    order = [key for key, _ in theirs if key in ours]
    out: list[Any] = []
    done: set[str] = set()

    def take(key: str, inner: Any) -> None:
        out.append(merged(shape.item, ours[key], inner) if shape.item and key in ours else inner)
        done.add(key)

    at = mine = 0
    while mine < len(left) or at < len(theirs):
        if mine < len(left):
            key, inner = left[mine]
            if at < len(theirs) and key == theirs[at][0]:
                take(key, theirs[at][1])
                mine, at, order = mine + 1, at + 1, order[1:]
                continue
            if at < len(theirs) and key in wanted and order and order[0] != key:
                mine += 1
                continue
            if key not in wanted:
                out.append(inner)
                mine += 1
                continue
            if key in done:
                mine += 1
        if at < len(theirs):
            key, inner = theirs[at]
            take(key, inner)
            at += 1
            if order and order[0] == key:
                order = order[1:]
    return out
