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


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"maxReplicas": 0}, "spec.maxReplicas: Invalid value: 0: must be greater than 0"),
        ({"minReplicas": 4}, "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"),
        ({"scaleTargetRef": {"kind": "Deployment"}}, "spec.scaleTargetRef.name: Required value"),
        ({"scaleTargetRef": {"name": "chat"}}, "spec.scaleTargetRef.kind: Required value"),
    ],
    ids=["no replicas", "bounds the wrong way round", "a target without a name", "a target without a kind"],
)
async def test_a_bad_autoscaler_is_refused(api: Api, autoscalers: str, spec: Any, sentence: str) -> None:
    status, reason, message = await refusal(api, "POST", autoscalers, autoscaler(**spec))
    assert (status, reason) == (422, "Invalid")
    assert sentence in message
