"""What of a pod may change once it is there, and through which path?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.objects import NOBODY, pod
from tests.contract.pods import EVICTED_IN_FIVE_MINUTES, Pods, refusal

if TYPE_CHECKING:
    from kube.client import Api
    from tests.contract.objects import Object

MUTABLE = (
    'Pod "one" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,'
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


@pytest.fixture
def pods(api: Api, namespace: str) -> Pods:
    return Pods(api, namespace)


@pytest.fixture
async def one(pods: Pods) -> Object:
    """A pod that nobody binds."""
    return await pods.create(pod("one", schedulerName=NOBODY))


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
