"""What may be done to a pod that its scheduling gates hold back, and what no longer once they are gone?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kube.client import MERGE_PATCH, Api, ApiError
from tests.contract.asking import decoded
from tests.contract.objects import NOBODY, Object, pod

if TYPE_CHECKING:
    from collections.abc import Awaitable

JSON_PATCH = "application/json-patch+json"
GATES = [{"name": "plimsoll.dev/a"}, {"name": "plimsoll.dev/b"}]
TERMS = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
MUTABLE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


class Gated:
    """One gated pod, which selects nodes by the label x=y."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods"

    async def create(self, **spec: Any) -> Object:
        body = pod("one", **{"schedulerName": NOBODY, "schedulingGates": GATES, "nodeSelector": {"x": "y"}, **spec})
        return decoded(await self._api.request("POST", self._path, body=body))

    async def changed(self, **spec: Any) -> Object:
        return await self.patched({"spec": spec}, MERGE_PATCH)

    async def patched(self, body: Any, content_type: str) -> Object:
        answer = await self._api.request("PATCH", f"{self._path}/one", body=body, content_type=content_type)
        return decoded(answer)

    async def bind(self) -> None:
        body = {"metadata": {"name": "one"}, "target": {"kind": "Node", "name": "gpu-00"}}
        await self._api.request("POST", f"{self._path}/one/binding", body=body)


@pytest.fixture
def unmade(api: Api, namespace: str) -> Gated:
    return Gated(api, namespace)


@pytest.fixture
async def gated(unmade: Gated) -> Gated:
    await unmade.create()
    return unmade


async def invalid(answer: Awaitable[Any]) -> str:
    """Return what is wrong with a pod, without the lines that follow the first."""
    with pytest.raises(ApiError) as caught:
        await answer
    assert (caught.value.status, caught.value.reason) == (422, "Invalid")
    return caught.value.message.partition("\n")[0].removeprefix('Pod "one" is invalid: ')


def on_node(name: str, **more: Any) -> Object:
    """Return the affinity to one node, by its name."""
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}], **more}
    return required(term)


def required(*terms: Object) -> Object:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


async def test_a_gated_pod_says_so(unmade: Gated) -> None:
    (condition,) = (await unmade.create())["status"]["conditions"]
    assert condition.pop("lastTransitionTime")
    assert condition == {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        pytest.param(
            {"schedulingGates": [GATES[0], GATES[0]]},
            'spec.schedulingGates[1]: Duplicate value: "plimsoll.dev/a"',
            id="twice the same",
        ),
        pytest.param(
            {"schedulingGates": [{"name": "a b"}]},
            "spec.schedulingGates[0]: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', "
            "'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
            "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            id="no qualified name",
        ),
        pytest.param(
            {"nodeName": "gpu-00"},
            "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
            id="on a node already",
        ),
    ],
)
async def test_bad_gates_are_refused(unmade: Gated, spec: Object, sentence: str) -> None:
    assert await invalid(unmade.create(**spec)) == sentence


async def test_a_gated_pod_is_not_bound(gated: Gated) -> None:
    with pytest.raises(ApiError) as caught:
        await gated.bind()
    assert (caught.value.status, caught.value.reason, caught.value.message) == (
        409,
        "Conflict",
        'Operation cannot be fulfilled on pods/binding "one": pod one has non-empty .spec.schedulingGates',
    )


async def test_gates_are_never_added(gated: Gated) -> None:
    more = {"name": "plimsoll.dev/c"}
    sentence = "name: Forbidden: only deletion is allowed, but found new scheduling gate 'plimsoll.dev/c'"
    assert await invalid(gated.changed(schedulingGates=[*GATES, more])) == f"spec.schedulingGates[2].{sentence}"
    assert await invalid(gated.changed(schedulingGates=[more])) == f"spec.schedulingGates[0].{sentence}"


async def test_gates_do_not_come_back(gated: Gated) -> None:
    await gated.changed(schedulingGates=None)
    sentence = "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate "
    assert await invalid(gated.changed(schedulingGates=GATES[:1])) == f"{sentence}'plimsoll.dev/a'"


async def test_gates_go_one_by_one_or_change_places(gated: Gated) -> None:
    for gates in (GATES[::-1], GATES[1:]):
        assert (await gated.changed(schedulingGates=gates))["spec"]["schedulingGates"] == gates
    ungated = await gated.changed(schedulingGates=[])
    assert "schedulingGates" not in ungated["spec"]
    assert ungated["metadata"]["generation"] == 4


async def test_the_condition_of_an_ungated_pod_stays_until_it_is_scheduled(gated: Gated) -> None:
    ungated = await gated.changed(schedulingGates=None)
    assert [each["reason"] for each in ungated["status"]["conditions"]] == ["SchedulingGated"]


