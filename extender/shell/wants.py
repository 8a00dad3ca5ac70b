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
from kube.gpus import MARKER, VENDOR_GPU, Asking, by_kubelet, gpu_request
from kube.objects import Affinity, BarePodSpec, Container, Resources
from kube.quantities import count
from kube.resources import SIDECAR, Asked, requests_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kube.gpus import GpuRequest, Malformed

_OF_GPUS = "nvidia.com/"
_REMEMBERED = 1024  # workloads, most of them of a kilobyte
_LARGE = 16_384  # bytes: of what anybody may write, no more is kept a workload

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(
    tuple[
        tuple[str | None, str | None, str | None, str | None, str | None, str | None],
        tuple[
            list[Container],
            list[Container] | None,
            dict[str, str] | None,
            Affinity | None,
            dict[str, str] | None,
            Resources | None,
        ],
    ]
).decode


@dataclass(frozen=True, slots=True)
class Wants:
    """The `request` for GPUs, what is `taken` of the node, and the models that it accepts; as `SeenPod` has them.

    `ours`: it asks for GPUs through us; `of_gpus`: it asks for GPUs of NVIDIA through any other. Anybody can write an
    annotation: it speaks of GPUs only on a pod that asks for them. `containers`, `sharing` and `by_kubelet` only of a
    pod that is ours.
    """

    request: GpuRequest | Malformed | None
    taken: Asked
    models: tuple[str, ...]
    ours: bool
    of_gpus: bool
    containers: tuple[UsingContainer, ...]
    sharing: str
    by_kubelet: bool


def wants_of(spec: BarePodSpec, asks: Asking) -> Wants:
    """Return what a pod wants."""
    # The fields of both types, in their order, and none of those that a type made of them has besides.
    asking = (asks.fraction, asks.memory, asks.num_devices, asks.container, asks.gpus, asks.enforcement)
    taking = (spec.containers, spec.init_containers, spec.node_selector, spec.affinity, spec.overhead, spec.resources)
    text = _encode((asking, taking))
    return _remembered(text) if len(text) <= _LARGE else _read(text)


def _read(text: bytes) -> Wants:
    texts, fields = _decode(text)
    asking, spec = Asking(*texts), BarePodSpec(*fields)
    every = (*spec.containers, *(spec.init_containers or ()))
    names = _resources(every)
    ours = MARKER in names
    return Wants(
        request=gpu_request(asking, names, tuple(one.name for one in every)),
        taken=requests_of(spec),
        models=accepted(spec, PRODUCT),
        ours=ours,
        of_gpus=any(name.startswith(_OF_GPUS) for name in names),
        containers=_using(spec) if ours else (),
        sharing=asking.container or "" if ours and asking.gpus is None else "",
        by_kubelet=ours and by_kubelet(asking),
    )


_remembered = lru_cache(_REMEMBERED)(_read)


def _using(spec: BarePodSpec) -> tuple[UsingContainer, ...]:
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
