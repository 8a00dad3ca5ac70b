"""What does the API server make of the resources that a pod asks for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.pods import Pods, refusal

if TYPE_CHECKING:
    from kube.client import Api
    from tests.contract.objects import Object

QUANTITY_RULE = (
    'Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression '
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


@pytest.fixture
def pods(api: Api, namespace: str) -> Pods:
    return Pods(api, namespace)


@pytest.mark.parametrize(
    ("sent", "requests", "quality"),
    [
        pytest.param(
            {"limits": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "2"}},
            {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "2"},
            "Guaranteed",
            id="limits are copied to requests",
        ),
        pytest.param(
            {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}},
            {"cpu": "500m", "memory": "1Gi"},
            "Burstable",
            id="a request of its own stays",
        ),
        pytest.param({"requests": {"cpu": "500m"}}, {"cpu": "500m"}, "Burstable", id="requests alone"),
        pytest.param({"limits": {"cpu": "1"}}, {"cpu": "1"}, "Burstable", id="no limit of memory"),
        pytest.param(
            {"limits": {"cpu": "1", "memory": "0"}}, {"cpu": "1", "memory": "0"}, "Burstable", id="zero is no limit"
        ),
        pytest.param(
            {"limits": {"nvidia.com/gpu": "1"}}, {"nvidia.com/gpu": "1"}, "BestEffort", id="GPUs make no quality"
        ),
    ],
)
async def test_limits_become_requests_and_decide_the_quality_of_service(
    pods: Pods, sent: Object, requests: Object, quality: str
) -> None:
    resources, given = await pods.resources(sent)
    assert (resources["requests"], given) == (requests, quality)
    assert resources.get("limits", {}) == sent.get("limits", {})


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1000Ki", "1000Ki"),
        ("1500M", "1500M"),
        ("1000M", "1G"),
        ("0.1Ki", "102400m"),
        ("128974848000m", "128974848"),
        ("1e3", "1e3"),
        ("5E3", "5E3"),
        (2, "2"),
        (0.5, "500m"),
    ],
)
async def test_a_quantity_is_written_in_one_way(pods: Pods, sent: Any, written: str) -> None:
    resources, _ = await pods.resources({"limits": {"memory": sent}})
    assert resources["limits"]["memory"] == written


@pytest.mark.parametrize("sent", ["100u", "0.0001", "1n"])
async def test_a_pod_asks_for_no_less_than_a_thousandth(pods: Pods, sent: str) -> None:
    resources, _ = await pods.resources({"limits": {"cpu": sent}})
    assert resources == {"limits": {"cpu": "1m"}, "requests": {"cpu": "1m"}}


@pytest.mark.parametrize("sent", ["lots", "", True])
async def test_what_is_no_quantity_cannot_be_read(pods: Pods, sent: Any) -> None:
    assert await refusal(pods.resources({"limits": {"cpu": sent}})) == (400, "BadRequest", QUANTITY_RULE)


async def test_extended_resources_are_integers(pods: Pods) -> None:
    assert (await pods.resources({"limits": {"nvidia.com/gpu": "1000m"}}))[0]["limits"] == {"nvidia.com/gpu": "1"}
    sentence = (
        'Pod "one" is invalid: [spec.containers[0].resources.limits[nvidia.com/gpu]: Invalid value: "500m": '
        "must be an integer, spec.containers[0].resources.requests[nvidia.com/gpu]: Invalid value: "
        '"500m": must be an integer]'
    )
    assert await refusal(pods.resources({"limits": {"nvidia.com/gpu": "0.5"}})) == (422, "Invalid", sentence)


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        pytest.param(
            {"limits": {"nvidia.com/gpu": "2"}, "requests": {"nvidia.com/gpu": "1"}},
            '.requests: Invalid value: "1": must be equal to nvidia.com/gpu limit of 2',
            id="an extended resource's request is its limit",
        ),
        pytest.param(
            {"requests": {"nvidia.com/gpu": "1"}},
            ".limits: Required value: Limit must be set for non overcommitable resources",
            id="an extended resource has a limit",
        ),
        pytest.param(
            {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}},
            '.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
            id="no request exceeds its limit",
        ),
        pytest.param(
            {"requests": {"cpu": "-1"}},
            '.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
            id="none is negative",
        ),
        pytest.param(
            {"limits": {"hugepages-2Mi": "4Mi"}}, ": Forbidden: HugePages require cpu or memory", id="huge pages alone"
        ),
    ],
)
async def test_requests_and_limits_fit_each_other(pods: Pods, resources: Object, sentence: str) -> None:
    told = f'Pod "one" is invalid: spec.containers[0].resources{sentence}'
    assert await refusal(pods.resources(resources)) == (422, "Invalid", told)


async def test_a_resource_of_no_domain_is_a_standard_one(pods: Pods) -> None:
    sentence = (
        'Pod "one" is invalid: [spec.containers[0].resources.requests[gpus]: Invalid value: "gpus": must be a '
        'standard resource type or fully qualified, spec.containers[0].resources.requests[gpus]: Invalid value: "gpus"'
        ": must be a standard resource for containers]"
    )
    assert await refusal(pods.resources({"requests": {"gpus": "1"}})) == (422, "Invalid", sentence)
