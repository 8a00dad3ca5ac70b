"""The filters say no for kube-scheduler's reasons, in its order; the messages were seen on kube-scheduler 1.36."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.scheduling import fitting
from plimsoll.embedded.core.scheduling.fitting import (
    AFFINITY,
    EXTENDER,
    NAME,
    RESOURCES,
    TAINTS,
    UNSCHEDULABLE,
    Fitting,
    fit,
)
from plimsoll.embedded.core.scheduling.occupancy import Occupancy
from tests.plimsoll.embedded.scheduling import node_view, pod_view

TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}


def _one(**node: Any) -> Occupancy:
    occupancy = Occupancy()
    occupancy.put_node(node_view("node", **node))
    return occupancy


def _named(*names: str) -> dict[str, Any]:
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]} for name in names]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"nodeAffinity": required}


@pytest.mark.parametrize(
    ("node", "pod", "filter_", "reasons", "resolvable"),
    [
        ({"unschedulable": True}, {}, UNSCHEDULABLE, ("node(s) were unschedulable",), False),
        ({}, {"node": "other"}, NAME, ("node(s) didn't match the requested node name",), False),
        ({"taints": [TAINT]}, {}, TAINTS, ("node(s) had untolerated taint(s)",), False),
        (
            {},
            {"nodeSelector": {"a": "b"}},
            AFFINITY,
            ("node(s) didn't match Pod's node affinity/selector",),
            False,
        ),
        ({}, {"requests": {"cpu": "9"}}, RESOURCES, ("Insufficient cpu",), False),
        (
            {"room": {"pods": "0"}},
            {"requests": {"cpu": "9", "nvidia.com/gpu": "5"}},
            RESOURCES,
            ("Too many pods", "Insufficient cpu", "Insufficient nvidia.com/gpu"),
            False,
        ),
        ({"room": {"pods": "0"}}, {}, RESOURCES, ("Too many pods",), True),
        ({"unschedulable": True, "taints": [TAINT]}, {}, UNSCHEDULABLE, ("node(s) were unschedulable",), False),
    ],
)
def test_a_node_says_no(
    node: dict[str, Any],
    pod: dict[str, Any],
    filter_: str,
    reasons: tuple[str, ...],
    resolvable: bool,  # noqa: FBT001  a table's column
) -> None:
    found = fit(pod_view(**pod), _one(**node), ())
    assert found.misfits == {"node": fitting.Misfit(filter_, reasons, resolvable)}
    assert found.filters == {filter_}


@pytest.mark.parametrize(
    ("toleration", "goes"),
    [
        ({"key": "k", "value": "v", "effect": "NoSchedule"}, True),
        ({"key": "k", "operator": "Equal", "value": "v"}, True),
        ({"key": "k", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "k", "value": "other"}, False),
        ({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_a_taint_is_tolerated(toleration: dict[str, Any], goes: bool) -> None:  # noqa: FBT001  a table's column
    assert bool(fit(pod_view(tolerations=[toleration]), _one(taints=[TAINT]), ()).nodes) is goes


def test_a_taint_that_only_prefers_keeps_nobody_away() -> None:
    assert fit(pod_view(), _one(taints=[TAINT | {"effect": "PreferNoSchedule"}]), ()).nodes == ("node",)


def test_a_cordoned_node_is_left_to_those_who_tolerate_it() -> None:
    tolerations = [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]
    assert fit(pod_view(tolerations=tolerations), _one(unschedulable=True), ()).nodes == ("node",)


def test_what_an_extender_counts_is_left_to_it() -> None:
    pod = pod_view(requests={"example.com/marker": "1"})
    assert not fit(pod, _one(), ()).nodes
    assert fit(pod, _one(), {"example.com/marker"}).nodes == ("node",)


def test_what_is_bound_and_what_is_being_bound_takes_room() -> None:
    occupancy = _one()
    occupancy.bind(pod_view("bound", node="node", requests={"cpu": "5"}))
    occupancy.assume(pod_view("assumed", requests={"cpu": "2"}), "node")
    assert fit(pod_view(requests={"cpu": "1"}), occupancy, ()).nodes
    full = fit(pod_view(requests={"cpu": "1001m"}), occupancy, ())
    assert full.misfits["node"] == fitting.Misfit(RESOURCES, ("Insufficient cpu",), resolvable=True)


def test_what_is_promised_to_a_pod_of_the_same_priority_takes_room_too() -> None:
    occupancy = _one()
    occupancy.nominate(pod_view("promised", nominated="node", requests={"cpu": "5"}))
    asking: dict[str, Any] = {"requests": {"cpu": "4"}}
    assert not fit(pod_view(**asking), occupancy, ()).nodes
    assert fit(pod_view(**asking, priority=1), occupancy, ()).nodes
    assert fit(pod_view("promised", **asking), occupancy, ()).nodes


def test_a_pod_pinned_by_name_is_looked_at_on_that_node_alone() -> None:
    occupancy = Occupancy()
    for name in ("a", "b", "c"):
        occupancy.put_node(node_view(name))
    found = fit(pod_view(affinity=_named("b", "nowhere")), occupancy, ())
    assert found == Fitting(
        ("b",), 3, {}, frozenset((AFFINITY,)), absent="node(s) didn't satisfy plugin(s) [NodeAffinity]"
    )


def test_an_affinity_at_odds_with_itself_looks_at_no_node() -> None:
    fields = [{"key": "metadata.name", "operator": "In", "values": [name]} for name in ("a", "b")]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}}
    found = fit(pod_view(affinity={"nodeAffinity": required}), _one(), ())
    assert (found.nodes, found.misfits, found.of_all) == ((), {}, "pod affinity terms conflict")


def test_an_extenders_refusals_join_ours() -> None:
    found = Fitting(("a", "b", "c"), 3, {}, frozenset())
    narrowed = found.narrowed(("c",), {"a": "full", "b": "full"}, {"b": "unfit"})
    assert narrowed.misfits == {
        "a": fitting.Misfit(EXTENDER, ("full",), resolvable=True),
        "b": fitting.Misfit(EXTENDER, ("unfit",)),
    }
    assert narrowed.filters == {EXTENDER}
    assert not found.narrowed(("a", "b", "c"), {}, {}).filters


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}}, "pod affinity"),
        (
            {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}},
            "pod anti-affinity",
        ),
        (
            {"topologySpreadConstraints": [{"whenUnsatisfiable": "DoNotSchedule"}]},
            "topology spread constraints with DoNotSchedule",
        ),
        ({"topologySpreadConstraints": [{"whenUnsatisfiable": "ScheduleAnyway"}]}, ""),
        ({"resourceClaims": [{"name": "x"}]}, "resource claims"),
        ({"volumes": [{"name": "x", "emptyDir": {}}, {"name": "y", "configMap": {"name": "y"}}]}, ""),
        (
            {"volumes": [{"name": "x", "persistentVolumeClaim": {"claimName": "x"}}]},
            "volumes of type persistentVolumeClaim",
        ),
        ({"containers": [{"ports": [{"containerPort": 1, "hostPort": 1}]}]}, "host ports"),
        ({"containers": [{"ports": [{"containerPort": 1}]}]}, ""),
        ({"tolerations": [{"key": "k", "operator": "Gt", "value": "1"}]}, "tolerations with Gt and Lt"),
    ],
)
def test_what_only_the_real_one_does_is_named(spec: dict[str, Any], what: str) -> None:
    assert fitting.not_done(pod_view(**spec), _one()) == what


def test_a_bound_pod_that_keeps_others_away_is_not_passed_over() -> None:
    occupancy = _one()
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "k"}]}}
    occupancy.bind(pod_view("lonely", node="node", affinity=affinity))
    assert fitting.not_done(pod_view(), occupancy) == "the anti-affinity of pods that run already"
    occupancy.remove("uid-lonely")
    assert not fitting.not_done(pod_view(), occupancy)
