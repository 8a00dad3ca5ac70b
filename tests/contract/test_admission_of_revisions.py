"""Which pods of Knative revisions does admission make a gang? Each sent as a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.objects import Pod

if TYPE_CHECKING:
    from kube.client import Api

REVISION = {"serving.knative.dev/revision": "model-00002"}
MIN, OLD_MIN = "autoscaling.knative.dev/min-scale", "autoscaling.knative.dev/minScale"
INITIAL = "autoscaling.knative.dev/initial-scale"
GANG, LEAST = "plimsoll.dev/gang", "plimsoll.dev/gang-min"


async def admitted(
    api: Api,
    namespace: str,
    annotations: dict[str, str],
    labels: dict[str, str] | None = None,
    limits: dict[str, str] | None = None,
    **spec: Any,
) -> Pod:
    resources = {"limits": {"nvidia.com/gpu": "1"} if limits is None else limits}
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "asked", "labels": REVISION if labels is None else labels, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": "none", "resources": resources}], **spec},
    }
    answer = await api.request("POST", f"/api/v1/namespaces/{namespace}/pods", query={"dryRun": "All"}, body=body)
    return msgspec.json.decode(answer, type=Pod)


def gang(pod: Pod) -> tuple[str | None, str | None, bool]:
    """Return a pod's gang, its minimum, and whether it is held back."""
    labels, annotations = pod.metadata.labels or {}, pod.metadata.annotations or {}
    return labels.get(GANG), annotations.get(LEAST), [gate.name for gate in pod.spec.scheduling_gates or ()] == [GANG]


@pytest.mark.parametrize(
    ("annotations", "least"),
    [
        pytest.param({MIN: "2"}, "2", id="min-scale"),
        pytest.param({OLD_MIN: "8"}, "8", id="the older key"),
        pytest.param({MIN: "3", OLD_MIN: "8"}, "3", id="the newer key of both"),
        pytest.param({MIN: " 0012 "}, "12", id="written with zeros and blanks"),
        pytest.param({MIN: "10000"}, "10000", id="as many as a gang may have"),
        pytest.param({MIN: "4", INITIAL: "6"}, "4", id="more to begin with are members beyond the minimum"),
        pytest.param({MIN: "4", LEAST: "3"}, "3", id="a minimum that the revision says itself"),
        pytest.param({LEAST: "2"}, "2", id="only a minimum that it says itself"),
    ],
)
async def test_pods_of_a_revision_that_never_has_fewer_are_a_gang_of_its_name(
    api: Api, knative_namespace: str, annotations: dict[str, str], least: str
) -> None:
    assert gang(await admitted(api, knative_namespace, annotations)) == ("model-00002", least, True)


@pytest.mark.parametrize(
    "annotations",
    [
        pytest.param({}, id="nothing said"),
        pytest.param({MIN: "0"}, id="it may go to zero"),
        pytest.param({MIN: "1"}, id="one pod is no gang"),
        pytest.param({INITIAL: "4"}, id="it may come back from zero with fewer than it began with"),
        pytest.param({MIN: "1", INITIAL: "4"}, id="it may run with fewer than it began with"),
        pytest.param({MIN: "many"}, id="no number"),
        pytest.param({MIN: "-3"}, id="negative"),
        pytest.param({MIN: "10001"}, id="more than a gang may have"),
        pytest.param({MIN: "0", OLD_MIN: "8"}, id="the newer key says that it may go to zero"),
    ],
)
async def test_pods_of_a_revision_that_may_have_fewer_are_none(
    api: Api, knative_namespace: str, annotations: dict[str, str]
) -> None:
    assert gang(await admitted(api, knative_namespace, annotations)) == (None, None, False)


async def test_a_share_of_a_gpu_is_enough(api: Api, knative_namespace: str) -> None:
    pod = await admitted(api, knative_namespace, {MIN: "2", "gpu-fraction": "0.5"}, limits={})
    assert gang(pod) == ("model-00002", "2", True)


async def test_a_gang_that_the_revision_names_itself_stays(api: Api, knative_namespace: str) -> None:
    pod = await admitted(api, knative_namespace, {MIN: "4", LEAST: "2"}, {**REVISION, GANG: "mine"})
    assert gang(pod) == ("mine", "2", True)


async def test_a_pod_of_no_revision_is_no_gang(api: Api, knative_namespace: str) -> None:
    assert gang(await admitted(api, knative_namespace, {MIN: "4"}, {"app": "a"})) == (None, None, False)
    assert gang(await admitted(api, knative_namespace, {MIN: "4"}, {})) == (None, None, False)


async def test_a_pod_without_gpus_or_with_a_node_is_no_gang(api: Api, knative_namespace: str) -> None:
    assert gang(await admitted(api, knative_namespace, {MIN: "4"}, limits={"cpu": "1"})) == (None, None, False)
    assert gang(await admitted(api, knative_namespace, {MIN: "4"}, nodeName="gpu-00")) == (None, None, False)


async def test_where_the_namespace_does_not_say_so_revisions_are_no_gangs(api: Api, managed_namespace: str) -> None:
    assert gang(await admitted(api, managed_namespace, {MIN: "4"})) == (None, None, False)
