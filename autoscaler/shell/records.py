"""What stands decided, by workload? Made into values only where somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Decision, WorkloadKey

if TYPE_CHECKING:
    from autoscaler.core.decisions.fleet import Fleet
    from autoscaler.core.targets.inventory import Inventory


class Records(Mapping[WorkloadKey, Decision]):
    """The standing decisions of the workloads that are there."""

    def __init__(self, inventory: Inventory, fleet: Fleet) -> None:
        self._inventory = inventory
        self._fleet = fleet

    def __getitem__(self, key: WorkloadKey) -> Decision:
        decision = self._fleet.decision(key.uid)
        if decision is None:
            raise KeyError(key)
        return decision

    def __iter__(self) -> Iterator[WorkloadKey]:
        targets = self._inventory.targets
        return (targets[uid].key for uid in self._fleet.decided() if uid in targets)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def record(self, uid: str) -> Record | None:
        """Return the standing record of a workload, None where there is none."""
        key, decision = self.key(uid), self._fleet.decision(uid)
        return Record(key, decision) if key and decision else None

    def key(self, uid: str) -> WorkloadKey | None:
        """Return the key of a workload, None where it is gone."""
        target = self._inventory.targets.get(uid)
        return target.key if target else None
