"""What does a pod want of a node, by its spec and its annotations? Read once for all pods that are alike.

The replicas of a workload differ in name, node and status, and want the same. What is remembered is found by the very
bytes that it is read from, so that nothing else can have a say in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from extender.core.inventory.facts import PRODUCT
from extender.core.model import Container as UsingContainer
from extender.core.model import Life
from kube.affinity import accepted
from kube.gpus import ASKING, MARKER, VENDOR_GPU, gpu_request
from kube.objects import PodSpec
from kube.quantities import count
from kube.resources import SIDECAR, Asked, requests_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kube.gpus import GpuRequest, Malformed
    from kube.objects import Container

_OF_GPUS = "nvidia.com/"
_REMEMBERED = 1024  # workloads, most of them of a kilobyte
_LARGE = 16_384  # bytes: of what anybody may write, no more is kept a workload

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[dict[str, str], PodSpec])


@dataclass(frozen=True, slots=True)
class Wants:
    """The `request` for GPUs, what is `taken` of the node, and the models that it accepts; as `SeenPod` has them.

    `ours`: it asks for GPUs through us; `of_gpus`: it asks for GPUs of NVIDIA through any other. Anybody can write an
    annotation: it speaks of GPUs only on a pod that asks for them. `containers` only of a pod that is ours.
    """

    request: GpuRequest | Malformed | None
    taken: Asked
    models: tuple[str, ...]
    ours: bool
    of_gpus: bool
    containers: tuple[UsingContainer, ...]


def wants_of(spec: PodSpec, annotations: Mapping[str, str]) -> Wants:
    """Return what a pod wants."""
    asking = {key: annotations[key] for key in ASKING if key in annotations}
    alike = PodSpec(
        containers=spec.containers,
        init_containers=spec.init_containers,
        node_selector=spec.node_selector,
        affinity=spec.affinity,
        overhead=spec.overhead,
        resources=spec.resources,
    )
    text = _encoder.encode((asking, alike))
    return _remembered(text) if len(text) <= _LARGE else _read(text)


def _read(text: bytes) -> Wants:
    asking, spec = _decoder.decode(text)
    containers = (*spec.containers, *(spec.init_containers or ()))
    resources = _resources(containers)
    ours = MARKER in resources
    return Wants(
        request=gpu_request(asking, resources, tuple(one.name for one in containers)),
        taken=requests_of(spec),
        models=accepted(spec, PRODUCT),
        ours=ours,
        of_gpus=any(name.startswith(_OF_GPUS) for name in resources),
        containers=_using(spec) if ours else (),
    )


_remembered = lru_cache(_REMEMBERED)(_read)


def _using(spec: PodSpec) -> tuple[UsingContainer, ...]:
    """Return the containers of a pod of ours, as they use its devices; init containers first."""
    starting = spec.init_containers or []
    lives = [Life.SIDECAR if one.restart_policy == SIDECAR else Life.STARTING for one in starting]
    lives += [Life.RUNNING] * len(spec.containers)
    using: list[UsingContainer] = []
    for one, life in zip((*starting, *spec.containers), lives, strict=True):
        limits = (one.resources.limits if one.resources is not None else None) or {}
        using.append(UsingContainer(one.name, MARKER in limits, count(limits.get(VENDOR_GPU, "0")), life))
    return tuple(using)


def _resources(containers: Iterable[Container]) -> frozenset[str]:
    names: set[str] = set()
    for container in containers:
        if container.resources is not None:
            for quantities in (container.resources.requests or {}, container.resources.limits or {}):
                names.update(name for name, quantity in quantities.items() if count(quantity))
    return frozenset(names)
