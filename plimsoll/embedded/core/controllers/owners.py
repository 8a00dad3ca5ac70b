"""Who owns an object? Its ownerReferences, at most one of which is its controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object


def controller_of(thing: Object) -> Object | None:
    """Return the reference to an object's controller."""
    references = thing["metadata"].get("ownerReferences") or ()
    return next((each for each in references if each.get("controller")), None)


def reference_to(kind: Kind, controller: Object) -> Object:
    """Return the reference that makes an object its controller's."""
    meta = controller["metadata"]
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
