"""What may an operator tune of gangs?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Provision(Enum):
    """How node autoscalers hear of a gang that no present node could hold."""

    NONE = "none"
    PLACEHOLDER = "placeholder"
    REQUEST = "provisioning-request"


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds.

    `start_s`: how long the members of a plan may be without a node, and none of them comes a step further, before the
    whole plan is undone. `grace_s`: how long fewer members than the minimum may run before they are evicted.
    `patience_s`: how long a gang waits before room is kept for it (`keeping`); 0: room is kept for none.
    `keeping_s`: how long that is at most, before it is kept for others for as long; 0: without an end.
    `provision`: how nodes are asked for (`provisioning`), in a ProvisioningRequest of the class `provision_class`.
    """

    start_s: float = 30.0
    grace_s: float = 30.0
    patience_s: float = 300.0
    keeping_s: float = 86_400.0
    provision: Provision = Provision.NONE
    provision_class: str = "best-effort-atomic-scale-up.autoscaling.x-k8s.io"
