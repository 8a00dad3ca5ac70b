"""What does the scale subresource of a Deployment or a ReplicaSet show, and what may be said to it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.api import bodies
from plimsoll.embedded.core.api.patches import json_patch, merge_patch
from plimsoll.embedded.core.notation.schema import read, shape
from plimsoll.embedded.core.notation.selectors import LabelSelector
from plimsoll.embedded.core.problem import Object, bad_request

if TYPE_CHECKING:
    from plimsoll.embedded.core.api.exchange import Request

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


def scaled(now: Object, request: Request) -> Object:
    """Return the Scale that a PUT or PATCH asks for; `now` is what stands there.

    Raises:
        Problem: 400, 415, 422 or 501 as for any other body.
    """
    if request.method == "PUT":
        sent = bodies.json_of(request)
    elif request.content_type == bodies.JSON_PATCH:
        sent = json_patch(now, bodies.patch(request))
    else:
        sent = merge_patch(now, bodies.patch(request))
    if not isinstance(sent, dict):
        raise bad_request("the body must be a Scale")
    if (kind := sent.get("kind", "Scale")) != "Scale":
        version = sent.get("apiVersion", "").rpartition("/")[2]
        raise bad_request(
            f'{kind} in version "{version}" cannot be handled as a Scale: converting ({version}.{kind}) to '
            "(autoscaling.Scale): unknown conversion"
        )
    asked: Object = read(shape("V1Scale"), sent, "")
    return {"spec": {}, "metadata": {}, **asked}
