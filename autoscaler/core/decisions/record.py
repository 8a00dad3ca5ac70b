"""What is remembered of decisions, and does a remembered one come out the same again?

The standing decision of every workload, and the last changes of its replica count: enough to say tomorrow why the
count changed tonight, bounded whatever happens. Beside them what each workload uses of GPUs, for whoever reads both.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING

from autoscaler.core.model import Decision, WorkloadKey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from autoscaler.core.model import Inputs
    from autoscaler.core.targets.holdings import GpuUse

CHANGES_KEPT = 20
"""Of each workload: an hour or more of the liveliest one under a scale-down delay, months of a calm one."""

_NAMES_TOLD = 3
_NAMES_COMPARED = 100


@dataclass(frozen=True, slots=True)
class Record:
    """One decision about one workload."""

    key: WorkloadKey
    decision: Decision


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known of one workload: the standing record, and its last changes, oldest first."""

    standing: Record
    changes: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no such workload; `near` are workloads with names like it, most alike first."""

    near: tuple[WorkloadKey, ...]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several kinds share the name."""

    kinds: tuple[str, ...]


class Book:
    """The standing decisions, as whoever decides keeps them, and the last changes, which are kept here.

    `standing` is read whenever somebody asks and may be filled lazily; it holds a workload as long as it is there.
    `since_ms` is when this program began to know; `follows` names the autoscaler that leads, "" where this one does;
    `uses` tells what workloads use of GPUs, by UID.
    """

    def __init__(
        self,
        standing: Mapping[WorkloadKey, Decision],
        since_ms: int,
        uses: Callable[[], Mapping[str, GpuUse]] = dict,
    ) -> None:
        self.since_ms = since_ms
        self.uses = uses
        self.follows = ""
        self._standing = standing
        self._changes: dict[str, deque[Decision]] = {}

    def change(self, key: WorkloadKey, decision: Decision) -> None:
        """Keep a decision that changed a replica count."""
        self._changes.setdefault(key.uid, deque(maxlen=CHANGES_KEPT)).append(decision)

    def retain(self, uids: Collection[str]) -> None:
        """Forget every workload whose UID is not in `uids`."""
        for uid in [uid for uid in self._changes if uid not in uids]:
            del self._changes[uid]

    def workloads(self, namespace: str = "") -> list[WorkloadKey]:
        """Return the workloads of a namespace, or all, by namespace, name and kind."""
        return sorted((key for key in self._standing if namespace in {"", key.namespace}), key=_order)

    def standing(self, key: WorkloadKey) -> Record | None:
        """Return the standing record of a workload; None where it is gone."""
        decision = self._standing.get(key)
        return None if decision is None else Record(key, decision)

    def explain(self, namespace: str, name: str, kind: str = "") -> Explained | Unknown | Ambiguous:
        """Return what is known of a workload; `kind` is needed only where several share the name."""
        keys = [
            key for key in self._standing if (key.namespace, key.name) == (namespace, name) and kind in {"", key.kind}
        ]
        if len(keys) > 1:
            return Ambiguous(tuple(sorted(key.kind for key in keys)))
        standing = self.standing(keys[0]) if keys else None
        if standing is None:
            return Unknown(self._near(namespace, name))
        changes = self._changes.get(standing.key.uid, ())
        return Explained(standing, tuple(Record(standing.key, decision) for decision in changes))

    def _near(self, namespace: str, name: str) -> tuple[WorkloadKey, ...]:
        # The same name in another namespace, or of another kind, is the likeliest slip.
        elsewhere = sorted((key for key in self._standing if key.name == name), key=_order)
        inside: dict[str, list[WorkloadKey]] = {}
        for key in self.workloads(namespace) if namespace else ():
            if key.name != name:
                inside.setdefault(key.name, []).append(key)
        # Likeness is costly to measure: of thousands, only those that begin alike are looked at.
        likely = sorted(inside, key=lambda known: -_common(known, name))[:_NAMES_COMPARED]
        alike = [key for known in get_close_matches(name, likely, n=_NAMES_TOLD) for key in inside[known]]
        return tuple((elsewhere + alike)[:_NAMES_TOLD])


@dataclass(frozen=True, slots=True)
class Difference:
    """A recorded decision and the one made again: `fields` names what is not the same, in the order of `Decision`."""

    recorded: Decision
    again: Decision
    fields: tuple[str, ...]


def replayed(record: Record, decide: Callable[[Inputs], Decision]) -> Difference | None:
    """Decide again on the recorded inputs; return what came out otherwise, None for nothing."""
    again = decide(record.decision.inputs)
    names = tuple(
        field.name
        for field in fields(Decision)
        if field.name != "inputs" and getattr(record.decision, field.name) != getattr(again, field.name)
    )
    return Difference(record.decision, again, names) if names else None


def _order(key: WorkloadKey) -> tuple[str, str, str, str]:
    return key.namespace, key.name, key.kind, key.uid


def _common(one: str, other: str) -> int:
    """Return how many letters two names begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
