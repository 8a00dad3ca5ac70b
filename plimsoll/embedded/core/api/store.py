"""What is there, at which version, and what changed since? The objects of every kind and a log of their changes.

The laws:
- Every write takes the next version of one counter, as in etcd; versions grow, and none is used twice.
- A stored object is never changed, only replaced.
- The log of a kind is bounded. Who asks for changes since a version that it has forgotten is told so, never given less.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from plimsoll.embedded.core.problem import Object, expired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.embedded.core.kinds import Kind

_LOG_LENGTH = 4096
FIRST_VERSION = 1000
"""The version of an empty store: a client that asks for older ones, as after a restored backup, is told 410."""


class Stored:
    """One version of an object, without kind and apiVersion, and its JSON as it goes over the wire."""

    def __init__(self, kind: Kind, content: Object) -> None:
        self.kind = kind
        self.content = content

    @property
    def version(self) -> int:
        """Its resourceVersion."""
        return int(self.content["metadata"]["resourceVersion"])

    @cached_property
    def item(self) -> bytes:
        """Its JSON as an item of a list."""
        return msgspec.json.encode(self.content)

    @cached_property
    def whole(self) -> bytes:
        """Its JSON with kind and apiVersion."""
        return f'{{"kind":"{self.kind.name}","apiVersion":"{self.kind.api_version}",'.encode() + self.item[1:]


@dataclass(frozen=True, slots=True)
class Change:
    """One write: None before a creation, None after a deletion; `last` is a deleted object's last state."""

    version: int
    before: Stored | None
    after: Stored | None
    last: Stored | None = None


@dataclass(slots=True)
class _Log:
    """The changes of one kind, oldest first; all of them after version `forgotten`."""

    forgotten: int
    versions: list[int] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def add(self, change: Change) -> None:
        self.versions.append(change.version)
        self.changes.append(change)
        if len(self.changes) > 2 * _LOG_LENGTH:
            self.forget(self.versions[_LOG_LENGTH])

    def forget(self, version: int) -> None:
        cut = bisect_right(self.versions, version)
        del self.versions[:cut], self.changes[:cut]
        self.forgotten = max(self.forgotten, version)


class Store:
    """All objects, by kind, namespace ("" where there is none) and name."""

    def __init__(self) -> None:
        self.version = self._compacted = FIRST_VERSION
        self._objects: dict[Kind, dict[tuple[str, str], Stored]] = {}
        self._logs: dict[Kind, _Log] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Stored | None:
        """Return an object as it is now."""
        return self._objects.get(kind, {}).get((namespace, name))

    def all(self, kind: Kind, namespace: str = "") -> list[Stored]:
        """Return the objects of a kind in the order of their keys; of all namespaces where none is named."""
        there = self._objects.get(kind, {})
        return [there[key] for key in sorted(there) if not namespace or key[0] == namespace]

    def put(self, kind: Kind, content: Object) -> Stored:
        """Write an object's next version."""
        there = self._objects.setdefault(kind, {})
        after = self._stamped(kind, content)
        key = _key(content)
        self._log(kind).add(Change(self.version, there.get(key), after))
        there[key] = after
        return after

    def remove(self, kind: Kind, content: Object) -> Stored:
        """Delete an object that is there; return its last state, at the version of its deletion."""
        before = self._objects[kind].pop(_key(content))
        last = self._stamped(kind, content)
        self._log(kind).add(Change(self.version, before, None, last))
        return last

    def changes(self, kind: Kind, after: int) -> Sequence[Change]:
        """Return what changed after a version.

        Raises:
            Problem: 410, the version is forgotten.
        """
        log = self._log(kind)
        if after < log.forgotten:
            raise expired(f"too old resource version: {after} ({log.forgotten})")
        return log.changes[bisect_right(log.versions, after) :]

    def newest(self, kind: Kind) -> int:
        """Return the version of the last change of a kind."""
        versions = self._log(kind).versions
        return versions[-1] if versions else self._log(kind).forgotten

    def compact(self) -> None:
        """Forget every change so far, as etcd does every five minutes."""
        self._compacted = self.version
        for log in self._logs.values():
            log.forget(self.version)

    def _log(self, kind: Kind) -> _Log:
        return self._logs.setdefault(kind, _Log(self._compacted))

    def _stamped(self, kind: Kind, content: Object) -> Stored:
        self.version += 1
        return Stored(kind, {**content, "metadata": {**content["metadata"], "resourceVersion": str(self.version)}})


def _key(content: Object) -> tuple[str, str]:
    return content["metadata"].get("namespace", ""), content["metadata"]["name"]
