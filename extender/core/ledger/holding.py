"""What does a pod hold of a node, and how sure is that?"""

from __future__ import annotations

from enum import Enum

import msgspec

from extender.core.model import Ask, PodKey
from kube.gpus import NO_MIB, MiB, MilliGpu


class State(Enum):
    """How sure a holding is."""

    NOMINATED = "nominated"
    """Promised while others are still leaving: it takes what they leave, before anybody else does. No expiry."""
    RESERVED = "reserved"
    """Promised at filter, or by the plan of a gang; ends at `Holding.expires_at` unless it is bound before."""
    BINDING = "binding"
    """A Binding may have been sent and its outcome is not known: no expiry."""
    BOUND = "bound"
    """The API server says so."""
    QUARANTINED = "quarantined"
    """The pod is gone, and nobody saw its containers end; ends at `Holding.expires_at`."""


NEVER = float("inf")
# Looked up at their class they cost more than all else.
_RESERVED, _QUARANTINED, _NOMINATED = State.RESERVED, State.QUARANTINED, State.NOMINATED


class Holding(msgspec.Struct, frozen=True, gc=False):
    """What one pod holds: `milli` of each device in `devices`, and `cpu` milli-CPU and `memory` MiB of the node.

    Devices: by name; () = no GPU; None = unknown which, so that none of the node is free. `device_memory`: the MiB that
    were asked of each device, 0 where a share was asked and its MiB follow from it. `ours`: we bound it, and may evict
    it; `created` as the API server writes it; `leaving`: it is being deleted. `planned`: promised by a gang's plan,
    without expiry; a Binding that was not carried out leaves the promise as it was. `ask`: what its project is charged
    for, None where it uses no GPU.
    """

    pod: PodKey
    node: str
    devices: tuple[str, ...] | None
    milli: MilliGpu
    state: State
    expires_at: float = NEVER
    device_memory: MiB = NO_MIB
    cpu: int = 0
    memory: int = 0
    ours: bool = False
    created: str = ""
    leaving: bool = False
    ask: Ask | None = None
    planned: bool = False

    @property
    def nominated(self) -> bool:
        """Whether it holds nothing yet, and will have what others leave."""
        return self.state is _NOMINATED

    @property
    def promised(self) -> bool:
        """Whether no Binding of it was asked for yet."""
        return self.state is _RESERVED or self.state is _NOMINATED

    @property
    def expires(self) -> bool:
        """Whether it ends by itself."""
        state = self.state
        return (state is _RESERVED and not self.planned) or state is _QUARANTINED

    def same_room(self, other: Holding) -> bool:
        """Tell whether both take the same of the same node."""
        return self.nominated == other.nominated and (
            self.node,
            self.devices,
            self.milli,
            self.device_memory,
            self.cpu,
            self.memory,
        ) == (
            other.node,
            other.devices,
            other.milli,
            other.device_memory,
            other.cpu,
            other.memory,
        )
