"""What does the API server make of a pod: its defaults, its priority, its resources, and what of it may change?"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from kube.client import MERGE_PATCH, Api, ApiError
from tests.contract.asking import decoded
from tests.contract.objects import NOBODY, Object, pod

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

MUTABLE = (
    'Pod "one" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,'
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
EVICTED_IN_FIVE_MINUTES = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
]
QUANTITY_RULE = (
    'Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression '
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


class Pods:
    """The pods of one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods"

    async def create(self, body: Object, **query: str) -> Object:
        return decoded(await self._api.request("POST", self._path, body=body, query=query))

    async def tried(self, **spec: Any) -> Object:
        """Return the pod that this spec would make."""
        return await self.create(pod("one", **spec), dryRun="All")

    async def resources(self, resources: Object) -> tuple[Object, str]:
        """Return what becomes of a container's resources, and the pod's quality of service."""
        made = await self.tried(containers=[{"name": "main", "image": "x", "resources": resources}])
        return made["spec"]["containers"][0]["resources"], made["status"]["qosClass"]

    async def patch(self, body: Object, name: str = "one") -> Object:
        answer = await self._api.request("PATCH", f"{self._path}/{name}", body=body, content_type=MERGE_PATCH)
        return decoded(answer)

    async def changed(self, **spec: Any) -> Object:
        return await self.patch({"spec": spec})

    async def put(self, body: Object, name: str) -> Object:
        return decoded(await self._api.request("PUT", f"{self._path}/{name}", body=body))


@pytest.fixture
def pods(api: Api, namespace: str) -> Pods:
    return Pods(api, namespace)


@pytest.fixture
async def one(pods: Pods) -> Object:
    """A pod that nobody binds."""
    return await pods.create(pod("one", schedulerName=NOBODY))


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


async def refusal(answer: Awaitable[Any]) -> tuple[int, str, str]:
    """Return status, reason and first line of a refusal."""
    with pytest.raises(ApiError) as caught:
        await answer
    return caught.value.status, caught.value.reason, caught.value.message.partition("\n")[0]


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


# --- resources ---


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


# --- changes ---


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"nodeName": "gpu-00"}, id="node"),
        pytest.param({"schedulerName": "other"}, id="scheduler"),
        pytest.param({"priority": 3}, id="priority"),
        pytest.param({"priorityClassName": "system-node-critical"}, id="priority class"),
        pytest.param({"terminationGracePeriodSeconds": 5}, id="grace period"),
        pytest.param({"nodeSelector": {"a": "b"}}, id="node selector"),
        pytest.param({"restartPolicy": "Never"}, id="restart policy"),
        pytest.param({"containers": [{"name": "other", "image": "x"}]}, id="container's name"),
        pytest.param({"containers": [{"name": "main", "image": "x", "command": ["a"]}]}, id="command"),
        pytest.param(
            {"containers": [{"name": "main", "image": "x", "resources": {"limits": {"cpu": "1"}}}]}, id="resources"
        ),
    ],
)
async def test_a_pods_spec_stays_as_it_was_created(pods: Pods, spec: Object) -> None:
    assert await refusal(pods.changed(**spec)) == (422, "Invalid", MUTABLE)


@pytest.mark.usefixtures("one")
async def test_a_pods_image_may_change(pods: Pods) -> None:
    changed = await pods.changed(containers=[{"name": "main", "image": "y"}])
    assert changed["spec"]["containers"][0]["image"] == "y"
    assert changed["metadata"]["generation"] == 2


@pytest.mark.usefixtures("one")
async def test_a_pod_keeps_the_number_of_its_containers(pods: Pods) -> None:
    more = [{"name": "main", "image": "x"}, {"name": "more", "image": "x"}]
    sentence = 'Pod "one" is invalid: spec.containers: Forbidden: pod updates may not add or remove containers'
    assert await refusal(pods.changed(containers=more)) == (422, "Invalid", sentence)


