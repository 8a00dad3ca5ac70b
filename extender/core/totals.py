"""How many GPUs of each model are there, how much of them is held, and how much is free?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kube.gpus import WHOLE

if TYPE_CHECKING:
    from extender.core.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one model: devices, those that take no new pod whatever is free on them, and milli-GPU held and free."""

    devices: int = 0
    closed: int = 0
    held: int = 0
    free: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.devices + other.devices,
            self.closed + other.closed,
            self.held + other.held,
            self.free + other.free,
        )


def by_model(ledger: Ledger) -> dict[str, Totals]:
    """Return the totals of each model, by name."""
    found: dict[str, Totals] = {}
    free_of = ledger.free.sum(axis=0, dtype=int).tolist()
    for node in ledger.nodes():
        devices, free = len(node.devices), free_of[ledger.columns[node.name]]
        closed, held = 0, devices * WHOLE - free
        if node.name in ledger.barred:
            held = int(ledger.used(node.name).clip(max=WHOLE).sum())
            unknown = not all(node.maps(holding.devices) for holding in ledger.holdings_on(node.name))
            closed = devices if unknown else sum(bool(device.closed) for device in node.devices)
        found[node.model] = found.get(node.model, Totals()) + Totals(devices, closed, held, free)
    return dict(sorted(found.items()))
