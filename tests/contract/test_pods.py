"""What does the API server make of a new pod: its defaults, its priority, and what of it is refused?"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

import pytest

from kube.client import ApiError
from tests.contract.objects import pod
from tests.contract.pods import EVICTED_IN_FIVE_MINUTES, Pods, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kube.client import Api
    from tests.contract.objects import Object


@pytest.fixture
def pods(api: Api, namespace: str) -> Pods:
    return Pods(api, namespace)


@pytest.fixture
async def important(api: Api, namespace: str) -> AsyncIterator[str]:
    """A priority class of 1000 whose pods preempt nobody."""
    name = f"important-{uuid.uuid4().hex[:8]}"
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    body = {"metadata": {"name": name}, "value": 1000, "preemptionPolicy": "Never"}
    await api.request("POST", path, body=body)
    # Admission goes by what it has heard of, a moment later on the real one.
    async with asyncio.timeout(30.0):
        while not await heard(api, namespace, name):  # noqa: ASYNC110  asked of the API server
            await asyncio.sleep(0.02)
    yield name
    await api.request("DELETE", f"{path}/{name}")


async def heard(api: Api, namespace: str, priority_class: str) -> bool:
    """Tell whether a pod of a priority class is admitted."""
    body = pod("asked", priorityClassName=priority_class)
    try:
        await api.request("POST", f"/api/v1/namespaces/{namespace}/pods", body=body, query={"dryRun": "All"})
    except ApiError:
        return False
    return True


# --- what is filled in ---


async def test_a_pod_gets_its_defaults(pods: Pods) -> None:
    body = {"metadata": {"name": "one"}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    made = await pods.create(body, dryRun="All")
    assert made["spec"] == {
        "containers": [
            {
                "name": "main",
                "image": "x",
                "imagePullPolicy": "Always",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "tolerations": EVICTED_IN_FIVE_MINUTES,
    }
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert made["metadata"]["generation"] == 1


async def test_probes_hooks_and_references_get_their_defaults(pods: Pods) -> None:
    said = {
        "name": "main",
        "image": "x:1",
        "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 0},
        "livenessProbe": {"grpc": {"port": 1}, "periodSeconds": 5},
        "lifecycle": {"preStop": {"httpGet": {"port": 80}}},
    }
    made = (await pods.tried(containers=[said]))["spec"]["containers"][0]
    get = {"path": "/", "port": 80, "scheme": "HTTP"}
    numbers = {"timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}
    assert made["env"][0]["valueFrom"] == {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
    assert made["readinessProbe"] == {"httpGet": get, "periodSeconds": 10, **numbers}
    assert made["livenessProbe"] == {"grpc": {"port": 1, "service": ""}, "periodSeconds": 5, **numbers}
    assert made["lifecycle"] == {"preStop": {"httpGet": get}}


async def test_volumes_get_their_defaults(pods: Pods) -> None:
    item = {"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}
    filled = {"path": "a", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
    sources: dict[str, tuple[Object, Object]] = {
        "none": ({}, {"emptyDir": {}}),
        "secret": ({"secret": {"secretName": "x"}}, {"secret": {"secretName": "x", "defaultMode": 420}}),
        "map": ({"configMap": {"name": "x"}}, {"configMap": {"name": "x", "defaultMode": 420}}),
        "host": ({"hostPath": {"path": "/x"}}, {"hostPath": {"path": "/x", "type": ""}}),
        "down": ({"downwardAPI": {"items": [item]}}, {"downwardAPI": {"items": [filled], "defaultMode": 420}}),
        "image": ({"image": {"reference": "x:1"}}, {"image": {"reference": "x:1", "pullPolicy": "IfNotPresent"}}),
        "all": (
            {"projected": {"sources": [{"downwardAPI": {"items": [item]}}]}},
            {"projected": {"sources": [{"downwardAPI": {"items": [filled]}}], "defaultMode": 420}},
        ),
    }
    made = await pods.tried(volumes=[{"name": name, **sent} for name, (sent, _) in sources.items()])
    assert made["spec"]["volumes"] == [{"name": name, **becomes} for name, (_, becomes) in sources.items()]


async def test_ports_on_the_hosts_network_are_the_hosts(pods: Pods) -> None:
    container = {"name": "main", "image": "x", "ports": [{"containerPort": 80}]}
    made = await pods.tried(hostNetwork=True, containers=[container])
    port = {"containerPort": 80, "hostPort": 80, "protocol": "TCP"}
    assert made["spec"]["containers"][0]["ports"] == [port]


async def test_an_image_with_a_tag_or_digest_is_pulled_once(pods: Pods) -> None:
    images = {"a/b:1": "IfNotPresent", "x@sha256:abc": "IfNotPresent", "a:80/b": "Always", "y:latest": "Always"}
    for image, policy in images.items():
        made = await pods.tried(containers=[{"name": "main", "image": image}])
        assert made["spec"]["containers"][0]["imagePullPolicy"] == policy


async def test_a_ports_protocol_is_tcp(pods: Pods) -> None:
    made = await pods.tried(containers=[{"name": "main", "image": "x", "ports": [{"containerPort": 80}]}])
    assert made["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


async def test_a_pod_that_tolerates_everything_gets_no_more_tolerations(pods: Pods) -> None:
    everything = [{"operator": "Exists"}]
    assert (await pods.tried(tolerations=everything))["spec"]["tolerations"] == everything


async def test_a_status_that_is_sent_along_is_dropped(pods: Pods) -> None:
    body = {**pod("one"), "status": {"phase": "Running", "podIP": "1.2.3.4"}}
    made = await pods.create(body, dryRun="All")
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


async def test_a_pod_may_be_created_on_a_node(pods: Pods) -> None:
    made = await pods.tried(nodeName="gpu-00")
    assert made["spec"]["nodeName"] == "gpu-00"
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


async def test_a_negative_grace_period_becomes_one_second(pods: Pods) -> None:
    assert (await pods.tried(terminationGracePeriodSeconds=-3))["spec"]["terminationGracePeriodSeconds"] == 1


# --- priority ---


async def test_a_priority_class_gives_priority_and_preemption_policy(pods: Pods, important: str) -> None:
    spec = (await pods.tried(priorityClassName=important))["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")


async def test_the_systems_priority_classes_are_there(pods: Pods) -> None:
    for name, value in (("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)):
        assert (await pods.tried(priorityClassName=name))["spec"]["priority"] == value


async def test_an_unknown_priority_class_is_forbidden(pods: Pods) -> None:
    sentence = 'pods "one" is forbidden: no PriorityClass with name none-such was found'
    assert await refusal(pods.tried(priorityClassName="none-such")) == (403, "Forbidden", sentence)


async def test_a_priority_of_the_pods_own_is_forbidden_unless_it_is_the_computed_one(pods: Pods) -> None:
    assert (await pods.tried(priority=0))["spec"]["priority"] == 0
    sentence = (
        'pods "one" is forbidden: the integer value of priority (7) must not be provided in pod spec; '
        "priority admission controller computed 0 from the given PriorityClass name"
    )
    assert await refusal(pods.tried(priority=7)) == (403, "Forbidden", sentence)


async def test_a_preemption_policy_of_the_pods_own_is_forbidden(pods: Pods) -> None:
    sentence = (
        'pods "one" is forbidden: the string value of PreemptionPolicy (Never) must not be provided in pod spec; '
        "priority admission controller computed PreemptLowerPriority from the given PriorityClass name"
    )
    assert await refusal(pods.tried(preemptionPolicy="Never")) == (403, "Forbidden", sentence)


# --- rules ---


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        pytest.param({"containers": []}, "spec.containers: Required value", id="a pod has a container"),
        pytest.param(
            {"containers": [{"image": "x"}]}, "spec.containers[0].name: Required value", id="a container has a name"
        ),
        pytest.param(
            {"containers": [{"name": "a"}]}, "spec.containers[0].image: Required value", id="a container has an image"
        ),
        pytest.param(
            {"containers": [{"name": "a", "image": "x"}, {"name": "a", "image": "x"}]},
            'spec.containers[1].name: Duplicate value: "a"',
            id="containers have different names",
        ),
        pytest.param(
            {"initContainers": [{"name": "main", "image": "x"}]},
            'spec.initContainers[0].name: Duplicate value: "main"',
            id="also from init containers",
        ),
        pytest.param(
            {"restartPolicy": "Sometimes"},
            'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
            id="restart policies",
        ),
        pytest.param(
            {"activeDeadlineSeconds": 0},
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
            id="a deadline is positive",
        ),
        pytest.param(
            {"tolerations": [{"key": "a", "operator": "Maybe"}]},
            'spec.tolerations[0].operator: Unsupported value: "Maybe": supported values: "Equal", "Exists"',
            id="operators of tolerations",
        ),
        pytest.param(
            {"nodeSelector": {"a b": "c"}},
            "spec.nodeSelector: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' "
            "or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
            "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            id="a node selector's keys are label keys",
        ),
    ],
)
async def test_a_pod_that_breaks_a_rule_is_invalid(pods: Pods, spec: Object, sentence: str) -> None:
    assert await refusal(pods.tried(**spec)) == (422, "Invalid", f'Pod "one" is invalid: {sentence}')
