"""What may an operator choose about packing? The strategy, and what each part of a score is worth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Strategy(Enum):
    """What makes one node better than another."""

    FRAGMENTATION = "fragmentation"
    """Where the least room is lost for the pods that the cluster usually runs, with everything in `Settings`."""
    BEST_FIT = "best-fit"
    """Where the least GPUs and CPU are left over."""
    SPREAD = "spread"
    """Where the most GPUs and CPU are left over, on the emptiest device."""
    FGD = "fgd"
    """Fragmentation gradient descent as it was published (Weng et al., USENIX ATC 2023), to compare with."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How nodes are compared. Weights are milli-GPU: what a score loses at most, or for each whole GPU."""

    strategy: Strategy = Strategy.FRAGMENTATION
    pressure: int = 400
    """For each GPU taken where pods that cannot run everywhere want all there is; twice that at most."""
    starvation: int = 800
    """For a node whose GPUs are all free and whose CPU is all gone; in proportion between."""
    order: int = 60
    """Between the first node of a fixed order and the last: nodes fill one after the other, and some stay empty."""
    typical_share: int = 99
    """Percent of the pods learned that count as typical: the most popular."""
    memory: int = 8192
    """Pods after which what was learned counts half."""
