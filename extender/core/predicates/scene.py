"""Which nodes suit a pod, while pods are placed one after the other?

What was there at the beginning is never changed. Each question that a pod's demands raise (is enough left, which nodes
are near such a pod ...) is answered once from it, and its answer is brought up to date by the pods placed since: only
when somebody asks, and only by those. Pods that differ in their labels alone share what does not depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from extender.core.predicates.checks import Checks, Standing, unchanging_of
from extender.core.predicates.claims import Taken
from extender.core.predicates.free_ports import FreePorts
from extender.core.predicates.ground import Ground, all_of
from extender.core.predicates.near import NearHolders, NearMeant, Together
from extender.core.predicates.population import Population
from extender.core.predicates.resources import Left, Room
from extender.core.predicates.spreading import Spreading

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from extender.core.predicates.demands import Placed, PodDemands, Resident
    from extender.core.predicates.ground import Mask
    from extender.core.predicates.nodes import NodeFacts
    from extender.core.predicates.selectors import Labels
    from extender.core.predicates.spread import SpreadConstraint
    from extender.core.predicates.terms import PodTerm


class _Answer(Protocol):
    """What is known of one question."""

    def after(self, placed: Sequence[Placed]) -> Self:
        """Return what is known once more pods are there."""
        ...


_Kind = TypeVar("_Kind", bound=_Answer)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The questions that some demands raise, by their numbers; as in `Standing`.

    `terms`: how many of the anti-affinity terms of other pods have been looked at for `kept_apart`.
    """

    unchanging: Mask
    left: int
    ports: int | None
    claims: int | None
    spread: tuple[tuple[int, bool], ...]
    together: tuple[int, bool] | None
    apart: tuple[int, ...]
    kept_apart: tuple[int, ...] = ()
    terms: int = 0


