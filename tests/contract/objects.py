"""What do the contract tests create? The few objects that every module needs, as a user writes them."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

NOBODY = "nobody"
"""The name of a scheduler that does not run: its pods stay unbound."""


def pod(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    """Return a pod of one container, labelled with its own name."""
    return {
        "metadata": {"name": name, "annotations": annotations or {}, "labels": {"app": name}},
        "spec": {
            "containers": [{"name": "main", "image": "x"}],
            "terminationGracePeriodSeconds": 1,
            **spec,
        },
    }


def deployment(name: str, replicas: int, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    """Return a Deployment whose pods have these annotations and the label app=NAME."""
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations or {}},
                "spec": {"containers": [{"name": "main", "image": "x"}], "terminationGracePeriodSeconds": 1},
            },
            **spec,
        },
    }