@pytest.mark.usefixtures("one")
async def test_a_pods_deadline_may_be_set_and_come_nearer(pods: Pods) -> None:
    for deadline in (100, 50):
        assert (await pods.changed(activeDeadlineSeconds=deadline))["spec"]["activeDeadlineSeconds"] == deadline
    refused: tuple[tuple[int | None, str], ...] = (
        (60, "60: must be less than or equal to previous value"),
        (None, "null: must not update from a positive integer to nil value"),
    )
    for later, told in refused:
        sentence = f'Pod "one" is invalid: spec.activeDeadlineSeconds: Invalid value: {told}'
        assert await refusal(pods.changed(activeDeadlineSeconds=later)) == (422, "Invalid", sentence)


async def test_tolerations_may_be_added_in_any_place_and_none_taken_away(pods: Pods, one: Object) -> None:
    tolerations, more = one["spec"]["tolerations"], {"key": "a", "operator": "Exists"}
    assert (await pods.changed(tolerations=[more, *tolerations]))["spec"]["tolerations"] == [more, *tolerations]
    sentence = (
        'Pod "one" is invalid: spec.tolerations: Forbidden: existing toleration can not be modified '
        "except its tolerationSeconds"
    )
    for fewer in (tolerations, None):
        assert await refusal(pods.changed(tolerations=fewer)) == (422, "Invalid", sentence)


async def test_the_default_tolerations_come_back(pods: Pods) -> None:
    more = {"key": "a", "operator": "Exists"}
    await pods.create(pod("one", schedulerName=NOBODY, tolerations=[more]))
    assert (await pods.changed(tolerations=[more]))["spec"]["tolerations"] == [more, *EVICTED_IN_FIVE_MINUTES]


async def test_a_put_without_priority_keeps_it(pods: Pods, one: Object) -> None:
    spec = {key: value for key, value in one["spec"].items() if key not in ("priority", "preemptionPolicy")}
    assert (await pods.put({**one, "spec": spec}, "one"))["spec"] == one["spec"]


async def test_a_tolerations_seconds_may_change(pods: Pods, one: Object) -> None:
    longer = [{**each, "tolerationSeconds": 900} for each in one["spec"]["tolerations"]]
    assert (await pods.changed(tolerations=longer))["spec"]["tolerations"] == longer


async def test_labels_and_annotations_are_no_new_generation(pods: Pods, one: Object) -> None:
    changed = await pods.patch({"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}})
    assert changed["metadata"]["labels"] == {"app": "one", "a": "b"}
    assert changed["metadata"]["annotations"] == {"c": "d"}
    assert changed["metadata"]["generation"] == one["metadata"]["generation"] == 1


async def test_a_pods_own_path_keeps_its_status(pods: Pods, one: Object) -> None:
    changed = await pods.patch({"status": {"phase": "Running"}})
    assert changed["status"] == one["status"]
    assert changed["metadata"]["resourceVersion"] == one["metadata"]["resourceVersion"]


async def test_the_path_of_the_status_keeps_the_spec(pods: Pods, one: Object) -> None:
    body = {"status": {"phase": "Failed", "message": "m"}, "metadata": {"labels": {"a": "c"}}}
    changed = await pods.patch(body | {"spec": {"nodeName": "gpu-01"}}, "one/status")
    assert changed["status"] == {"phase": "Failed", "message": "m", "qosClass": "BestEffort"}
    assert changed["spec"] == one["spec"]
    assert changed["metadata"]["labels"] == {"app": "one", "a": "c"}
    assert changed["metadata"]["generation"] == 1


@pytest.mark.usefixtures("one")
async def test_a_pods_condition_shows_its_times_even_where_it_has_none(pods: Pods) -> None:
    changed = await pods.patch({"status": {"conditions": [{"type": "Mine", "status": "True"}]}}, "one/status")
    times = {"lastProbeTime": None, "lastTransitionTime": None}
    assert changed["status"]["conditions"] == [{"type": "Mine", "status": "True", **times}]


@pytest.mark.usefixtures("one")
async def test_the_quality_of_service_never_changes(pods: Pods) -> None:
    told = 'Pod "one" is invalid: status.qosClass: Invalid value: "Burstable": field is immutable'
    changed = pods.patch({"status": {"qosClass": "Burstable"}}, "one/status")
    assert await refusal(changed) == (422, "Invalid", told)
    kept = await pods.patch({"status": {"qosClass": None}}, "one/status")
    assert kept["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
