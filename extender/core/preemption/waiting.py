"""For whom may room be made? Inference pods, and gangs of them, that their project's quota has room for.

A gang that needs more members than have a place is one; what it has beyond its minimum waits pod by pod. A pod in no
project has no quota, and nobody leaves for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.gang.gang import membership, order_of
from extender.core.preemption.plan import Key, Preemptor
from extender.core.quota.kinds import Kind
from extender.core.quota.quota import Standing
from kube.gpus import MemoryShare, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from extender.core.gang.gang import Gang
    from extender.core.gang.gangs import Gangs
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import SeenPod
    from extender.core.quota.quota import Quota


def waiting(unbound: Iterable[SeenPod], gangs: Gangs, ledger: Ledger, quota: Quota) -> list[Preemptor]:
    """Return all for whom room may be made, in their order: of higher priority first, then the older."""
    if not quota.projects:
        return []
    found = [_single(pod, gangs) for pod in unbound if pod.gang is None and not pod.gated and _may(pod, ledger, quota)]
    for gang in gangs:
        found += _of_gang(gang, gangs, quota, ledger)
    return sorted(found, key=lambda one: (one.order, one.key))


def _single(pod: SeenPod, gangs: Gangs, avoided: frozenset[str] = frozenset()) -> Preemptor:
    kept = gangs.kept_from(pod)
    out = avoided if kept is None else avoided | kept.nodes
    return Preemptor(Key(pod.key.uid), (pod,), pod.priority, order_of(pod.priority, pod.created), out)


def _of_gang(gang: Gang, gangs: Gangs, quota: Quota, ledger: Ledger) -> Iterator[Preemptor]:
    if gang.stopped:
        return
    kept = gangs.kept
    others = kept.nodes if kept is not None and kept.gang != gang.key and kept.keeps_out(gang.order) else frozenset()
    avoided = others | frozenset(gang.avoided)
    if gang.needed:
        # They may have changed since it was planned in vain, and it has yet to have its turn again.
        needed = [gang.members.get(pod.key.uid) for pod in gang.needed]
        if all(pod is not None and _may_be_placed(pod) and _is_inference(pod, quota) for pod in needed):
            free = [pod for pod in needed if pod is not None and ledger.holding(pod.key.uid) is None]
            if len(free) == len(needed):
                yield Preemptor(Key(gang=gang.key), tuple(free), gang.priority, gang.order, avoided)
        return
    least = gang.least()
    standing = gang.standing(ledger)
    if not isinstance(least, int) or (not gang.whole and standing.have < least):
        return
    for pod in standing.waiting:
        if not membership(pod).held_by and _may(pod, ledger, quota):
            yield _single(pod, gangs, avoided)


def _may(pod: SeenPod, ledger: Ledger, quota: Quota) -> bool:
    """Tell whether others may leave for a single pod."""
    return (
        isinstance(pod.request, Share | MemoryShare)
        and not pod.leaving
        and _is_inference(pod, quota)
        and ledger.holding(pod.key.uid) is None
        and quota.refusal(pod.ask()) is None
    )


def _may_be_placed(pod: SeenPod) -> bool:
    """Tell whether a member can be given a place as it is now."""
    asks = isinstance(pod.request, Share | MemoryShare)
    return asks and not pod.leaving and not membership(pod).held_by


def _is_inference(pod: SeenPod, quota: Quota) -> bool:
    standing = quota.standing(pod.ask())
    return isinstance(standing, Standing) and standing.project is not None and standing.kind is Kind.INFERENCE
