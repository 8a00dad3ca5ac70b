"""Which replicas are to go first when there are to be fewer? Those with the least in flight, by their deletion cost.

The laws:
- Kubernetes removes replicas without a node, not running or not ready first, then those of lower deletion cost: only
  as many ready ones get a cost as are to go besides.
- The one with the least gets the lowest cost, so that the order holds where fewer go than was thought. Of two with
  the same the newer goes first, then the first by name.
- A replica of which it is not known what it has in flight counts as busy: it gets no cost.
- What ended is no load here: a replica that is full of long requests ends none.
- A cost that somebody else gave is his: it is never written over. Ours is the one that our own annotation repeats.
- Each ReplicaSet ranks its own pods. While a rollout divides a Deployment's among several, nobody knows which of them
  loses how many, so that in each of them as many are marked as are to go together.
- A cost that is ours and not needed any more is taken away.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from autoscaler.core.targets.pods import OwnedPod

COST = "controller.kubernetes.io/pod-deletion-cost"
"""The annotation by which a ReplicaSet ranks its pods: the lower goes first, absent is 0."""

OURS = "plimsoll.dev/deletion-cost"
"""The annotation that repeats a cost which we wrote: where the two differ, somebody else wrote it."""

MOST_TIDIED = 20
"""How many pods lose a cost of ours at one tick."""

MOST_MARKED = 100
"""How many pods get a cost for one scale-down: of more, the others go in Kubernetes' own order."""

SURVIVED_MS = 30_000
"""A pod that still is there so long after it got its cost was not chosen."""

_SMALLEST, _LARGEST = -(2**31), 2**31 - 1


@dataclass(frozen=True, slots=True)
class Mark:
    """A pod's deletion cost is to become `cost`; None: ours is taken away."""

    pod: OwnedPod
    cost: int | None


def marks(pods: Iterable[OwnedPod], in_flight: Mapping[str, float], *, current: int, desired: int) -> tuple[Mark, ...]:
    """Return what is to be written before a workload goes from `current` to `desired` replicas.

    `in_flight` is what is known of it, by pod name. The most urgent come first; what stands there already is not
    written again.
    """
    by_owner: dict[str, list[OwnedPod]] = defaultdict(list)
    for pod in pods:
        if pod.staying:
            by_owner[pod.owner].append(pod)
    given: list[Mark] = []
    taken: list[Mark] = []
    for _, replicas in sorted(by_owner.items()):
        # There may be fewer than are asked for: of a quota that is used up, nobody has to go.
        going = current - desired if len(by_owner) > 1 else len(replicas) - desired
        first = first_to_go(replicas, in_flight, going)
        chosen = {pod.uid for pod in first}
        given += [Mark(pod, place - len(first)) for place, pod in enumerate(first)]
        taken += [Mark(pod, None) for pod in replicas if pod.cost_is_ours and pod.uid not in chosen]
    given.sort(key=lambda mark: (mark.cost, mark.pod.name))
    # One that is to stay must not carry a cost from before.
    urgent = [*sorted(taken, key=lambda mark: mark.pod.name), *given[:MOST_MARKED]]
    return tuple(mark for mark in urgent if mark.cost is None or not _stands(mark))


def first_to_go(replicas: Sequence[OwnedPod], in_flight: Mapping[str, float], going: int) -> list[OwnedPod]:
    """Return which of one ReplicaSet's replicas are to get a cost, those that are to go first at first."""
    before = sum(not pod.ready for pod in replicas)
    before += sum(_cost(pod) < 0 for pod in replicas if pod.ready and _is_others(pod))
    free = [pod for pod in replicas if pod.ready and not _is_others(pod) and pod.name in in_flight]
    free.sort(key=lambda pod: (in_flight[pod.name], -pod.created_s, pod.name))
    return free[: max(0, going - before)]


def step(mark: Mark, uid: str, annotations: Mapping[str, str]) -> dict[str, str | None] | None:
    """Return the annotations to patch a pod with, seeing what it has now; None where nothing is to be written.

    None stands for an annotation that is taken away.
    """
    stands, ours = annotations.get(COST, ""), annotations.get(OURS, "")
    if uid != mark.pod.uid or (stands and stands != ours):
        return None  # it was made anew, or somebody else gave it a cost meanwhile
    wanted = None if mark.cost is None else str(mark.cost)
    if wanted is None:
        return {COST: None, OURS: None} if ours else None
    return None if stands == wanted else {COST: wanted, OURS: wanted}


class Survivors:
    """Since when pods have had a cost of ours."""

    def __init__(self) -> None:
        self._since_ms: dict[str, tuple[str, int]] = {}

    def marked(self, pods: Iterable[OwnedPod], now_ms: int) -> tuple[Mark, ...]:
        """Return which pods are to lose the cost that they have of us; to be called at every tick, with all that have.

        Whoever is returned is not returned again before it has had time to go once more.
        """
        before, self._since_ms = self._since_ms, {}
        result: list[Mark] = []
        for pod in pods:
            cost, since_ms = before.get(pod.uid, ("", now_ms))
            if cost != pod.cost or since_ms > now_ms:
                since_ms = now_ms  # it was given another one: that is another scale-down
            if now_ms - since_ms >= SURVIVED_MS and pod.staying and len(result) < MOST_TIDIED:
                result.append(Mark(pod, None))
                since_ms = now_ms
            self._since_ms[pod.uid] = (pod.cost, since_ms)
        return tuple(sorted(result, key=lambda mark: mark.pod.name))


def without_effect(kind: str) -> str:
    """Return why deletion costs do nothing for workloads of this kind, "" where they may do something."""
    if kind == "StatefulSet":
        return "a StatefulSet removes its replicas by ordinal, whatever they do"
    if kind == "ReplicationController":
        return "only the pods of ReplicaSets are given a cost"
    return ""


def _stands(mark: Mark) -> bool:
    return mark.pod.cost_is_ours and mark.pod.cost == str(mark.cost)


def _is_others(pod: OwnedPod) -> bool:
    return bool(pod.cost) and not pod.cost_is_ours


def _cost(pod: OwnedPod) -> int:
    """Return a cost as Kubernetes reads it; what it cannot read is 0."""
    try:
        cost = int(pod.cost)
    except ValueError:
        return 0
    return cost if str(cost) == pod.cost and _SMALLEST <= cost <= _LARGEST else 0
