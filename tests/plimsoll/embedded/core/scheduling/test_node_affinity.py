"""A node suits a pod as apimachinery's selectors say."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.scheduling.node_affinity import matches, names_wanted, preferred

LABELS = {"zone": "a", "count": "8", "odd": "eight"}


def _required(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"affinity": {"nodeAffinity": required}}


def _label(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


def _name(operator: str, *values: str) -> dict[str, Any]:
    return {"matchFields": [{"key": "metadata.name", "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("spec", "suits"),
    [
        ({}, True),
        ({"nodeSelector": {"zone": "a"}}, True),
        ({"nodeSelector": {"zone": "b"}}, False),
        ({"nodeSelector": {"absent": ""}}, False),
        (_required(_label("zone", "In", "a", "b")), True),
        (_required(_label("zone", "NotIn", "a")), False),
        (_required(_label("absent", "NotIn", "a")), True),
        (_required(_label("zone", "Exists")), True),
        (_required(_label("zone", "DoesNotExist")), False),
        (_required(_label("count", "Gt", "7")), True),
        (_required(_label("count", "Gt", "8")), False),
        (_required(_label("count", "Lt", "9")), True),
        (_required(_label("odd", "Gt", "1")), False),
        (_required(_label("absent", "Lt", "1")), False),
        (_required(_label("zone", "In", "b"), _label("count", "Exists")), True),  # terms: any of them
        (_required(_label("zone", "In", "a") | _name("In", "other")), False),  # within a term: all of it
        (_required({}), False),  # an empty term matches nothing
        (_required(), False),
        (_required(_name("In", "node")), True),
        (_required(_name("NotIn", "node")), False),
        (_required(_name("In", "node", "other")), False),  # more than one name cannot be read
        ({"nodeSelector": {"zone": "b"}, **_required(_label("zone", "In", "a"))}, False),
    ],
)
def test_a_node_suits(spec: dict[str, Any], suits: bool) -> None:  # noqa: FBT001  a table's column
    assert matches(spec, "node", LABELS) is suits


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ([], None),
        ([_name("In", "a")], {"a"}),
        ([_name("In", "a"), _name("In", "b")], {"a", "b"}),
        ([_name("In", "a"), _label("zone", "Exists")], None),
        ([{"matchFields": [*_name("In", "a")["matchFields"], *_name("In", "b")["matchFields"]]}], set()),
        ([_name("NotIn", "a")], None),
    ],
)
def test_only_named_nodes_are_looked_at(terms: list[dict[str, Any]], names: set[str] | None) -> None:
    assert names_wanted(_required(*terms)) == names


def test_weights_of_preferred_terms_add_up() -> None:
    terms = [
        {"weight": 5, "preference": _label("zone", "In", "a")},
        {"weight": 2, "preference": _label("count", "Gt", "1")},
        {"weight": 9, "preference": _label("zone", "In", "b")},
    ]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}
    assert preferred({"affinity": affinity}, "node", LABELS) == 7
