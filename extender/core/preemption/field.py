"""What is searched for victims? The room of every node if all had left that may, and who those are.

Numbers alone: who may leave, and what kube-scheduler looks at besides, was decided before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pod that may have to leave.

    `node`: its place among the nodes of the field. `held`: milli-GPU by device of that node. `requests`: what it takes
    of each resource of the field. `takes`: the candidates that leave with it, itself among them, in rising order:
    losing one member of a training gang loses them all. `budgets`: the disruption budgets that count it.

    What its leaving costs: `reservation`: it does not run, and only gives a promise up; else `priority`, the `project`
    that loses `charge` milli-GPU ("": nobody's quota is touched, as in the project of those that it makes room for),
    and `work`, the seconds that are lost.
    """

    uid: str
    node: int
    held: tuple[tuple[int, int], ...]
    requests: tuple[int, ...]
    takes: tuple[int, ...]
    budgets: tuple[int, ...] = ()
    reservation: bool = False
    priority: int = 0
    project: str = ""
    charge: int = 0
    work: int = 0


@dataclass(frozen=True, slots=True)
class Need:
    """A pod that needs room on one node: so many `devices`, and of each of them `milli[node]` milli-GPU.

    0: the node does not suit it. `requests`: what it takes of each resource of the field. Pods that are alike share the
    very same `milli`.
    """

    devices: int
    milli: tuple[int, ...]
    requests: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """The room, if all `candidates` had left: `devices`, the milli-GPU of each device of each node; `left`, resources.

    `budgets`: how many pods each disruption budget lets go. `over`: by how much each project holds more than its quota,
    in milli-GPU: so much its train has borrowed. `borrowed_only`: no project loses what it has not borrowed.
    """

    devices: tuple[tuple[int, ...], ...]
    left: tuple[tuple[int, ...], ...]
    candidates: tuple[Candidate, ...]
    budgets: tuple[int, ...] = ()
    over: Mapping[str, int] | None = None
    borrowed_only: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Who leaves, by their places among the candidates in rising order; and the node and devices of each pod then."""

    victims: tuple[int, ...]
    places: tuple[tuple[int, tuple[int, ...]], ...]
