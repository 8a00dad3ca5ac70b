"""How many milli-GPU does a pod cost its project? What it holds; and before that, what it may come to hold at most.

A share in MiB is a larger part of a smaller GPU: until a pod has its devices it is charged as if it got the least GPU
that it fits on, of the models that it accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extender.core.model import share_on
from kube.gpus import WHOLE, MemoryShare, MiB, Share

if TYPE_CHECKING:
    from extender.core.ledger.holding import Holding
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import Ask, PodKey
    from extender.core.quota.kinds import Kind


class Charge(NamedTuple):
    """What one pod costs `project`: `milli`-GPU of `model`, "" where that is unknown."""

    pod: PodKey
    project: str
    kind: Kind
    model: str
    milli: int


class Prices:
    """What asks come to on a ledger's GPUs; remembered as long as no GPU comes or goes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._hardware = -1
        self._memories: tuple[tuple[str, int], ...] = ()

    def over(self, ledger: Ledger) -> Prices:
        """Return one over another ledger; over a copy of this one, it remembers the same."""
        copied = Prices(ledger)
        copied._hardware, copied._memories = self._hardware, self._memories
        return copied

    def asked(self, ask: Ask, model: str = "") -> int:
        """Return the most that a pod may be charged once it has devices, milli-GPU; 0 where it fits on no GPU at all.

        `model`: on GPUs of that one.
        """
        request = ask.request
        if isinstance(request, Share):
            return request.devices * request.milli
        if isinstance(request, MemoryShare):
            return request.devices * self._share(request, (model,) if model else ask.models)
        return ask.gpus * WHOLE

    def held(self, holding: Holding) -> int:
        """Return what a holding is charged, milli-GPU."""
        if holding.devices is None:
            return self.asked(holding.ask) or WHOLE if holding.ask is not None else WHOLE
        if not holding.device_memory:
            return len(holding.devices) * holding.milli
        node = self._ledger.node(holding.node)
        known = [node.memories[node.places[one]] for one in holding.devices if one in node.places] if node else []
        shares = [-(-holding.device_memory * WHOLE // memory) for memory in known if memory]
        return len(holding.devices) * (max(holding.milli, *shares) if shares else holding.milli or WHOLE)

    def _share(self, request: MemoryShare, models: tuple[str, ...]) -> int:
        large = [
            memory for model, memory in self._there() if memory >= request.memory and (not models or model in models)
        ]
        share = share_on(request, MiB(min(large))) if large else None
        return 0 if share is None else share.milli

    def _there(self) -> tuple[tuple[str, int], ...]:
        """Return which models there are with how many MiB, each once."""
        ledger = self._ledger
        if self._hardware != ledger.hardware:
            self._hardware = ledger.hardware
            pairs = {(node.model, int(memory)) for node in ledger.nodes() for memory in node.memories}
            self._memories = tuple(sorted(pairs))
        return self._memories
