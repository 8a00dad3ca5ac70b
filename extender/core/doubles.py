"""Which devices did we bind twice, and who leaves them? It must never be; should it ever, the younger pod gives way.

Only what we placed counts here, and only that is evicted: never a pod of another scheduler, never one that the kubelet
runs from a file. Where anybody may write what we write on a pod, that proves nothing, and costs nobody his place. A pod
that is leaving already is one that gave way. Of the others on a device as many leave, the youngest first (of one age
the greater UID), as bring it down to what it has, and none whose leaving is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.ledger.holding import State
from kube.gpus import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from extender.core.ledger.holding import Holding
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import PodKey


@dataclass(frozen=True, slots=True)
class Double:
    """One device that was bound twice: the pods on it that we placed, oldest first, and the `milli` that they hold.

    `victims`: those of them that leave, the first to be evicted first.
    """

    node: str
    device: str
    milli: int
    pods: tuple[PodKey, ...]
    victims: tuple[PodKey, ...]

    def __str__(self) -> str:
        names = " and ".join(f"{pod.namespace}/{pod.name}" for pod in self.pods)
        leaving = ", ".join(f"{pod.namespace}/{pod.name}" for pod in self.victims)
        return (
            f"device {self.device} of node {self.node} was bound twice, to {names}: they hold {self.milli} of its "
            f"{WHOLE} milli-GPU; evicted, as the younger: {leaving}"
        )


def doubles(ledger: Ledger, unprotected: Callable[[str], bool]) -> tuple[Double, ...]:
    """Return every device that pods of ours overfill, by node and device.

    `unprotected` tells of a namespace whether anybody may write there which devices a pod has.
    """
    found: list[Double] = []
    for name in sorted({node for node, _, _ in ledger.overfull()}):
        found += _on(name, ledger, unprotected)
    return tuple(found)


def _on(name: str, ledger: Ledger, unprotected: Callable[[str], bool]) -> Iterable[Double]:
    node = ledger.node(name)
    assert node is not None  # noqa: S101  the ledger tells of known nodes alone
    places = node.places
    counting = filter(_counts, ledger.holdings_on(name))
    ours = sorted((one for one in counting if not unprotected(one.pod.namespace)), key=_age)
    on: dict[int, list[Holding]] = {}
    for holding in ours:
        for device in holding.devices or ():
            if device in places:
                on.setdefault(places[device], []).append(holding)
    over = {index: there for index, there in on.items() if _milli(there) > WHOLE}
    leaving = _leaving(over)
    for index, there in sorted(over.items()):
        victims = tuple(one.pod for one in reversed(there) if one.pod.uid in leaving)
        yield Double(name, node.devices[index].name, _milli(there), tuple(one.pod for one in there), victims)


def _leaving(over: dict[int, list[Holding]]) -> set[str]:
    """Return the UIDs of those that leave."""
    every = sorted({one.pod.uid: one for there in over.values() for one in there}.values(), key=_age)
    leaving: list[str] = []
    for one in reversed(every):
        if any(one in there and _milli(there, leaving) > WHOLE for there in over.values()):
            leaving.append(one.pod.uid)
    for uid in reversed(leaving):  # a younger one of several devices may have made the leaving of an older one needless
        others = [other for other in leaving if other != uid]
        if all(_milli(there, others) <= WHOLE for there in over.values()):
            leaving = others
    return set(leaving)


def _milli(there: Iterable[Holding], without: Iterable[str] = ()) -> int:
    gone = set(without)
    return sum(one.milli for one in there if one.pod.uid not in gone)


def _counts(holding: Holding) -> bool:
    return holding.ours and not holding.leaving and holding.state is State.BOUND


def _age(holding: Holding) -> tuple[str, str]:
    return holding.created, holding.pod.uid
