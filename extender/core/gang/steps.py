"""What is to be done about gangs? Values that the shell carries out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.model import PodKey, SeenPod
    from kube.gangs import Planned

_TOLD = 8  # members that have an Event of what happens to their gang


@dataclass(frozen=True, slots=True)
class LetGo:
    """Let kube-scheduler have a pod: pin it to its node and take the gate off, in one change.

    One without a gate (`gated` false) only has to be tried again.
    """

    pod: PodKey
    planned: Planned
    gated: bool


@dataclass(frozen=True, slots=True)
class Show:
    """Let kube-scheduler see a pod that has no place: take the gate off, so that it finds it unschedulable."""

    pod: PodKey


@dataclass(frozen=True, slots=True)
class PodSet:
    """Room for `count` pods with `gpus` whole GPUs, each for `together` pods that are like this one."""

    like: PodKey
    count: int
    gpus: int
    together: int = 1


@dataclass(frozen=True, slots=True)
class Want:
    """Nodes are to be asked for so that all of this has room at once; `class_name`: of the ProvisioningRequest."""

    gang: str
    sets: tuple[PodSet, ...]
    class_name: str


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Undo what a pod without a node was told: delete it where its controller makes it anew, else strike its plan."""

    pod: PodKey
    anew: bool
    because: str


@dataclass(frozen=True, slots=True)
class Evict:
    """Have a bound pod leave: too few of its gang run."""

    pod: PodKey
    because: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Write on a bound pod that its gang was whole once: whoever leads next is not to evict what serves."""

    pod: PodKey


Step = LetGo | TakeBack | Evict | Show | Mark


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell people something of a gang, by Events on these members; `trouble`: it waits, or was undone."""

    pods: tuple[PodKey, ...]
    reason: str
    sentence: str
    trouble: bool = True


def told(gang: str, about: Sequence[SeenPod], reason: str, sentence: str, *, trouble: bool = True) -> Tell:
    """Return what people are told of a gang of such a name, on the first few of these members."""
    name = f"gang {gang}" if gang else "a gang without a name"
    return Tell(tuple(pod.key for pod in about[:_TOLD]), reason, f"{name}: {sentence}", trouble)


@dataclass(frozen=True, slots=True)
class Steps:
    """What is to be done now."""

    let_go: tuple[LetGo, ...] = ()
    take_back: tuple[TakeBack, ...] = ()
    evict: tuple[Evict, ...] = ()
    tell: tuple[Tell, ...] = ()
    show: tuple[Show, ...] = ()
    mark: tuple[Mark, ...] = ()
    want: tuple[Want, ...] = ()
    """All that is wanted now: what is not there any more is wanted no more."""

    def __add__(self, other: Steps) -> Steps:
        """Return both."""
        return Steps(
            self.let_go + other.let_go,
            self.take_back + other.take_back,
            self.evict + other.evict,
            self.tell + other.tell,
            self.show + other.show,
            self.mark + other.mark,
            self.want + other.want,
        )


@dataclass(slots=True)
class Found:
    """What is found to be done, gang by gang; `planned`: for how many members a plan was made or tried.

    A look plans for so many members and no more. It takes as many looks as all gangs need to have had their turn, a
    `round`, and none is tried twice in one: `passed_over` tells that some have yet to be. So a gang that is tried in
    vain whenever anything changes takes nobody's turn.
    """

    let_go: list[LetGo] = field(default_factory=list)
    take_back: list[TakeBack] = field(default_factory=list)
    evict: list[Evict] = field(default_factory=list)
    tell: list[Tell] = field(default_factory=list)
    mark: list[Mark] = field(default_factory=list)
    planned: int = 0
    round: int = 0
    passed_over: bool = False

    def steps(self) -> Steps:
        """Return it as a value."""
        let_go, take_back, evict = tuple(self.let_go), tuple(self.take_back), tuple(self.evict)
        return Steps(let_go, take_back, evict, tuple(self.tell), mark=tuple(self.mark))
