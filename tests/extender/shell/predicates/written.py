"""Pods and other objects as the API server writes them."""

from __future__ import annotations

from typing import Any

import msgspec

from kube.constraints import ConstrainedPod, constrained_pod

NAMESPACE = "team"


def pod(spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **meta: Any) -> ConstrainedPod:
    """Return a pod of NAMESPACE, decoded."""
    metadata = {"name": "p", "namespace": NAMESPACE} | meta
    said = {"containers": [{"name": "main"}]} | (spec or {})
    return constrained_pod(msgspec.json.encode({"metadata": metadata, "spec": said, "status": status or {}}))
