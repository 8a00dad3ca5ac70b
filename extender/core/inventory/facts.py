"""What is known of a node and its GPUs? What the kubelet, HAMi and DRA drivers tell, in the words that we decide in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extender.core.ledger.nodes import ENDLESS
from kube.gpus import NO_MIB, MiB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.taints import Taint

OWNED = ("plimsoll.dev/devices", "owned")
PRODUCT = "nvidia.com/gpu.product"
MEMORY = "nvidia.com/gpu.memory"
COUNT = "nvidia.com/gpu.count"
REPLICAS = "nvidia.com/gpu.replicas"
SHARING = "nvidia.com/gpu.sharing-strategy"
SHARED_GPU = "nvidia.com/gpu.shared"
MIG_RESOURCES = "nvidia.com/mig-"
MIG_STATE = "nvidia.com/mig.config.state"
GKE_SHARING = "cloud.google.com/gke-gpu-sharing-strategy"
GKE_PARTITION = "cloud.google.com/gke-gpu-partition-size"
HAMI_DEVICES = "hami.io/node-nvidia-register"
HAMI_HANDSHAKE = "hami.io/node-handshake"
HAMI_CORDON = "hami.io/device-cordon"
NVFRACTIONS_READY = ("gpu-fractioning.nvidia.com/Ready", "gpu-sharing.nvidia.com/Ready")
"""NvFractions' condition of a node, by its name and by the one that it had before."""


@dataclass(frozen=True, slots=True)
class KnownGpu:
    """One GPU as HAMi or a DRA driver tells of it; `index` and `memory` where they tell it; `closed` as `Device`'s."""

    name: str
    memory: MiB = NO_MIB
    model: str = ""
    index: int | None = None
    closed: str = ""
    split: bool = False
    """Whether it is in MIG mode, or a part of a GPU."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What stands in HAMi's handshake: who wrote it last, and when by their clock (seconds since 1970).

    Most writers leave their zone out: `zoned` is false then, and `at` is right to the hour only. `unchanged_s`: for how
    long we have seen it stand as it is.
    """

    word: str
    at: float | None = None
    zoned: bool = False
    unchanged_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What is known of a node. Resources by name, in ones; `hami`: None where HAMi registered nothing that can be read.

    `hami_problem` says why what it registered cannot be read; `dra` are the GPUs of the node's ResourceSlices.
    `conditions`: the status ("True", "False", "Unknown") of those in `NVFRACTIONS_READY`.
    `taints`: those that may keep a pod away, sorted.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    capacity: Mapping[str, int] = field(default_factory=dict)
    allocatable: Mapping[str, int] = field(default_factory=dict)
    cpu: int = ENDLESS
    memory: int = ENDLESS
    hami: tuple[KnownGpu, ...] | None = None
    hami_problem: str = ""
    handshake: Handshake | None = None
    cordoned: frozenset[str] = frozenset()
    dra: tuple[KnownGpu, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()

    def number(self, label: str) -> int:
        """Return a label's whole number, 0 where it has none."""
        text = self.labels.get(label, "")
        return int(text) if len(text) < 10 and text.isascii() and text.isdigit() else 0
