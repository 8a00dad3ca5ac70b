"""How does a namespace end? Its pods go first, then all else; when nothing is left it is finalized.

After kube-controller-manager's namespaced_resources_deleter.go; its pause of five seconds before it begins is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.notation.moments import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object

PODS_FIRST = kinds.PODS
THEN = tuple(kind for kind in kinds.KINDS if kind.namespaced and kind != kinds.PODS)

_FINE = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
)


@dataclass(frozen=True, slots=True)
class Left:
    """What of one kind is still there, and how many of them each finalizer holds."""

    kind: Kind
    count: int
    finalizers: Mapping[str, int]


def is_ending(namespace: Object) -> bool:
    """Tell whether a namespace was deleted and waits for its content to go."""
    return "deletionTimestamp" in namespace["metadata"] and bool(namespace["spec"].get("finalizers"))


def left_of(kind: Kind, objects: list[Object]) -> Left:
    """Count what is left of a kind."""
    finalizers: dict[str, int] = {}
    for each in objects:
        for name in each["metadata"].get("finalizers") or ():
            finalizers[name] = finalizers.get(name, 0) + 1
    return Left(kind, len(objects), finalizers)


def status_of(namespace: Object, left: list[Left], now: float) -> Object:
    """Return the status that tells how far a namespace's end has come."""
    trouble = {}
    if remaining := sorted(
        f"{each.kind.plural}.{each.kind.group} has {each.count} resource instances" for each in left if each.count
    ):
        message = f"Some resources are remaining: {', '.join(remaining)}"
        trouble["NamespaceContentRemaining"] = ("SomeResourcesRemain", message)
    held: dict[str, int] = {}
    for each in left:
        for name, count in each.finalizers.items():
            held[name] = held.get(name, 0) + count
    if held:
        told = ", ".join(sorted(f"{name} in {count} resource instances" for name, count in held.items()))
        message = f"Some content in the namespace has finalizers remaining: {told}"
        trouble["NamespaceFinalizersRemaining"] = ("SomeFinalizersRemain", message)
    old = {each.get("type"): each for each in namespace["status"].get("conditions") or ()}
    conditions = []
    for kind, reason, message in _FINE:
        status = "True" if kind in trouble else "False"
        reason, message = trouble.get(kind, (reason, message))  # noqa: PLW2901
        was = old.get(kind)
        since = was["lastTransitionTime"] if was and was["status"] == status else written(now)
        conditions.append(
            {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}
        )
    return {**namespace["status"], "conditions": conditions}
