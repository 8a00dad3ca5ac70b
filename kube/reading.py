"""What of a list or a watch can be read? One object that breaks its type is passed over and told.

One odd object, of a version or by a webhook that nobody foresaw, must not hide all others.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from kube.client import NO_ANSWER, ApiError
from kube.objects import Bare, ListMeta, Object, ObjectList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)

_MOST_TOLD = 1000

# It breaks its type, is no UTF-8, or nests deeper than any object does that the API server takes.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _RawList(Object):
    """A list whose objects are still undecoded."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class Reading:
    """Decodes the objects of one type at `path`; each that it passes over is told once, by its name."""

    def __init__(self, kind: type[Any], path: str) -> None:
        self._path = path
        self._page = msgspec.json.Decoder(ObjectList[kind])  # type: ignore[valid-type]
        self._object = msgspec.json.Decoder(kind)
        self._told: set[tuple[str, str]] = set()

    def page(self, text: bytes) -> ObjectList[Any]:
        """Return a page of a list, without the objects that cannot be read.

        Raises:
            ApiError: it is no list.
        """
        try:
            return self._page.decode(text)
        except _UNREADABLE:
            raw = decoded(_RawList, text)
        read = (self.object(each) for each in raw.items or ())
        return ObjectList(raw.metadata, [each for each in read if each is not None])

    def object(self, raw: msgspec.Raw) -> Any | None:
        """Return an object, None where it cannot be read."""
        try:
            return self._object.decode(raw)
        except _UNREADABLE as error:
            self._tell(raw, str(error))
            return None

    def seen(self, objects: Sequence[Any], read: Callable[[Any], Any]) -> list[Any]:
        """Return what `read` makes of objects, without those that it cannot read: it may be what decodes a part."""
        try:
            return list(map(read, objects))
        except _UNREADABLE:
            found: list[Any] = []
        for each in objects:
            try:
                found.append(read(each))
            except _UNREADABLE as error:
                self._tell_of(_name(each), str(error))
        return found

    def _tell(self, raw: msgspec.Raw, error: str) -> None:
        try:
            name = _name(msgspec.json.decode(raw, type=Bare))
        except _UNREADABLE:
            name = "(without a name that can be read)"
        self._tell_of(name, error)

    def _tell_of(self, name: str, error: str) -> None:
        if (name, error) in self._told or len(self._told) >= _MOST_TOLD:
            return
        self._told.add((name, error))
        extra = {"path": self._path, "object": name, "error": error, "count": len(self._told)}
        _log.error("an object cannot be read: it is passed over, and all others are read", extra=extra)


def _name(found: Bare) -> str:
    metadata = found.metadata
    return f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name


def decoded(kind: type[Any], text: bytes | msgspec.Raw) -> Any:
    """Return what an answer of the API server says.

    Raises:
        ApiError: it is none of that type.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except _UNREADABLE as error:
        raise ApiError(NO_ANSWER, "Undecodable", f"the API server sent what we cannot read: {error}") from error
