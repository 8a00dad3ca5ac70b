"""Nodes, pods and demands of few words, drawn by hypothesis: so few that they often have to do with each other."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

from extender.core.predicates.demands import PodDemands, Resident
from extender.core.predicates.node_affinity import NodeAffinity, NodeTerm
from extender.core.predicates.nodes import NodeFacts
from extender.core.predicates.ports import ANY_ADDRESS, HostPort
from extender.core.predicates.selectors import EVERYTHING, NOTHING, Labels, Operator, Requirement, Selector
from extender.core.predicates.spread import SpreadConstraint
from extender.core.predicates.terms import PodTerm
from extender.core.predicates.volumes import BoundVolume
from kube.taints import Taint, Toleration

_Drawn = TypeVar("_Drawn")

KEYS, VALUES = ("host", "rack", "zone"), ("1", "2", "3")
NAMESPACES = {"a": Labels({"team": "1"}), "b": Labels({"team": "2"})}
ZONE = "topology.kubernetes.io/zone"

_labels = st.dictionaries(st.sampled_from(("app", "version")), st.sampled_from(VALUES)).map(Labels)


def _requirements(keys: tuple[str, ...], operators: tuple[Operator, ...]) -> st.SearchStrategy[Requirement]:
    values = st.lists(st.sampled_from(VALUES), min_size=1, max_size=2).map(tuple)
    return st.builds(Requirement, st.sampled_from(keys), st.sampled_from(operators), values)


_OF_LABELS = (Operator.IN, Operator.NOT_IN, Operator.EXISTS, Operator.DOES_NOT_EXIST)
_selectors = st.one_of(
    st.sampled_from((EVERYTHING, NOTHING)),
    st.lists(_requirements(("app", "version"), _OF_LABELS), max_size=2).map(lambda these: Selector(tuple(these))),
)
_terms = st.builds(
    PodTerm,
    st.sampled_from(KEYS),
    _selectors,
    st.frozensets(st.sampled_from(("a", "b"))),
    st.sampled_from((EVERYTHING, NOTHING, NOTHING, Selector((Requirement("team", Operator.IN, ("1",)),)))),
)
_node_terms = st.builds(
    NodeTerm,
    st.lists(_requirements(KEYS, tuple(Operator)), max_size=2).map(tuple),
    st.lists(_requirements(("metadata.name",), (Operator.IN, Operator.NOT_IN)), max_size=1).map(tuple),
)
_affinities = st.builds(NodeAffinity, st.just(EVERYTHING), st.lists(_node_terms, min_size=1, max_size=2).map(tuple))
_spreads = st.builds(
    SpreadConstraint,
    st.sampled_from(KEYS),
    st.integers(1, 2),
    _selectors,
    min_domains=st.integers(1, 4),
    honors_affinity=st.booleans(),
    honors_taints=st.booleans(),
)
_ports = st.builds(
    HostPort, st.just(80), st.sampled_from(("TCP", "UDP")), st.sampled_from((ANY_ADDRESS, "10.0.0.1", "10.0.0.2"))
)


def _seldom(these: st.SearchStrategy[_Drawn]) -> st.SearchStrategy[tuple[_Drawn, ...]]:
    """Return none of them, more often than one or two."""
    nothing: st.SearchStrategy[tuple[_Drawn, ...]] = st.just(())
    some = {3: st.tuples(these), 4: st.tuples(these, these)}
    return st.integers(0, 5).flatmap(lambda number: some.get(number, nothing))


def _rarely(usually: _Drawn, these: st.SearchStrategy[_Drawn]) -> st.SearchStrategy[_Drawn]:
    """Return what says nothing, six times in seven: what does not depend on other pods would refuse most nodes."""
    return st.integers(0, 6).flatmap(lambda number: these if number == 5 else st.just(usually))


_amounts = st.dictionaries(st.sampled_from(("cpu", "memory", "gpu")), st.integers(1, 3)).map(
    lambda amounts: tuple(sorted(amounts.items()))
)
_NO_TOLERATION: tuple[Toleration, ...] = ()
_tolerations = st.sampled_from((_NO_TOLERATION, (Toleration("t", "Exists"),), (Toleration("", "Exists"),)))
_volumes = st.builds(
    BoundVolume,
    st.one_of(st.none(), st.lists(_node_terms, min_size=1, max_size=1).map(tuple)),
    st.sampled_from(((), ((ZONE, frozenset(VALUES[:1])),))),
)

residents = st.builds(
    Resident,
    st.sampled_from(("a", "b")),
    _labels,
    _amounts,
    _seldom(_ports),
    _seldom(_terms),
    st.sampled_from((frozenset[str](), frozenset[str](), frozenset({"c"}), frozenset({"d"}))),
    leaving=st.booleans(),
)
spread_demands = st.builds(
    PodDemands,
    st.builds(Resident, st.just("a"), _labels),
    node_affinity=_affinities,
    tolerations=_tolerations,
    spread=st.tuples(_spreads) | st.tuples(_spreads, _spreads),
)
"""Demands of little else than to be spread, among the nodes that suit otherwise."""

demands = st.builds(
    PodDemands,
    residents,
    node_name=_rarely("", st.just("1")),
    node_affinity=_rarely(NodeAffinity(), _affinities),
    tolerations=_tolerations,
    spread=_seldom(_spreads),
    affinity=_seldom(_terms),
    volumes=_rarely((), st.tuples(_volumes)),
    exclusive=_rarely(frozenset[str](), st.just(frozenset({"c"}))),
    features=_rarely(frozenset[str](), st.just(frozenset({"f"}))),
)


_TAINTS: tuple[tuple[Taint, ...], ...] = (
    (),
    (),
    (Taint("t", "", "NoSchedule"),),
    (Taint("t", "", "PreferNoSchedule"),),
)


@st.composite
def nodes(draw: st.DrawFn) -> list[NodeFacts]:
    """Return up to six nodes, named by number."""
    found = []
    for number in range(draw(st.integers(1, 6))):
        labels = {key: draw(st.sampled_from((*VALUES, ""))) for key in (*KEYS, ZONE)}
        labels = {key: value for key, value in labels.items() if value}
        room = {name: draw(st.integers(3, 12)) for name in ("cpu", "memory", "gpu")}
        taints = draw(st.sampled_from(_TAINTS))
        found.append(
            NodeFacts(
                str(number + 1),
                Labels(labels),
                tuple(sorted((room | {"pods": draw(st.integers(2, 8))}).items())),
                taints,
                draw(_rarely(usually=False, these=st.just(value=True))),
                draw(st.sampled_from((frozenset[str](), frozenset({"f"})))),
            )
        )
    return found
