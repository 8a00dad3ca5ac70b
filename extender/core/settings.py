"""What may an operator tune of the extender? One frozen value, replaced as a whole when config-extender changes."""

from __future__ import annotations

from dataclasses import dataclass, field

from extender.core.gang.settings import Settings as Gang
from extender.core.packing.settings import Settings as Packing
from extender.core.preemption.settings import Settings as Preemption
from extender.core.quota.kinds import Kinds


@dataclass(frozen=True, slots=True)
class Settings:
    """config-extender; times in seconds.

    `one_node`: filter answers with the best node alone and reserves its devices; else with every node that fits, and
    bind chooses the devices. `reservation_s`: how long a filter's promise stands without a bind. `quarantine_s`: how
    long devices stay taken whose pod is gone although nobody saw its containers end (deleted by force, or with a lost
    node): the object was deleted, the process may still run. `enforcement_required`: whether no share of a device goes
    to a node on which nothing enforces it. `nvfractions_prefix`: what NvFractions' annotations of a pod begin with.
    `kinds`: which PriorityClasses are of which kind.
    """

    one_node: bool = True
    reservation_s: float = 30.0
    quarantine_s: float = 30.0
    enforcement_required: bool = True
    nvfractions_prefix: str = "nvidia.com/container."
    packing: Packing = field(default_factory=Packing)
    gang: Gang = field(default_factory=Gang)
    preemption: Preemption = field(default_factory=Preemption)
    kinds: Kinds = field(default_factory=Kinds)
