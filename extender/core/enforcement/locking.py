"""May a pod's Binding go on while another pod is being given its devices on the node? HAMi's lock, decided.

HAMi's device plugin gives devices to the one pod that the node's lock names, so a Binding takes the lock first; the
plugin releases it. Whoever finds it five minutes old, or of a pod that is gone, takes it over.

It releases it once. A pod whose earlier Binding may have arrived therefore takes no lock again: if the plugin is done
with the pod already, nobody would release that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

EXPIRY_S = 300.0

RELEASED = "HAMi's lock of its earlier binding is released: that one may have arrived, and is read back first"


@dataclass(frozen=True, slots=True)
class Lock:
    """Whose a node's lock is, and since when (seconds since 1970); "" where it does not say whose."""

    namespace: str
    name: str
    since: float


class Turn(Enum):
    """What a pod finds that needs the lock."""

    FREE = "free"
    OWN = "own"
    """Somebody took it for that pod before; it is taken anew, and counts from now on."""
    KEPT = "kept"
    """It was taken for an earlier Binding of the pod, and serves this one too as it is."""
    RELEASED = "released"
    """It was taken for an earlier Binding of the pod, and is the pod's no more."""
    HELD = "held"
    """By another; it goes on all the same if that pod is gone."""


def turn(lock: Lock | None, namespace: str, name: str, now: float, *, again: bool) -> Turn:
    """Return what a pod finds at `now` seconds since 1970; `again`: an earlier Binding of it may have arrived."""
    if again:
        own = lock is not None and (lock.namespace, lock.name) == (namespace, name)
        return Turn.KEPT if own else Turn.RELEASED
    if lock is None or now - lock.since > EXPIRY_S:
        return Turn.FREE
    return Turn.OWN if (lock.namespace, lock.name) == (namespace, name) else Turn.HELD


def held(lock: Lock, now: float) -> str:
    """Return why the pod has to wait, for people."""
    whose = f"pod {lock.namespace}/{lock.name}" if lock.name else "another pod"
    so_far = f"{max(now - lock.since, 0):.0f} s so far"
    return f"HAMi's device plugin is giving {whose} its devices there ({so_far}); it is tried again"
