"""What shape does an object of Kubernetes have, and how does the API server hold what a client sends?

The shapes come from the models of the `kubernetes` client, made complete by `go_types`. The laws of `read`, which are
those of Go's JSON:
- A field that the kind does not have is dropped; so is a null, and so are the zero values of what is optional.
- An empty struct stays where it was sent: `emptyDir: {}` says something.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal

from kubernetes.aio import client

from plimsoll.embedded.core.notation import go_types
from plimsoll.embedded.core.notation.go_times import unread
from plimsoll.embedded.core.notation.quantities import canonical
from plimsoll.embedded.core.problem import bad_request

if TYPE_CHECKING:
    from collections.abc import Callable

Form = Literal["struct", "map", "list", "leaf"]

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_LAYOUTS = {"time": "2006-01-02T15:04:05Z07:00", "microtime": "2006-01-02T15:04:05.000000Z07:00"}
_WANTED = {"time": "string", "microtime": "string", "int-or-string": "int32", "bytes": "[]uint8"}
_NOT_A_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_BOUNDS = {"int32": 2**31, "int64": 2**63}


@dataclass(frozen=True, eq=False)
class Shape:
    """What one field is.

    `form` is a struct of named fields, a map of `item`, a list of `item`, or a leaf. `name` is the type's in sentences:
    a struct's model without its version ("Container"), a leaf's Go type, or time, microtime, quantity, int-or-string,
    bytes, anything. An `atomic` struct, map or list has one owner as a whole. The items of a list that is not atomic
    are known by `keys`, or, where there are none, by their values.
    """

    form: Form
    name: str
    model: str = ""
    item: Shape | None = None
    keys: tuple[str, ...] = ()
    atomic: bool = False

    @cached_property
    def fields(self) -> dict[str, Shape]:
        """The fields of a struct."""
        model = getattr(client, self.model)
        later = go_types.LATER.get(self.model, "").split()
        return {
            name: _field(self.model, name, model.openapi_types[attribute])
            for attribute, name in model.attribute_map.items()
            if name not in later
        }

    @cached_property
    def always(self) -> frozenset[str]:
        """The fields of a struct that are there even where nothing was said."""
        return frozenset(go_types.ALWAYS.get(self.model, "").split())

    @cached_property
    def kept(self) -> frozenset[str]:
        """The fields of a struct whose zero is not dropped."""
        return self.always | frozenset(go_types.TOLD_APART.get(self.model, "").split())

    @property
    def version(self) -> str:
        """The version of a struct's kind, as its model's name tells it."""
        return "v2" if self.model.startswith("V2") else "v1"

    @property
    def go_type(self) -> str:
        """The type as Go's decoder writes it in its sentences."""
        if self.form == "leaf":
            return _WANTED.get(self.name, self.name)
        if self.form == "struct":
            return f"{self.version}.{self.name}"
        item = self.item.go_type if self.item else ""
        return f"map[string]{item}" if self.form == "map" else f"[]{item}"


@cache
def shape(model: str) -> Shape:
    """Return the shape that a model of the `kubernetes` client describes: "V1Pod"."""
    return Shape("struct", re.sub(r"^(Core)?V\d", "", model), model, atomic=model in go_types.ATOMIC)


def read(shape: Shape, value: Any, path: str) -> Any:
    """Return `value` as the API server holds it; `path` is where it stands, "" for a whole object.

    Raises:
        Problem: 400, a field has a value of another type.
    """
    try:
        return decoded(shape, value)
    except Unreadable as unreadable:
        begins = f'{shape.name} in version "{shape.version}" cannot be handled as a {shape.name}: '
        raise bad_request(begins + unreadable.sentence(shape.name, path)) from None


# --- shapes ---


def _field(model: str, name: str, declared: str) -> Shape:
    place = f"{model}.{name}"
    if found := re.fullmatch(r"List\[(.+)\]", declared):
        item = _field(model, name, found[1])
        keys = go_types.KEYS.get(place, ())
        return Shape("list", name, item=item, keys=keys, atomic=not keys and place not in go_types.SETS)
    if found := re.fullmatch(r"Dict\[str, (.+)\]", declared):
        return Shape("map", name, item=_field(model, name, found[1]), atomic=place in go_types.ATOMIC)
    if hasattr(client, declared):
        return shape(declared)
    return _leaf(_leaf_name(name, declared))


def _leaf_name(name: str, declared: str) -> str:
    match declared:
        case "str":
            return "quantity" if name in go_types.QUANTITIES else "string"
        case "int":
            return "int64" if name in go_types.LONG else "int32"
        case "datetime":
            return "microtime" if name in go_types.MICROSECONDS else "time"
        case "object":
            return "anything" if name == "fieldsV1" else "int-or-string"
        case _:
            return declared


@cache
def _leaf(name: str) -> Shape:
    return Shape("leaf", name)


# --- reading ---


