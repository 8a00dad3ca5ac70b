"""What of a list or a watch can be read? One object that breaks its type is passed over and told.

So is one that decodes and of which its reader cannot make what it wants: parts of it may be decoded then only.

One odd object, of a version or by a webhook that nobody foresaw, must not hide all others.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from kube import nesting
from kube.client import NO_ANSWER, ApiError
from kube.objects import Bare, ListMeta, Object, ObjectList

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

_MOST_TOLD = 1000

_bare = msgspec.json.Decoder(Bare)


class _RawList(Object):
    """A list whose objects are still undecoded."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class Sight(NamedTuple):
    """What was `made` of an object at `version`."""

    made: Any
    version: str


def as_it_is(found: Any) -> Any:
    """Make nothing else of an object."""
    return found


class Reading:
    """Decodes the objects of one type at `path`; each that it passes over is told once, by its name.

    `read`: what is made of each.
    """

    def __init__(self, kind: type[Any], path: str, read: Callable[[Any], Any] = as_it_is) -> None:
        self._path = path
        self._read = read
        self._page = msgspec.json.Decoder(ObjectList[kind])  # type: ignore[valid-type]
        self._object = msgspec.json.Decoder(kind)
        self._told: set[tuple[str, str]] = set()

    def page(self, text: bytes) -> ObjectList[Any]:
        """Return a page of a list, with what is made of its objects, without those that cannot be read.

        Raises:
            ApiError: it is no list.
        """
        try:
            page = nesting.decoded(self._page.decode, text)
            return ObjectList(page.metadata, list(map(self._read, page.items or ())))
        except nesting.UNREADABLE:
            raw = decoded(_RawList, text)
        seen = (self.object(each) for each in raw.items or ())
        return ObjectList(raw.metadata, [each.made for each in seen if each is not None])

    def object(self, raw: msgspec.Raw) -> Sight | None:
        """Return what is made of an object, None where it cannot be read."""
        try:
            found = nesting.decoded(self._object.decode, raw)
            return Sight(self._read(found), found.metadata.resource_version)
        except nesting.UNREADABLE as error:
            self._tell(raw, str(error))
            return None

    def _tell(self, raw: msgspec.Raw, error: str) -> None:
        try:
            found = nesting.decoded(_bare.decode, raw).metadata
            name = f"{found.namespace}/{found.name}" if found.namespace else found.name
        except nesting.UNREADABLE:
            name = "(without a name that can be read)"
        if (name, error) in self._told or len(self._told) >= _MOST_TOLD:
            return
        self._told.add((name, error))
        extra = {"path": self._path, "object": name, "error": error, "count": len(self._told)}
        _log.error("an object cannot be read: it is passed over, and all others are read", extra=extra)


def decoded(kind: type[Any], text: bytes | msgspec.Raw) -> Any:
    """Return what an answer of the API server says.

    Raises:
        ApiError: it is none of that type.
    """
    try:
        return nesting.decoded(partial(msgspec.json.decode, type=kind), text)
    except nesting.UNREADABLE as error:
        raise ApiError(NO_ANSWER, "Undecodable", f"the API server sent what we cannot read: {error}") from error
