"""Which cluster, and which questions of kube-scheduler, do both servers of the benchmark of serving get?"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SEED = 20260101
NODES, DEVICES, CPU = 5000, 8, 128_000
_PODS = 64  # that kube-scheduler tries, again and again: each try replaces the reservation of the one before
_ORDERS = 50
_SHARES = ("0.1", "0.2", "0.25", "0.3", "0.5", "0.75")
_TOO_MUCH = "0.95"  # every device holds a tenth at least


@dataclass(frozen=True, slots=True)
class Filled:
    """A node: free milli-CPU, and the free milli-GPU of each device."""

    name: str
    cpu: int
    free: tuple[int, ...]


def cluster() -> tuple[Filled, ...]:
    """Return nodes that are partly filled."""
    draw = random.Random(_SEED)  # noqa: S311  not a secret
    return tuple(
        Filled(
            f"gpu-node-{number:04}",
            draw.randrange(CPU // 20, CPU, 500),
            tuple(draw.choice((0, 0, 50, 100, 250, 400, 500, 600, 750, 900)) for _ in range(DEVICES)),
        )
        for number in range(NODES)
    )


def write(nodes: tuple[Filled, ...], path: Path) -> None:
    """Write the cluster as the Go program reads it."""
    path.write_text(json.dumps({"nodes": [{"name": n.name, "cpu": n.cpu, "free": n.free} for n in nodes]}))


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked about `names` nodes: `fits`: whether the pods fit; `same`: whether names come in one order."""

    names: int
    fits: bool = True
    same: bool = False

    def bodies(self) -> Iterator[bytes]:
        """Yield the bodies of requests, without end; the same ones each time this is called."""
        draw = random.Random(_SEED + self.names)  # noqa: S311  as above
        names = draw.sample([f"gpu-node-{number:04}" for number in range(NODES)], self.names)
        orders = [json.dumps(draw.sample(names, self.names), separators=(",", ":")).encode() for _ in range(_ORDERS)]
        pods = [
            json.dumps(a_pod(number, _SHARES[number % len(_SHARES)] if self.fits else _TOO_MUCH), separators=(",", ":"))
            for number in range(_PODS)
        ]
        before = [f'{{"Pod":{pod},"Nodes":null,"NodeNames":'.encode() for pod in pods]
        for pod, order in zip(cycle(before), cycle(orders[:1] if self.same else orders), strict=False):
            yield b"%b%b}" % (pod, order)


def a_pod(number: int, share: str) -> dict[str, Any]:
    """Return a pod of 4 KB, as kube-scheduler has it: a model server of a Deployment."""
    name = f"llama-8b-instruct-6c9f7d5b8-{number:05}"
    labels = {"app": "llama-8b-instruct", "pod-template-hash": "6c9f7d5b8", "team": "search", "stage": "production"}
    return {
        "metadata": {
            "name": name,
            "namespace": "inference",
            "uid": f"5d0c1f5e-7f5b-4a0e-9f59-{number:012}",
            "resourceVersion": str(1_000_000 + number),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": labels,
            "annotations": {"gpu-fraction": share, "prometheus.io/scrape": "true", "prometheus.io/port": "8000"},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name[:-6], "uid": "u" * 36, "controller": True}
            ],
        },
        "spec": {
            "schedulerName": "plimsoll",
            "serviceAccountName": "inference",
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 120,
            "priority": 125,
            "priorityClassName": "plimsoll-inference",
            "containers": [
                {
                    "name": "server",
                    "image": "registry.example/inference/vllm-openai:v0.11.0@sha256:" + "a" * 64,
                    "args": [f"--option-{index}=a-value-as-servers-have-them" for index in range(16)],
                    "env": [{"name": f"SETTING_{index}", "value": f"value-{index}" * 3} for index in range(24)],
                    "ports": [{"name": "http", "containerPort": 8000, "protocol": "TCP"}],
                    "resources": {
                        "requests": {"cpu": "4000m", "memory": "16Gi", "plimsoll.dev/gpu": "1"},
                        "limits": {"memory": "32Gi", "plimsoll.dev/gpu": "1"},
                    },
                    "readinessProbe": {"httpGet": {"path": "/health", "port": 8000, "scheme": "HTTP"}},
                    "volumeMounts": [{"name": f"volume-{index}", "mountPath": f"/data/{index}"} for index in range(4)],
                }
            ],
            "volumes": [{"name": f"volume-{index}", "emptyDir": {}} for index in range(4)],
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    }