class Unreadable(Exception):  # noqa: N818  a refusal on its way to become a Problem
    """A value that cannot be read; `path` grows from the value outwards, `struct` is the innermost around it."""

    def __init__(self, wanted: str, got: str, whole: str = "") -> None:
        super().__init__(whole)
        self.path: list[str] = []
        self.struct = ""
        self._wanted, self._got, self._whole = wanted, got, whole

    def sentence(self, outermost: str, before: str = "") -> str:
        """Say what is wrong, as Go's decoder does; `outermost` is the struct that all stands in, at `before`."""
        if self._whole:
            return self._whole
        where = ".".join([*([before] if before else []), *reversed(self.path)])
        field = f"Go struct field {self.struct or outermost}.{where}" if where else "Go value"
        return f"json: cannot unmarshal {self._got} into {field} of type {self._wanted}"


def decoded(shape: Shape, value: Any) -> Any:
    """Return `value` as `read` does.

    Raises:
        Unreadable: a field has a value of another type.
    """
    if shape.form == "leaf":
        reader = _READERS.get(shape.name)
        return reader(value, shape) if reader else value
    if shape.form == "struct":
        return _struct(shape, value)
    item = shape.item
    assert item is not None, "a map or a list has items"  # noqa: S101
    if shape.form == "list":
        if not isinstance(value, list):
            raise _misfit(shape, value)
        return [_zero(item) if each is None else decoded(item, each) for each in value]
    if not isinstance(value, dict):
        raise _misfit(shape, value)
    return {key: _zero(item) if each is None else decoded(item, each) for key, each in value.items()}


def _struct(shape: Shape, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _misfit(shape, value)
    held = {}
    for key, sent in value.items():
        field = shape.fields.get(key)
        if field is None or sent is None:
            continue
        try:
            inner = decoded(field, sent)
        except Unreadable as unreadable:
            unreadable.path.append(key)
            unreadable.struct = unreadable.struct or shape.name
            raise
        if inner or field.form == "struct" or key in shape.kept or field.name == "int-or-string":
            held[key] = inner
    return held


def _zero(shape: Shape) -> Any:
    """What Go makes of a null among the items of a list or a map."""
    if shape.form == "leaf":
        return {"string": "", "bool": False, "int32": 0, "int64": 0, "quantity": "0", "bytes": ""}.get(shape.name)
    return [] if shape.form == "list" else {}


def _string(value: Any, shape: Shape) -> str:
    if not isinstance(value, str):
        raise _misfit(shape, value)
    return value


def _bool(value: Any, shape: Shape) -> bool:
    if not isinstance(value, bool):
        raise _misfit(shape, value)
    return value


def _integer(value: Any, shape: Shape) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _misfit(shape, value)
    bound = _BOUNDS[shape.name]
    if not -bound <= value < bound:
        raise _misfit(shape, value, exactly=True)
    return value


def _number(value: Any, shape: Shape) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _misfit(shape, value)
    return value


def _integer_or_string(value: Any, _: Shape) -> int | str:
    return value if isinstance(value, str) else _integer(value, _leaf("int32"))


def _quantity(value: Any, _: Shape) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    try:
        return canonical(value)
    except (TypeError, ValueError):
        raise Unreadable("", "", _NOT_A_QUANTITY) from None


def _bytes(value: Any, shape: Shape) -> str:
    try:
        base64.b64decode(_string(value, shape), validate=True)
    except ValueError:  # a letter that is no base64, or no ASCII
        raise Unreadable("", "", "illegal base64 data") from None
    return str(value)


def _time(value: Any, shape: Shape) -> str:
    text = _string(value, shape)
    found = _TIME.fullmatch(text)
    micro = shape.name == "microtime"
    fraction = (found[2] or "") if found else ""
    try:
        moment = datetime.fromisoformat(found[1] + found[3]) if found else None
    except ValueError:
        moment = None
    if found is None or moment is None or (micro and len(fraction) != 7):
        end = unread(text, micro=micro)
        # Whatever is wrong with the numbers themselves, Go does not repeat the layout.
        layout = f' as "{_LAYOUTS[shape.name]}"' if "cannot parse" in end else ""
        raise Unreadable("", "", f'parsing time "{text}"{layout}{end}')
    if found[3] == "Z" and (micro or not fraction):
        return text
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") + (fraction if micro else "") + "Z"


_READERS: dict[str, Callable[[Any, Shape], Any]] = {
    "string": _string,
    "bool": _bool,
    "int32": _integer,
    "int64": _integer,
    "float": _number,
    "int-or-string": _integer_or_string,
    "quantity": _quantity,
    "bytes": _bytes,
    "time": _time,
    "microtime": _time,
}


def _misfit(shape: Shape, value: Any, *, exactly: bool = False) -> Unreadable:
    match value:
        case bool():
            got = "bool"
        case int() | float():
            told = exactly or isinstance(value, float)
            got = f"number {value}" if told and shape.name in ("int32", "int64") else "number"
        case str():
            got = "string"
        case list():
            got = "array"
        case None:
            got = "null"
        case _:
            got = "object"
    return Unreadable(shape.go_type, got)
