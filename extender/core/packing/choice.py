"""What was chosen for a pod, or why nothing, and what it was weighed against?"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from kube.gpus import Placement


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a pod cannot be placed on a node."""

    reason: str


class RunnerUp(msgspec.Struct, frozen=True, gc=False):
    """The node that would have been next."""

    node: str
    score: int


class Choice(msgspec.Struct, frozen=True, gc=False):
    """A node and its devices for a pod; the rest says why, in milli-GPU.

    `before` and `after`: the node's fragmentation. `pressure`, `starvation` and `order` were taken off the score.
    `fitting`: on how many of the nodes asked about it fits.
    """

    node: str
    placement: Placement
    score: int
    before: int
    after: int
    pressure: int
    starvation: int
    order: int
    fitting: int
    runner_up: RunnerUp | None

    @property
    def because(self) -> str:
        """What the score comes from, in words."""
        lost = self.after - self.before
        change = f"{lost} milli-GPU more" if lost > 0 else f"{-lost} milli-GPU fewer" if lost < 0 else "no more"
        charges = (
            (self.pressure, "for nodes that others need, who cannot run everywhere"),
            (self.starvation, "for GPUs that its CPU does not reach for"),
            (self.order, "for its place in the order of nodes"),
        )
        told = [f"{charge} {why}" for charge, why in charges if charge]
        taken = f"; taken off: {', '.join(told)}" if told else ""
        return f"a place that leaves {change} out of reach of the typical pods{taken}"
