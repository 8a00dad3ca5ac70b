"""What is to be done so that others have room? Values that the shell carries out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.gang.steps import Tell

if TYPE_CHECKING:
    from extender.core.model import PodKey
    from extender.core.preemption.plan import Preemptor

_TOLD = 8  # pods that have an Event of what is done for all of them


@dataclass(frozen=True, slots=True)
class Displace:
    """Have a pod leave for another; `because`: why this one, in words for people.

    `guarded`: a disruption budget counts it, so that the API server may refuse: it is asked beforehand.
    """

    pod: PodKey
    because: str
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Moves:
    """What is to be done now: who leaves, for each plan together; who is to be tried again; and what is told."""

    displace: tuple[tuple[Displace, ...], ...] = ()
    kick: tuple[PodKey, ...] = ()
    tell: tuple[Tell, ...] = ()


def told(preemptor: Preemptor, reason: str, sentence: str, *, trouble: bool = True) -> Tell:
    """Return what people are told of those for whom others leave."""
    pods = tuple(pod.key for pod in preemptor.pods[:_TOLD])
    gang = preemptor.key.gang
    return Tell(pods, reason, sentence if gang is None else f"gang {gang.name}: {sentence}", trouble)
