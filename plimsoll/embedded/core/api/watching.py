"""What does a watcher see of a change? The objects that it selected come, change and go, whatever else they are.

After apiserver's storage/cacher: an object that a change brings into the selection is ADDED, one that it takes out is
DELETED, with its state before the change and the version of the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.notation.numbers import bad_natural
from plimsoll.embedded.core.notation.selectors import FieldSelector, LabelSelector
from plimsoll.embedded.core.problem import Problem, bad_request, not_implemented

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.embedded.core.api.store import Change, Stored
    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object

_FIELDS: dict[Kind, tuple[str, ...]] = {
    kinds.PODS: (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
        "status.podIP", "status.nominatedNodeName",
    ),
    kinds.EVENTS: (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "type",
    ),
    kinds.NAMESPACES: ("status.phase",),
}  # fmt: skip
_NOT_DONE: dict[Kind, tuple[str, ...]] = {
    kinds.EVENTS: ("source",),
    kinds.NODES: ("spec.unschedulable",),
    kinds.PODS: ("spec.hostNetwork",),
    kinds.REPLICA_SETS: ("status.replicas",),
    kinds.SERVICES: ("spec.clusterIP", "spec.type"),
}


_ALL_TOLD = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind a list or a watch is about."""

    namespace: str
    labels: LabelSelector
    fields: FieldSelector

    @classmethod
    def asked(cls, kind: Kind, namespace: str, query: Mapping[str, str]) -> Selection:
        """Return what a query selects.

        Raises:
            Problem: 400, a selector is malformed or speaks of a field that cannot be selected by.
        """
        text = query.get("fieldSelector", "")
        labels = LabelSelector.parse(query.get("labelSelector", ""))
        undone = _NOT_DONE.get(kind, ())
        own = ("metadata.name", *(("metadata.namespace",) if kind.namespaced else ()))
        fields = FieldSelector.parse(text, (*own, *_FIELDS.get(kind, ()), *undone))
        for way, _, _ in fields.terms:
            if ".".join(way) in undone:
                raise not_implemented(f"it selects {kind.plural} by no {'.'.join(way)}")
        return cls(namespace, labels, fields)

    def holds(self, content: Object) -> bool:
        """Tell whether an object is selected."""
        meta = content["metadata"]
        return (
            (not self.namespace or meta.get("namespace") == self.namespace)
            and self.labels.matches(meta.get("labels"))
            and self.fields.matches(content)
        )


@dataclass(frozen=True, slots=True)
class Watching:
    """An open watch: of what, from which version on, and for how many seconds.

    `first` are the objects that it begins with, as if they were just added; None where it begins with the changes
    after `after`.
    """

    kind: Kind
    selection: Selection
    after: int
    first: tuple[Stored, ...] | None
    bookmarks: bool
    timeout_s: float | None

    def start(self) -> bytes:
        """Return what the watch begins with: the objects that are there, and a bookmark that these are all."""
        told = b"".join(line("ADDED", each.whole) for each in self.first or ())
        if self.bookmarks and self.first is not None:
            told += line("BOOKMARK", msgspec.json.encode(_bookmarked(self.kind, self.after, _ALL_TOLD)))
        return told

    def event(self, change: Change) -> bytes | None:
        """Return the line that tells of a change; None where the watcher is not concerned."""
        was = change.before is not None and self.selection.holds(change.before.content)
        if change.after is not None and self.selection.holds(change.after.content):
            return line("MODIFIED" if was else "ADDED", change.after.whole)
        if not was or change.before is None:
            return None
        if change.last is not None:
            return line("DELETED", change.last.whole)
        return line("DELETED", _at(change.before, change.version))

    def bookmark(self, version: int) -> bytes:
        """Return the line that says how far the watcher has seen everything."""
        return line("BOOKMARK", msgspec.json.encode(_bookmarked(self.kind, version, {})))


def line(event: str, whole: bytes) -> bytes:
    """Return one event of a watch."""
    return b'{"type":"' + event.encode() + b'","object":' + whole + b"}\n"


def version_of_list(query: Mapping[str, str]) -> int | None:
    """Return the resourceVersion that a list shall have reached; None where it is not given.

    Raises:
        Problem: 400, it is no version.
    """
    try:
        return version_of_one(query)
    except Problem as problem:
        raise bad_request(f"invalid resource version: {problem.message}") from None


def version_of_one(query: Mapping[str, str]) -> int | None:
    """Return the resourceVersion that one object shall have reached, or that a watch begins after.

    Raises:
        Problem: 500, it is no version.
    """
    text = query.get("resourceVersion", "")
    if not text:
        return None
    if why := bad_natural(text):
        raise Problem(500, "", f'resourceVersion: Invalid value: "{text}": {why}')
    return int(text)


def _at(before: Stored, version: int) -> bytes:
    content = before.content
    moved = {**content, "metadata": {**content["metadata"], "resourceVersion": str(version)}}
    return msgspec.json.encode({"kind": before.kind.name, "apiVersion": before.kind.api_version, **moved})


def _bookmarked(kind: Kind, version: int, annotations: Mapping[str, str]) -> Object:
    meta = {"resourceVersion": str(version), **({"annotations": annotations} if annotations else {})}
    return {"kind": kind.name, "apiVersion": kind.api_version, "metadata": meta}
