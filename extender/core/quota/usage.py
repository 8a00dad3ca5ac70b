"""What do the pods of one project hold? Exact sums of integers, by kind and by model.

The law: a sum is what its charges come to. A charge is taken out as it was put in, and computed anew when its holding
changes: no order of events makes the sums drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.quota.kinds import Kind
from extender.core.quota.over import largest

if TYPE_CHECKING:
    from extender.core.quota.charging import Charge

_TRAIN = Kind.TRAIN  # to look it up at its class takes as long as to add a charge


class Usage:
    """The charges of one project, in milli-GPU."""

    def __init__(self) -> None:
        self._charges: dict[str, Charge] = {}
        self._by_kind = dict.fromkeys(Kind, 0)
        self._within = 0
        self._by_model: dict[str, int] = {}
        # By model, "" = all. While nothing changes, a thousand pods may be refused because of the same users.
        self._largest: dict[str, tuple[tuple[Charge, ...], int]] = {}

    def put(self, charge: Charge) -> None:
        """Count a charge, of which pod there is none yet."""
        assert charge.pod.uid not in self._charges  # noqa: S101  it is taken out first
        self._charges[charge.pod.uid] = charge
        self._add(charge, charge.milli)

    def take(self, uid: str) -> None:
        """Count the charge of a pod no more."""
        charge = self._charges.pop(uid)
        self._add(charge, -charge.milli)

    def charge(self, uid: str) -> Charge | None:
        """Return what a pod is charged here."""
        return self._charges.get(uid)

    def of(self, kind: Kind) -> int:
        """Return what the pods of a kind hold."""
        return self._by_kind[kind]

    @property
    def held(self) -> int:
        """What all pods hold."""
        return sum(self._by_kind.values())

    @property
    def within(self) -> int:
        """What those pods hold that must stay within the quota: all but train."""
        return self._within

    def within_of(self, model: str) -> int:
        """Return the same of one model."""
        return self._by_model.get(model, 0)

    def users(self, model: str = "") -> tuple[tuple[Charge, ...], int]:
        """Return who uses most of the quota, or of a model's, and how many others do."""
        if model not in self._largest:
            charges = self._charges.values()
            within = [one for one in charges if one.kind is not _TRAIN and model in ("", one.model)]
            self._largest[model] = largest(within)
        return self._largest[model]

    def copy(self) -> Usage:
        """Return one of its own with the same charges."""
        copied = Usage()
        copied._charges, copied._by_kind = dict(self._charges), dict(self._by_kind)
        copied._by_model, copied._within = dict(self._by_model), self._within
        return copied

    def _add(self, charge: Charge, milli: int) -> None:
        self._by_kind[charge.kind] += milli
        if charge.kind is not _TRAIN:
            self._largest.clear()
            self._within += milli
            left = self._by_model.pop(charge.model, 0) + milli
            if left:  # labels of nodes name models: of one that nobody uses nothing is kept
                self._by_model[charge.model] = left
