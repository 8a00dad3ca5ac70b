"""What is known of a pod?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.core.targets.holdings import Holding


@dataclass(frozen=True, slots=True)
class OwnedPod:
    """A pod. `owner`: the UID of its controller, "" for none; `ready`: it runs, is ready, and not on its way out.

    One that is not ready, and not on its way out either, is `starting` or has `failed` to. `created_s` and, of a ready
    one, `ready_since_s` are Unix time; `placed`: it is on a node. `cost` is its deletion cost, "" for none, and
    `our_cost` what we wrote there last. `holding` is what it holds of GPUs, None for nothing.
    """

    uid: str
    owner: str
    name: str
    ready: bool
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    starting: bool = False
    failed: bool = False
    created_s: int = 0
    ready_since_s: int = 0
    placed: bool = True
    cost: str = ""
    our_cost: str = ""
    holding: Holding | None = None

    @property
    def staying(self) -> bool:
        """Whether it is not on its way out."""
        return self.ready or self.starting or self.failed

    @property
    def cost_is_ours(self) -> bool:
        """Whether the deletion cost that stands there is the one that we wrote."""
        return bool(self.our_cost) and self.cost == self.our_cost
