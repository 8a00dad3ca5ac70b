"""How is a member of a gang let go? Pinned to its node, told its plan, and freed of its gate in one change.

What a kube-scheduler extender does that plans gangs; each change holds of the very version that it was made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from extender.core.model import PodKey
from extender.shell import cluster
from extender.shell.members import GatedPod, letting_go
from kube.client import JSON_PATCH, MERGE_PATCH
from kube.gangs import GANG, PLAN, Planned, written
from kube.gpus import MilliGpu, Placement
from tests.contract.asking import Object, ask, refusal
from tests.contract.objects import NOBODY, pod

if TYPE_CHECKING:
    from kube.client import Api

PLANNED = Planned("gpu-02", Placement(("0", "3"), MilliGpu(250)))
PIN = {"key": "metadata.name", "operator": "In", "values": ["gpu-02"]}
ZONE = {"key": "zone", "operator": "Exists"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = [{"weight": 1, "preference": {"matchExpressions": [ZONE]}}]


@pytest.fixture
def pods(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


async def created(api: Api, pods: str, **spec: Any) -> Object:
    body = pod("one", **{"schedulerName": NOBODY, "schedulingGates": [{"name": GANG}], **spec})
    return await ask(api, "POST", pods, body)


def patch_of(made: Object) -> list[Object]:
    patch = letting_go(msgspec.convert(made, GatedPod), PLANNED)
    assert patch is not None
    return patch


def required(*terms: Object) -> Object:
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}


@pytest.mark.parametrize(
    ("affinity", "then"),
    [
        pytest.param(None, required({"matchFields": [PIN]}), id="no affinity"),
        pytest.param(
            required({"matchExpressions": [ZONE]}),
            required({"matchExpressions": [ZONE], "matchFields": [PIN]}),
            id="a label that it needs",
        ),
        pytest.param(
            required({"matchExpressions": [ZONE]}, {"matchFields": [PIN]}),
            required({"matchExpressions": [ZONE], "matchFields": [PIN]}, {"matchFields": [PIN, PIN]}),
            id="several terms",
        ),
        pytest.param(
            required({"matchExpressions": [ZONE]}, {}),
            required({"matchExpressions": [ZONE], "matchFields": [PIN]}, {}),
            id="a term that suits no node",
        ),
        pytest.param(
            {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": PREFERRED}},
            {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": PREFERRED,
                    REQUIRED: {"nodeSelectorTerms": [{"matchFields": [PIN]}]},
                }
            },
            id="nodes that it prefers",
        ),
    ],
)
async def test_a_member_is_pinned_told_its_plan_and_freed_of_its_gate_at_once(
    api: Api, pods: str, affinity: Object | None, then: Object
) -> None:
    made = await created(api, pods, affinity=affinity)
    freed = await ask(api, "PATCH", f"{pods}/one", patch_of(made), JSON_PATCH)
    assert "schedulingGates" not in freed["spec"]
    assert freed["spec"]["affinity"] == then
    assert freed["metadata"]["annotations"] == {PLAN: written(PLANNED)}


async def test_other_gates_stay(api: Api, pods: str) -> None:
    gates = [{"name": "example.com/a"}, {"name": GANG}, {"name": "example.com/b"}]
    made = await created(api, pods, schedulingGates=gates)
    freed = await ask(api, "PATCH", f"{pods}/one", patch_of(made), JSON_PATCH)
    assert freed["spec"]["schedulingGates"] == [gates[0], gates[2]]


async def test_a_member_that_was_changed_meanwhile_is_not_let_go(api: Api, pods: str) -> None:
    made = await created(api, pods)
    patch = patch_of(made)
    await ask(api, "PATCH", f"{pods}/one", {"metadata": {"labels": {"x": "y"}}}, MERGE_PATCH)
    status, reason, sentence = await refusal(api, "PATCH", f"{pods}/one", patch, JSON_PATCH)
    assert (status, reason) == (422, "Invalid")
    assert sentence == "the server rejected our request due to an error in our request"
    assert (await ask(api, "GET", f"{pods}/one"))["spec"]["schedulingGates"] == [{"name": GANG}]


async def test_a_member_is_let_go_once(api: Api, pods: str) -> None:
    made = await created(api, pods)
    patch = patch_of(made)
    freed = await ask(api, "PATCH", f"{pods}/one", patch, JSON_PATCH)
    status, reason, _ = await refusal(api, "PATCH", f"{pods}/one", patch, JSON_PATCH)
    assert (status, reason) == (422, "Invalid")
    assert letting_go(msgspec.convert(freed, GatedPod), PLANNED) is None


async def test_a_member_that_is_free_already_is_left_as_it_is(api: Api, pods: str) -> None:
    meta = (await created(api, pods))["metadata"]
    key = PodKey(meta["uid"], meta["namespace"], meta["name"])
    first = await cluster.let_go(api, key, PLANNED, lambda: True)
    again = await cluster.let_go(api, key, PLANNED, lambda: True)
    assert first is not None
    assert again is not None
    assert (first.gated, again.version) == (False, first.version)
