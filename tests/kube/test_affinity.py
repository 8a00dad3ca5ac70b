"""Of a label a pod accepts what its selector and its required affinity say, and any value where that is unclear."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kube.affinity import accepted
from kube.objects import PodSpec

PRODUCT = "nvidia.com/gpu.product"


def within(*values: str, operator: str = "In", key: str = PRODUCT) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


def required(*terms: list[dict[str, Any]]) -> dict[str, Any]:
    selector = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}}


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        pytest.param({}, (), id="a pod that says nothing"),
        pytest.param({"nodeSelector": {PRODUCT: "A"}}, ("A",), id="a selector"),
        pytest.param({"nodeSelector": {"zone": "A"}}, (), id="a selector of another label"),
        pytest.param(required([within("B", "A")]), ("A", "B"), id="an affinity, sorted"),
        pytest.param(required([within("B")], [within("A")]), ("A", "B"), id="one of several terms"),
        pytest.param(required([within("A", "B"), within("B", "C")]), ("B",), id="all expressions of a term"),
        pytest.param(required([within("A"), within("z", key="zone")]), ("A",), id="beside another label"),
        pytest.param(required([within("A")], [within("z", key="zone")]), (), id="a term without the label"),
        pytest.param(required([within("A", operator="NotIn")]), (), id="another operator"),
        pytest.param(required([within(operator="Exists")]), (), id="a label that must be there"),
        pytest.param(required([within("A")], []), ("A",), id="an empty term matches no node"),
        pytest.param(required(), (), id="no term"),
        pytest.param({"affinity": {"nodeAffinity": {}}}, (), id="what is merely preferred"),
        pytest.param({"affinity": {"podAffinity": {}}}, (), id="an affinity to pods"),
        pytest.param({"nodeSelector": {PRODUCT: "A"}} | required([within("A", "B")]), ("A",), id="both"),
        pytest.param({"nodeSelector": {PRODUCT: "A"}} | required([within("B")]), ("A",), id="a contradiction"),
    ],
)
def test_the_accepted_values_are_read(spec: dict[str, Any], values: tuple[str, ...]) -> None:
    assert accepted(msgspec.convert(spec, PodSpec), PRODUCT) == values


def test_another_label_may_be_asked_about() -> None:
    spec = msgspec.convert(required([within("z", key="zone")]), PodSpec)
    assert accepted(spec, "zone") == ("z",)
