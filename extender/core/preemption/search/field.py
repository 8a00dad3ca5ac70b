"""What is searched for victims? The room of every node if all had left that may, and who those are.

Numbers alone: who may leave, and what kube-scheduler looks at besides, was decided before.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A pod that may have to leave.

    `node`: its place among the nodes of the field. `held`: milli-GPU by device of that node. `requests`: what it takes
    of each resource of the field. `takes`: the candidates that leave with it, in rising order and itself among them, as
    losing one member of a training gang loses them all. `budgets`: the disruption budgets that count it.

    What its leaving costs: `reservation`: it does not run, and only gives a promise up; else `priority`, the `project`
    that loses `charge` milli-GPU ("": nobody's quota is touched, as in the very project that it makes room for), and
    the seconds of `work` that are lost.
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


class Need(msgspec.Struct, frozen=True, gc=False):
    """A pod that needs room on one node: so many `devices`, and of each of them `milli[node]` milli-GPU.

    0: the node does not suit it. `requests`: what it takes of each resource of the field. Pods that are alike share the
    very same `milli`.
    """

    devices: int
    milli: tuple[int, ...]
    requests: tuple[int, ...]


class Field(msgspec.Struct, frozen=True, gc=False):
    """The room, if all `candidates` had left: the milli-GPU of the `devices` of each node, and what is `left` there.

    `left`: of each resource, in one order for all. `budgets`: how many pods each disruption budget lets go. `over`: by
    how much each project holds more than its quota, in milli-GPU: so much its train has borrowed. `borrowed_only`: no
    project loses what it has not borrowed.
    """

    devices: tuple[tuple[int, ...], ...]
    left: tuple[tuple[int, ...], ...]
    candidates: tuple[Candidate, ...]
    budgets: tuple[int, ...] = ()
    over: Mapping[str, int] | None = None
    borrowed_only: bool = False


class Choice(msgspec.Struct, frozen=True, gc=False):
    """Who leaves, by their places among the candidates, rising; and where each pod then goes: its node, its devices."""

    victims: tuple[int, ...]
    places: tuple[tuple[int, tuple[int, ...]], ...]
