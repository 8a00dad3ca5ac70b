"""Which waiting pods should be tried again? Those that were refused, also before a restart of ours, and would fit now.

They fit where there is room on devices, and in their project.

kube-scheduler tries a refused pod again when something happens in the cluster, and else after five minutes. It may ask
before we have seen a deleted pod go, and some room comes free without any event (a reservation that ends), so a pod
whose room is free is kicked by us. A kick in vain makes the next one wait twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import Ask, PodKey, SeenPod, Shape
    from extender.core.packing.packer import Packer
    from extender.core.quota.quota import Quota
    from kube.gpus import MemoryShare, Share

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 64.0
_FOUND_PAUSE_S = 5.0  # after a start: pods that are being scheduled anyway have a node by then
_LONGEST_PUT_OFF_S = 3.0  # where there is always room that came free, nobody is kept out of it for ever
_MOST_KICKS = 32  # at once: room for one pod must not wake a thousand
_ANY = b""
_NEVER = -1


@dataclass(slots=True)
class _Refusal:
    key: PodKey
    priority: int
    shape: Shape
    ask: Ask
    nodes: bytes  # a bit for each column of the ledger: thousands of pods wait, each for thousands of nodes
    first_at: float
    kick_at: float
    pause_s: float
    seen: int  # what `_freed` said when it last did not fit: until that changes there is nothing to look at
    put_off_at: float | None = None  # since when it is put off, again and again


class Waiting:
    """The pods that filter refused for room, each with the nodes that suited it otherwise."""

    def __init__(self) -> None:
        self._refusals: dict[str, _Refusal] = {}

    def refused(self, pod: SeenPod, columns: NDArray[np.int64], *, ledger: Ledger, quota: Quota, now: float) -> None:
        """Take note of a refusal of the nodes of `columns` at `now` seconds, with ledger and quota as they are.

        A column may be another node's later: of a new node kube-scheduler hears itself, and a kick in vain is cheap.
        """
        offered = _bits(columns)
        uid = pod.key.uid
        known = self._refusals.get(uid)
        pause_s = known.pause_s if known else _FIRST_PAUSE_S
        first_at = known.first_at if known else now
        self._refusals[uid] = _Refusal(
            pod.key,
            pod.priority,
            pod.shape(),
            pod.ask(),
            offered,
            first_at,
            now + pause_s,
            pause_s,
            _freed(ledger, quota),
        )

    def put_off(self, pod: SeenPod, columns: NDArray[np.int64], now: float) -> None:
        """Take note that a pod was refused for a moment only, on the nodes of `columns`."""
        kick_at, uid = now + _FIRST_PAUSE_S, pod.key.uid
        known = self._refusals.get(uid)
        first_at = known.first_at if known else now
        since = known.put_off_at if known and known.put_off_at is not None else now
        offered, pause_s = _bits(columns), _FIRST_PAUSE_S
        self._refusals[uid] = _Refusal(
            pod.key, pod.priority, pod.shape(), pod.ask(), offered, first_at, kick_at, pause_s, _NEVER, since
        )

    def may_be_put_off(self, uid: str, now: float) -> bool:
        """Tell whether a pod may be refused for a moment: not one that has been again and again for a while."""
        since = self._refusals[uid].put_off_at if uid in self._refusals else None
        return since is None or now - since < _LONGEST_PUT_OFF_S

    def found(self, pod: SeenPod, now: float) -> None:
        """Take note of a pod without a node that we do not know: it may have been refused before our restart.

        Nobody remembers which nodes suited it otherwise, so room on any of them is a reason to try.
        """
        if pod.key.uid not in self._refusals:
            kick_at = now + _FOUND_PAUSE_S
            self._refusals[pod.key.uid] = _Refusal(
                pod.key, pod.priority, pod.shape(), pod.ask(), _ANY, now, kick_at, _FIRST_PAUSE_S, _NEVER
            )

    def changed(self, pod: SeenPod) -> None:
        """Take note that a pod that waits asks in another project's name, or as another kind."""
        if pod.key.uid in self._refusals:
            known = self._refusals[pod.key.uid]
            known.ask, known.seen = pod.ask(), _NEVER

    def hurry(self, uid: str) -> None:
        """Take note that what held a pod back is over."""
        if uid in self._refusals:
            self._refusals[uid].kick_at, self._refusals[uid].pause_s = 0.0, _FIRST_PAUSE_S

    def offered(self, uid: str) -> NDArray[np.int64]:
        """Return the columns of the nodes that suited a pod otherwise when it was refused last, if it was."""
        known = self._refusals.get(uid)
        return _columns(known.nodes) if known and known.nodes else np.empty(0, dtype=np.int64)

    def ended(self, uid: str) -> None:
        """Take note that a pod waits no more."""
        self._refusals.pop(uid, None)

    def to_kick(self, ledger: Ledger, packer: Packer, quota: Quota, now: float) -> tuple[PodKey, ...]:
        """Return the pods to try again at `now` seconds: first those of the highest priority, then who waits longest.

        Of those that wait for their project, no more than its room is for.
        """
        freed = _freed(ledger, quota)
        due = [one for one in self._refusals.values() if one.kick_at <= now and one.seen != freed]
        fits: dict[tuple[Share | MemoryShare | None, bool, bytes, tuple[str, ...]], bool] = {}
        kicked: list[PodKey] = []
        before: dict[str, list[Ask]] = {}
        for one in sorted(due, key=lambda refusal: (-refusal.priority, refusal.first_at, refusal.key.uid)):
            if quota.refusal(one.ask) is not None:
                one.seen = freed
                continue
            closed = tuple(over.model for over in quota.closed_models(one.ask))
            asked = (one.shape.request, one.shape.by_kubelet, one.nodes, closed)
            if asked not in fits:
                # Without a request of ours it asks the kubelet, on nodes that the ledger does not know.
                columns = _columns(one.nodes) if one.nodes else None
                fits[asked] = one.shape.request is None or packer.fits_any(one.shape, columns, closed)
            if not fits[asked]:
                one.seen = freed
                continue
            others = before.setdefault(quota.project_of(one.ask), [])
            if len(kicked) < _MOST_KICKS and quota.refusal(one.ask, others) is None:
                one.pause_s = min(2 * one.pause_s, _LONGEST_PAUSE_S)
                one.kick_at = now + one.pause_s
                kicked.append(one.key)
                others.append(one.ask)
        return tuple(kicked)


def _freed(ledger: Ledger, quota: Quota) -> int:
    """Return a number that is another one once there may be more room."""
    return ledger.freed + quota.freed


def _bits(columns: NDArray[np.int64]) -> bytes:
    """Return the columns of nodes that are ours as bits, never none at all."""
    bits = np.zeros(max(columns.max(initial=0) + 1, 1), dtype=np.bool_)
    bits[columns[columns >= 0]] = True
    return np.packbits(bits).tobytes()


def _columns(bits: bytes) -> NDArray[np.int64]:
    return np.flatnonzero(np.unpackbits(np.frombuffer(bits, dtype=np.uint8)))