async def test_a_pod_is_pinned_and_ungated_in_one_json_patch(unmade: Gated) -> None:
    await unmade.create(schedulingGates=GATES[:1], nodeSelector=None)
    pinned = await unmade.patched(
        [
            {"op": "test", "path": "/spec/schedulingGates/0/name", "value": "plimsoll.dev/a"},
            {"op": "add", "path": "/spec/affinity", "value": on_node("gpu-02")},
            {"op": "remove", "path": "/spec/schedulingGates/0"},
        ],
        JSON_PATCH,
    )
    assert pinned["spec"]["affinity"] == on_node("gpu-02")
    assert "schedulingGates" not in pinned["spec"]
    assert pinned["metadata"]["generation"] == 2


async def test_a_gated_pods_node_selector_is_only_narrowed(gated: Gated) -> None:
    assert (await gated.changed(nodeSelector={"k": "v"}))["spec"]["nodeSelector"] == {"x": "y", "k": "v"}
    sentence = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
    changed = 'spec.nodeSelector: Invalid value: {"k":"v","x":"z"}: '
    assert await invalid(gated.changed(nodeSelector={"x": "z"})) == changed + sentence
    assert await invalid(gated.changed(nodeSelector=None)) == "spec.nodeSelector: Invalid value: null: " + sentence


async def test_a_gated_pods_node_affinity_is_only_narrowed(gated: Gated) -> None:
    await gated.changed(affinity=on_node("gpu-00"))
    expressions = [{"key": "zone", "operator": "Exists"}]
    narrowed = await gated.changed(affinity=on_node("gpu-00", matchExpressions=expressions))
    assert narrowed["spec"]["affinity"] == on_node("gpu-00", matchExpressions=expressions)
    sentence = (
        f'{TERMS}[0]: Invalid value: {{"MatchExpressions":null,"MatchFields":[{{"Key":"metadata.name",'
        '"Operator":"In","Values":["gpu-01"]}]}: only additions are allowed (no mutations or deletions)'
    )
    assert await invalid(gated.changed(affinity=on_node("gpu-01"))) == sentence


async def test_a_gated_pods_node_affinity_keeps_its_terms(gated: Gated) -> None:
    zone = {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}
    await gated.changed(affinity=required(zone))
    sentence = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
    assert await invalid(gated.changed(affinity=None)) == f"{TERMS}: Invalid value: null: {sentence}"
    term = '{"MatchExpressions":[{"Key":"zone","Operator":"Exists","Values":null}],"MatchFields":null}'
    more = f"{TERMS}: Invalid value: [{term},{term}]: {sentence}"
    assert await invalid(gated.changed(affinity=required(zone, zone))) == more


async def test_a_gated_pods_term_that_suits_no_node_stays_so(gated: Gated) -> None:
    await gated.changed(affinity=required({}))
    sentence = (
        f'{TERMS}[0]: Invalid value: {{"MatchExpressions":[{{"Key":"zone","Operator":"Exists","Values":null}}],'
        '"MatchFields":null}: only additions are allowed (no mutations or deletions)'
    )
    zone = {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}
    assert await invalid(gated.changed(affinity=required(zone))) == sentence


async def test_a_gated_pods_preferred_nodes_may_change(gated: Gated) -> None:
    preferred = [{"weight": 1, "preference": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}}]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    assert (await gated.changed(affinity=affinity))["spec"]["affinity"] == affinity


async def test_a_node_is_named_one_at_a_time_by_a_field(gated: Gated) -> None:
    field = f"{TERMS}[0].matchFields[0]"
    two = {"key": "metadata.name", "operator": "In", "values": ["gpu-00", "gpu-01"]}
    sentence = "Required value: must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
    assert await invalid(gated.changed(affinity=required({"matchFields": [two]}))) == f"{field}.values: {sentence}"
    other = {"key": "metadata.namespace", "operator": "In", "values": ["x"]}
    sentence = 'Invalid value: "metadata.namespace": not a valid field selector key'
    assert await invalid(gated.changed(affinity=required({"matchFields": [other]}))) == f"{field}.key: {sentence}"


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"nodeName": "gpu-00"}, id="node"),
        pytest.param({"schedulerName": "other"}, id="scheduler"),
        pytest.param(
            {"containers": [{"name": "main", "image": "x", "resources": {"limits": {"cpu": "1"}}}]}, id="resources"
        ),
        pytest.param(
            {
                "affinity": {
                    "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}
                }
            },
            id="pod affinity",
        ),
    ],
)
async def test_nothing_else_of_a_gated_pod_changes(gated: Gated, spec: Object) -> None:
    assert await invalid(gated.changed(**spec)) == MUTABLE


async def test_the_last_gate_may_go_together_with_a_narrower_selector_but_not_before_it(gated: Gated) -> None:
    ungated = await gated.changed(schedulingGates=None, nodeSelector={"last": "1"})
    assert ungated["spec"]["nodeSelector"] == {"x": "y", "last": "1"}
    assert await invalid(gated.changed(nodeSelector={"later": "1"})) == MUTABLE
    assert await invalid(gated.changed(affinity=on_node("gpu-00"))) == MUTABLE
