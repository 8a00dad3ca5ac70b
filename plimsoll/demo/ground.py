"""On which cluster is the demo played? On the real control plane where it is built, else on the embedded one."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from deploy.local import LocalCluster
from deploy.local.binaries import Binaries
from plimsoll.demo.core.story import BRIEF, UNHURRIED, Tempo
from plimsoll.embedded.programs import EmbeddedPrograms, found_prometheus

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.local import ClusterSpec
    from deploy.local.programs import Programs

_COST = "about ten minutes, once, and 6 GB of disk meanwhile"


class Ground(Enum):
    """A kind of cluster."""

    REAL = "real"
    EMBEDDED = "embedded"

    @property
    def tempo(self) -> Tempo:
        """How fast the story is told there: a first look should take a minute."""
        return UNHURRIED if self is Ground.REAL else BRIEF


def chosen(asked: str | None) -> Ground:
    """Return the ground that a person asked for; by default the real one, where it costs no building."""
    if asked is not None:
        return Ground(asked)
    return Ground.REAL if Binaries.built() else Ground.EMBEDDED


def introduction(ground: Ground) -> list[str]:
    """Return what is said before anything else: where this is played, and what it would take to see the real thing."""
    if ground is Ground.REAL:
        return []
    building = "" if Binaries.built() else f" (it is not built here yet: {_COST})"
    real = f"On the real control plane: make demo CLUSTER=real{building}."
    said = [f"On the embedded cluster: API server, controllers and scheduler in one process. {real}"]
    if found_prometheus() is None:
        said.append("No prometheus program is here: the autoscaler reads the model servers' metrics pages itself.")
    return said


def start(ground: Ground, spec: ClusterSpec, *, progress: Callable[[str], None]) -> Programs:
    """Bring a cluster up.

    Raises:
        LocalProblem: it cannot be had; nothing is left running then.
    """
    kind = LocalCluster if ground is Ground.REAL else EmbeddedPrograms
    return kind.start(spec, progress=progress)
