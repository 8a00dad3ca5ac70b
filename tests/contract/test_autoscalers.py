"""What may be said to a HorizontalPodAutoscaler? What it does to replicas is no claim: nobody acts here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kube.client import MERGE_PATCH
from tests.contract.asking import ask, refusal

if TYPE_CHECKING:
    from kube.client import Api

ALL = "/apis/autoscaling/v2/horizontalpodautoscalers"


def autoscaler(**spec: Any) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "absent"}
    return {"metadata": {"name": "chat"}, "spec": {"maxReplicas": 3, "scaleTargetRef": reference, **spec}}


@pytest.fixture
def autoscalers(namespace: str) -> str:
    return f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"


async def test_an_autoscaler_tells_what_it_scales(api: Api, autoscalers: str) -> None:
    made = await ask(api, "POST", autoscalers, autoscaler())
    assert (made["kind"], made["apiVersion"]) == ("HorizontalPodAutoscaler", "autoscaling/v2")
    assert made["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "absent"}
    assert (await ask(api, "GET", f"{autoscalers}/chat"))["spec"] == made["spec"]


async def test_autoscalers_of_all_namespaces_are_listed(api: Api, autoscalers: str) -> None:
    made = await ask(api, "POST", autoscalers, autoscaler())
    assert made["metadata"]["uid"] in {each["metadata"]["uid"] for each in (await ask(api, "GET", ALL))["items"]}


async def test_an_autoscaler_without_bounds_and_metrics_gets_them(api: Api, autoscalers: str) -> None:
    made = await ask(api, "POST", autoscalers, autoscaler())
    target = {"type": "Utilization", "averageUtilization": 80}
    assert made["spec"]["minReplicas"] == 1
    assert made["spec"]["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    assert made["status"] == {"desiredReplicas": 0, "currentMetrics": None}


async def test_the_target_of_an_autoscaler_can_be_changed(api: Api, autoscalers: str) -> None:
    await ask(api, "POST", autoscalers, autoscaler())
    other = {"spec": {"scaleTargetRef": {"name": "other"}}}
    changed = await ask(api, "PATCH", f"{autoscalers}/chat", other, MERGE_PATCH)
    assert changed["spec"]["scaleTargetRef"]["name"] == "other"


_ZERO = "must specify at least one Object or External metric to support scaling to zero replicas"
_BELOW = "must be greater than or equal to `minReplicas`"
_NO_GROUP = 'spec.scaleTargetRef.apiVersion: Invalid value: "{}": apiVersion must specify API group'


@pytest.mark.parametrize(
    ("spec", "causes"),
    [
        (
            {"maxReplicas": 0},
            [
                "spec.maxReplicas: Required value: must be set and greater than 0",
                f"spec.maxReplicas: Invalid value: 0: {_BELOW}",
            ],
        ),
        (
            {"maxReplicas": -1},
            [
                "spec.maxReplicas: Invalid value: -1: must be greater than or equal to 1",
                f"spec.maxReplicas: Invalid value: -1: {_BELOW}",
            ],
        ),
        ({"minReplicas": 4}, [f"spec.maxReplicas: Invalid value: 3: {_BELOW}"]),
        ({"minReplicas": -1}, ["spec.minReplicas: Invalid value: -1: must be greater than or equal to 1"]),
        (
            {"minReplicas": 0},
            [
                "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
                f"spec.metrics: Forbidden: {_ZERO}",
            ],
        ),
        (
            {"scaleTargetRef": {}},
            [
                "spec.scaleTargetRef.kind: Required value",
                "spec.scaleTargetRef.name: Required value",
                _NO_GROUP.format(""),
            ],
        ),
        ({"scaleTargetRef": {"apiVersion": "v1", "kind": "Pod", "name": "x"}}, [_NO_GROUP.format("v1")]),
        (
            {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "a/b", "name": "c%d"}},
            [
                "spec.scaleTargetRef.kind: Invalid value: \"a/b\": may not contain '/'",
                "spec.scaleTargetRef.name: Invalid value: \"c%d\": may not contain '%'",
            ],
        ),
    ],
    ids=[
        "no replicas", "fewer than none", "bounds the wrong way round", "a negative least", "none at least",
        "nothing to scale", "a target without a group", "a target whose name is none",
    ],
)  # fmt: skip
async def test_a_bad_autoscaler_is_refused(api: Api, autoscalers: str, spec: Any, causes: list[str]) -> None:
    told = ", ".join(causes)
    whole = f'HorizontalPodAutoscaler.autoscaling "chat" is invalid: {told if len(causes) == 1 else f"[{told}]"}'
    assert await refusal(api, "POST", autoscalers, autoscaler(**spec)) == (422, "Invalid", whole)


@pytest.mark.parametrize("rest", [{}, {"spec": {}}, {"spec": None}])
async def test_an_autoscaler_that_says_nothing_is_refused(api: Api, autoscalers: str, rest: Any) -> None:
    status, reason, sentence = await refusal(api, "POST", autoscalers, {"metadata": {"name": "chat"}, **rest})
    assert (status, reason) == (422, "Invalid")
    assert "spec.maxReplicas: Required value: must be set and greater than 0" in sentence
    assert "spec.scaleTargetRef.name: Required value" in sentence
    await ask(api, "POST", autoscalers, autoscaler())
    body = {"metadata": {"name": "chat"}, **rest}
    assert (await refusal(api, "PUT", f"{autoscalers}/chat", body)) == (422, "Invalid", sentence)


async def test_a_status_that_is_sent_along_with_an_autoscaler_belongs_to_nobody(api: Api, autoscalers: str) -> None:
    status = {"currentReplicas": 2, "desiredReplicas": 2}
    made = await ask(api, "POST", autoscalers, {**autoscaler(), "status": status})
    assert made["status"]["desiredReplicas"] == 0
    (entry,) = made["metadata"]["managedFields"]
    assert entry["fieldsV1"].keys() == {"f:spec"}


async def test_a_replication_controller_is_a_target_without_a_group(api: Api, autoscalers: str) -> None:
    reference = {"apiVersion": "v1", "kind": "ReplicationController", "name": "old"}
    made = await ask(api, "POST", autoscalers, autoscaler(scaleTargetRef=reference))
    assert made["spec"]["scaleTargetRef"] == reference


async def test_a_count_that_is_no_number_is_refused(api: Api, autoscalers: str) -> None:
    kind = "HorizontalPodAutoscaler"
    why = f"json: cannot unmarshal string into Go struct field {kind}Spec.spec.maxReplicas of type int32"
    told = f'{kind} in version "v2" cannot be handled as a {kind}: {why}'
    assert await refusal(api, "POST", autoscalers, autoscaler(maxReplicas="3")) == (400, "BadRequest", told)