class Scene:
    """All nodes of a cluster and the pods on them: kube-scheduler counts those without GPUs too.

    Made of the nodes, of the pods that count with the names of their nodes, and of the labels of each namespace. From
    then on nodes are told by their index in `names`. A pod on a node that is not there counts for nothing.
    """

    def __init__(
        self,
        nodes: Sequence[NodeFacts],
        residents: Iterable[tuple[Resident, str]],
        namespaces: Mapping[str, Labels],
    ) -> None:
        self.names = tuple(node.name for node in nodes)
        columns = {name: column for column, name in enumerate(self.names)}
        there = [(pod, columns[name]) for pod, name in residents if name in columns]
        self._ground = Ground(nodes, namespaces)
        self._room = Room.of(nodes, there)
        self._population = Population(len(nodes), there)
        self._begin()

    def _begin(self) -> None:
        """Have no pod placed, and nothing asked yet."""
        self._terms: dict[PodTerm, None] = dict.fromkeys(self._population.holders)
        self._placed: list[Placed] = []
        self._numbers: dict[Hashable, int] = {}
        self._spreads: dict[Hashable, tuple[int, ...]] = {}
        self._answers: list[tuple[_Answer, int]] = []
        self._asked: dict[PodDemands, _Asked] = {}

    def copy(self) -> Scene:
        """Return a scene of its own, as this one is now; what never changes is shared."""
        copied = object.__new__(Scene)
        copied.names, copied._ground = self.names, self._ground
        copied._room, copied._population = self._room, self._population
        copied._terms, copied._placed = self._terms.copy(), self._placed.copy()
        copied._numbers, copied._answers = self._numbers.copy(), self._answers.copy()
        copied._spreads, copied._asked = self._spreads.copy(), self._asked.copy()
        return copied

    def emptied(self) -> Scene:
        """Return a scene of the same nodes with no pod on them."""
        return Scene(self._ground.nodes, (), self._ground.namespaces)

    def changed(self, gone: Iterable[tuple[Resident, str]], come: Iterable[tuple[Resident, str]] = ()) -> Scene:
        """Return a scene of what was there at the beginning, once these are gone and those have come.

        None is placed in it yet. It takes a tenth of the time of one that is made of thousands of pods anew.
        """
        columns = {name: column for column, name in enumerate(self.names)}
        left, new = ([(pod, columns[name]) for pod, name in these if name in columns] for these in (gone, come))
        scene = object.__new__(Scene)
        scene.names, scene._ground = self.names, self._ground
        scene._room, scene._population = self._room.changed(left, new), self._population.changed(left, new)
        scene._begin()
        return scene

    def place(self, demands: PodDemands, node: int) -> None:
        """Put a pod on a node, whether it suits or not."""
        pod = demands.resident
        self._placed.append((pod, node))
        self._terms.update(dict.fromkeys(pod.anti_affinity))

    def checks(self, demands: PodDemands) -> Checks:
        """Return which nodes suit a pod now; what it demands beyond is named in `demands.unmodelled`."""
        asked = self._asked.get(demands)
        if asked is None:
            asked = self._asked[demands] = self._ask(demands)
        if asked.terms < len(self._terms):
            asked = self._asked[demands] = self._keep_apart(asked, demands.resident)
        standing = Standing(
            self._now(Left, asked.left),
            None if asked.ports is None else self._now(FreePorts, asked.ports),
            None if asked.claims is None else self._now(Taken, asked.claims),
            tuple((self._now(Spreading, number), itself) for number, itself in asked.spread),
            None if asked.together is None else (self._now(Together, asked.together[0]), asked.together[1]),
            tuple(self._now(NearMeant, number) for number in asked.apart),
            tuple(self._now(NearHolders, number) for number in asked.kept_apart),
        )
        return Checks(demands, self._ground, standing, asked.unchanging)

    def _now(self, kind: type[_Kind], number: int) -> _Kind:
        """Return the answer to a question, by all pods that were placed."""
        answer, known = self._answers[number]
        if known < len(self._placed):
            answer = answer.after(self._placed[known:])
            self._answers[number] = answer, len(self._placed)
        assert isinstance(answer, kind)  # noqa: S101  a number is of one question only
        return answer

    def _number(self, key: Hashable, begin: Callable[[], _Answer]) -> int:
        """Return the number of a question; one that nobody asked before is answered for the beginning."""
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._answers)
            self._answers.append((begin(), 0))
        return found

    def _ask(self, demands: PodDemands) -> _Asked:
        pod, ground, population = demands.resident, self._ground, self._population
        exclusive = frozenset((pod.namespace, claim) for claim in demands.exclusive)
        left = self._number((Left, pod.requests), partial(Left.begin, pod.requests, self._room))
        ports = claims = together = None
        if pod.ports:
            taken = population.with_ports
            ports = self._number((FreePorts, pod.ports), partial(FreePorts.begin, pod.ports, len(self.names), taken))
        if exclusive:
            claims = self._number((Taken, exclusive), partial(Taken.begin, exclusive, population))
        if terms := demands.affinity:
            by_itself = all(term.speaks_of(pod.namespace, pod.labels, ground.namespaces) for term in terms)
            together = self._number((Together, terms), partial(Together.begin, terms, ground, population)), by_itself
        apart = tuple(self._meant(term) for term in pod.anti_affinity)
        spread = self._spread(demands)
        return _Asked(unchanging_of(demands, ground), left, ports, claims, spread, together, apart)

    def _meant(self, term: PodTerm) -> int:
        return self._number((NearMeant, term), partial(NearMeant.begin, term, self._ground, self._population))

    def _spread(self, demands: PodDemands) -> tuple[tuple[int, bool], ...]:
        pod, these = demands.resident, demands.spread
        if not these:
            return ()
        key = these, pod.namespace, demands.node_affinity, demands.tolerations
        numbers = self._spreads.get(key)
        if numbers is None:
            # A node that lacks the key of any of the pod's constraints counts for none of them.
            keys = tuple(sorted({one.topology_key for one in these}))
            labelled = all_of(*(self._ground.domains(key).labelled for key in keys))
            numbers = self._spreads[key] = tuple(self._spreading(one, demands, keys, labelled) for one in these)
        return tuple((number, one.selector.accepts(pod.labels)) for number, one in zip(numbers, these, strict=True))

    def _spreading(self, one: SpreadConstraint, demands: PodDemands, keys: tuple[str, ...], labelled: Mask) -> int:
        ground, namespace = self._ground, demands.resident.namespace
        affinity = demands.node_affinity if one.honors_affinity else None
        tolerations = demands.tolerations if one.honors_taints else None

        def begin() -> Spreading:
            wanted = ground.every if affinity is None else ground.wanted(affinity)
            tolerated = ground.every if tolerations is None else ground.tolerated(tolerations)
            counting, domains = labelled & wanted & tolerated, ground.domains(one.topology_key)
            return Spreading.begin(one, namespace, domains=domains, counting=counting, population=self._population)

        return self._number((one, namespace, keys, affinity, tolerations), begin)

    def _keep_apart(self, asked: _Asked, pod: Resident) -> _Asked:
        """Return the questions with those of the terms that were not looked at yet."""
        ground, population = self._ground, self._population
        found = asked.kept_apart
        for term in tuple(self._terms)[asked.terms :]:
            if term.speaks_of(pod.namespace, pod.labels, ground.namespaces):
                begin = partial(NearHolders.begin, term, ground, population)
                found += (self._number((NearHolders, term), begin),)
        return replace(asked, kept_apart=found, terms=len(self._terms))
