"""What do the scheduler's tests speak of? Pods and nodes as the API server shows them, in few words."""

from __future__ import annotations

import itertools
from typing import Any

from plimsoll.embedded.core.scheduling.views import NodeView, PodView

_versions = itertools.count(1)

ROOM = {"cpu": "8", "memory": "32Gi", "pods": "110", "nvidia.com/gpu": "4"}


def pod_view(
    name: str = "pod",
    *,
    requests: dict[str, str] | None = None,
    node: str = "",
    nominated: str = "",
    status: dict[str, Any] | None = None,
    meta: dict[str, Any] | None = None,
    **spec: Any,
) -> PodView:
    """Return a pod of one container, in a version of its own."""
    return PodView.of(
        {
            "metadata": {
                "uid": f"uid-{name}",
                "namespace": "default",
                "name": name,
                "resourceVersion": str(next(_versions)),
                "generation": 1,
                **(meta or {}),
            },
            "spec": {
                "schedulerName": "plimsoll",
                "containers": [{"name": "main", "resources": {"requests": requests or {}}}],
                **({"nodeName": node} if node else {}),
                **spec,
            },
            "status": {"phase": "Pending", **({"nominatedNodeName": nominated} if nominated else {}), **(status or {})},
        }
    )


def node_view(
    name: str = "node", *, room: dict[str, str] | None = None, labels: dict[str, str] | None = None, **spec: Any
) -> NodeView:
    """Return a node with `ROOM`, or with what `room` says instead."""
    return NodeView.of(
        {
            "metadata": {"name": name, "labels": labels or {}},
            "spec": spec,
            "status": {"allocatable": ROOM | (room or {}), "conditions": [{"type": "Ready", "status": "True"}]},
        }
    )
