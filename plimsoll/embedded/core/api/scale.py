"""What does the scale subresource of a Deployment or a ReplicaSet show, and what may be said to it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.api import bodies
from plimsoll.embedded.core.api.patches import json_patch, merge_patch
from plimsoll.embedded.core.notation.selectors import LabelSelector

if TYPE_CHECKING:
    from plimsoll.embedded.core.api.exchange import Request
    from plimsoll.embedded.core.problem import Object

_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(owner: Object) -> Object:
    """Return the autoscaling/v1 Scale of what has replicas."""
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: owner["metadata"][key] for key in _KEPT if key in owner["metadata"]},
        "spec": {"replicas": owner["spec"]["replicas"]} if owner["spec"]["replicas"] else {},
        "status": {
            "replicas": owner.get("status", {}).get("replicas", 0),
            "selector": str(LabelSelector.of(owner["spec"].get("selector"))),
        },
    }


def patched(now: Object, request: Request) -> Object:
    """Return the Scale that a PATCH makes of the one that stands there now.

    Raises:
        Problem: 400, 415, 422 or 501 as for any other body.
    """
    patch = bodies.patch(request)
    is_list = request.content_type == bodies.JSON_PATCH
    sent = json_patch(now, patch) if is_list else merge_patch(now, patch)
    return bodies.checked_patch("Scale", sent, lambda: bodies.checked_post("Scale", ("autoscaling/v1",), sent))
