"""A pod is a member of the gang that its label names, and is let go by one change that takes nothing from it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core.model import Membership
from extender.shell.members import GatedPod, letting_go, membership_of
from extender.shell.pods import Pod
from kube.gangs import GANG, LEAST, PLAN, Planned, written
from kube.gpus import Malformed, MilliGpu, Placement

PLANNED = Planned("n1", Placement(("0", "GPU-abcd"), MilliGpu(250)))
PIN = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
REQUIRED, PREFERRED = (f"{word}DuringSchedulingIgnoredDuringExecution" for word in ("required", "preferred"))
GATE = {"name": GANG}
UNNAMED = Malformed(GANG, "", "the gang's name, where the label or the gate is there")
MISSING = Malformed(LEAST, "", f"there beside the label {GANG}: a whole number from 1 to 10000")


def member(
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    *,
    gates: list[dict[str, str]] | None = None,
    owners: Any = None,
    conditions: Any = None,
) -> Membership | None:
    metadata: dict[str, Any] = {"labels": labels, "annotations": annotations}
    if owners is not None:
        metadata["ownerReferences"] = owners
    status = {} if conditions is None else {"conditions": conditions}
    body = {"metadata": metadata, "spec": {"schedulingGates": gates}, "status": status}
    return membership_of(msgspec.json.decode(msgspec.json.encode(body), type=Pod))


@pytest.mark.parametrize(
    ("labels", "gates"),
    [(None, None), ({}, []), ({"app": "x"}, [{"name": "example.com/other"}])],
)
def test_a_pod_of_which_nothing_speaks_of_a_gang_is_no_member(
    labels: dict[str, str] | None, gates: list[dict[str, str]] | None
) -> None:
    assert member(labels, {LEAST: "3"}, gates=gates) is None


@pytest.mark.parametrize("gates", [None, [], [GATE], [{"name": "example.com/other"}, GATE]])
def test_the_label_names_the_gang_whether_a_gate_is_there_or_not(gates: list[dict[str, str]] | None) -> None:
    assert member({GANG: "g"}, {LEAST: "3"}, gates=gates) == Membership("g", 3)


@pytest.mark.parametrize("labels", [None, {}, {GANG: ""}])
def test_a_gate_without_a_name_of_a_gang_is_a_mistake_whatever_the_minimum(labels: dict[str, str] | None) -> None:
    assert member(labels, {LEAST: "3"}, gates=[GATE]) == Membership("", UNNAMED)


def test_an_empty_label_is_a_mistake_without_a_gate_too() -> None:
    assert member({GANG: ""}, {LEAST: "3"}) == Membership("", UNNAMED)


@pytest.mark.parametrize("annotations", [None, {}, {"app": "x"}])
def test_a_label_without_a_minimum_is_a_mistake(annotations: dict[str, str] | None) -> None:
    assert member({GANG: "g"}, annotations) == Membership("g", MISSING)


@pytest.mark.parametrize(
    ("owners", "owned"),
    [
        (None, False),
        ([], False),
        ([{"kind": "Node", "name": "n"}], False),
        ([{"kind": "Node", "controller": False}, {"kind": "ReplicaSet", "controller": True}], True),
    ],
)
def test_a_member_is_made_anew_where_a_controller_owns_it(owners: Any, owned: bool) -> None:  # noqa: FBT001
    found = member({GANG: "g"}, {LEAST: "3"}, owners=owners)
    assert found == Membership("g", 3, owned)


def test_the_plan_that_is_written_on_a_member_is_read() -> None:
    found = member({GANG: "g"}, {LEAST: "3", PLAN: written(PLANNED)})
    assert found == Membership("g", 3, planned=PLANNED)


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (None, ""),
        ([], ""),
        ([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "blocked"}], ""),
        ([{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "reason": "Unschedulable"}], ""),
        ([{"type": "PodScheduled", "reason": "Unschedulable", "message": "0/3 nodes"}], "0/3 nodes"),
    ],
)
def test_what_kube_scheduler_says_of_a_member_that_it_refused_is_read(conditions: Any, said: str) -> None:
    found = member({GANG: "g"}, {LEAST: "3"}, conditions=conditions)
    assert found == Membership("g", 3, unschedulable=said)


# --- letting go ---


def gated(
    affinity: Any = None, annotations: dict[str, str] | None = None, gates: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    spec: dict[str, Any] = {"schedulingGates": [GATE] if gates is None else gates}
    if affinity is not None:
        spec["affinity"] = affinity
    metadata: dict[str, Any] = {"resourceVersion": "7"}
    if annotations is not None:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": spec}


def let_go(pod: dict[str, Any]) -> dict[str, Any] | None:
    """Return a pod as the patch makes it, None where there is none."""
    patch = letting_go(msgspec.convert(pod, GatedPod), PLANNED)
    if patch is None:
        return None
    assert patch[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(pod))
    for step in patch[1:]:
        *way, last = (part.replace("~1", "/") for part in step["path"].split("/")[1:])
        at: Any = made
        for part in way:
            at = at[part]
        if step["op"] == "add":
            at[last] = step["value"]
        else:
            assert step["op"] == "remove"
            del at[int(last)]
    return made


def affinity_of(affinity: Any) -> Any:
    made = let_go(gated(affinity))
    assert made is not None
    return made["spec"]["affinity"]


def required(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}


ZONE, ARCH = {"key": "zone", "operator": "Exists"}, {"key": "arch", "operator": "In", "values": ["arm64"]}
OTHER_FIELD = {"key": "metadata.name", "operator": "NotIn", "values": ["n2"]}


@pytest.mark.parametrize("affinity", [None, {}, {"nodeAffinity": None}, {"nodeAffinity": {}}, required()])
def test_a_pod_that_needs_nothing_is_pinned(affinity: Any) -> None:
    assert affinity_of(affinity) == required({"matchFields": [PIN]})


@pytest.mark.parametrize(
    ("term", "then"),
    [
        ({"matchExpressions": [ZONE]}, {"matchExpressions": [ZONE], "matchFields": [PIN]}),
        ({"matchFields": [OTHER_FIELD]}, {"matchFields": [OTHER_FIELD, PIN]}),
        (
            {"matchExpressions": [ZONE], "matchFields": [OTHER_FIELD]},
            {"matchExpressions": [ZONE], "matchFields": [OTHER_FIELD, PIN]},
        ),
        ({}, {}),  # it suits no node, and stays so
        ({"matchExpressions": []}, {"matchExpressions": []}),
    ],
)
def test_each_term_is_narrowed_alone(term: dict[str, Any], then: dict[str, Any]) -> None:
    arch = {"matchExpressions": [ARCH]}
    pinned = {"matchExpressions": [ARCH], "matchFields": [PIN]}
    assert affinity_of(required(term, arch)) == required(then, pinned)
    assert affinity_of(required(arch, term)) == required(pinned, then)


def test_what_a_pod_prefers_and_says_of_other_pods_stays() -> None:
    prefers = [{"weight": 1, "preference": {"matchExpressions": [ZONE]}}]
    pods = {"podAntiAffinity": {REQUIRED: [{"topologyKey": "zone"}]}}
    then = affinity_of({"nodeAffinity": {PREFERRED: prefers}, **pods})
    pin = {REQUIRED: {"nodeSelectorTerms": [{"matchFields": [PIN]}]}}
    assert then == {"nodeAffinity": {PREFERRED: prefers, **pin}, **pods}


@pytest.mark.parametrize("annotations", [None, {}, {"gpu-fraction": "0.25"}, {PLAN: "n9 0 1000"}])
def test_the_plan_is_written_beside_what_stands_there(annotations: dict[str, str] | None) -> None:
    made = let_go(gated(annotations=annotations))
    assert made is not None
    assert made["metadata"]["annotations"] == {**(annotations or {}), PLAN: written(PLANNED)}


OTHER, ANOTHER = {"name": "example.com/a"}, {"name": "example.com/b"}


@pytest.mark.parametrize("gates", [[GATE], [GATE, OTHER], [OTHER, GATE], [OTHER, GATE, ANOTHER]])
def test_our_gate_goes_and_others_stay(gates: list[dict[str, str]]) -> None:
    made = let_go(gated(gates=gates))
    assert made is not None
    assert made["spec"]["schedulingGates"] == [gate for gate in gates if gate != GATE]


@pytest.mark.parametrize("gates", [[], [OTHER], [OTHER, ANOTHER]])
def test_a_pod_without_our_gate_is_left_as_it_is(gates: list[dict[str, str]]) -> None:
    assert let_go(gated(gates=gates)) is None
    assert letting_go(msgspec.convert({"metadata": {"resourceVersion": "7"}, "spec": {}}, GatedPod), PLANNED) is None


LABELS = st.fixed_dictionaries({label: st.sampled_from(["", "x", "y"]) for label in ("zone", "arch")})
EXPRESSIONS = st.builds(
    lambda key, value: {"key": key, "operator": "In", "values": [value]},
    st.sampled_from(["zone", "arch"]),
    st.sampled_from(["x", "y"]),
)
FIELDS = st.builds(
    lambda operator, name: {"key": "metadata.name", "operator": operator, "values": [name]},
    st.sampled_from(["In", "NotIn"]),
    st.sampled_from(["n1", "n2"]),
)
TERMS = st.fixed_dictionaries(
    {},
    optional={
        "matchExpressions": st.lists(EXPRESSIONS, max_size=2),
        "matchFields": st.lists(FIELDS, max_size=2),
    },
)


def suits(terms: list[dict[str, Any]], name: str, labels: dict[str, str]) -> bool:
    """Tell whether a node meets one of these terms, as Kubernetes says it."""

    def meets(term: dict[str, Any]) -> bool:
        expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
        return bool(expressions or fields) and all(
            [
                *(labels[one["key"]] in one["values"] for one in expressions),
                *((name in one["values"]) == (one["operator"] == "In") for one in fields),
            ]
        )

    return any(map(meets, terms))


@given(terms=st.lists(TERMS, min_size=1, max_size=3), labels=LABELS, name=st.sampled_from(["n1", "n2"]))
def test_a_pinned_pod_goes_to_its_node_if_that_suited_it_before_and_to_no_other(
    terms: list[dict[str, Any]], labels: dict[str, str], name: str
) -> None:
    then = affinity_of(required(*terms))["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]
    assert suits(then, name, labels) == (name == "n1" and suits(terms, name, labels))
