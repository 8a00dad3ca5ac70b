"""The admission policy of deploy/ on a real API server, each pod sent as a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.client import ApiError
from kube.objects import Container, Pod

if TYPE_CHECKING:
    from kube.client import Api

MARKER = {"plimsoll.dev/gpu": "1"}


def container(name: str = "main", **limits: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": name, "image": "none"}
    if limits:
        spec["resources"] = {"limits": {key.replace("gpu", "nvidia.com/gpu"): value for key, value in limits.items()}}
    return spec


async def admitted(
    api: Api,
    namespace: str,
    *containers: dict[str, Any],
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Pod:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "asked", "annotations": annotations or {}},
        "spec": {"containers": containers or [container()], **spec},
    }

    answer = await api.request("POST", f"/api/v1/namespaces/{namespace}/pods", query={"dryRun": "All"}, body=body)
    return msgspec.json.decode(answer, type=Pod)


def limits(of: Container) -> dict[str, str]:
    assert of.resources is not None
    assert (of.resources.limits or {}).items() <= (of.resources.requests or {}).items()
    return of.resources.limits or {}


async def test_a_fraction_pod_gets_the_marker_and_our_scheduler(api: Api, managed_namespace: str) -> None:
    pod = await admitted(api, managed_namespace, annotations={"gpu-fraction": "0.25"})
    assert limits(pod.spec.containers[0]) == MARKER
    assert pod.spec.scheduler_name == "plimsoll"


async def test_a_malformed_fraction_is_left_to_the_extender(api: Api, managed_namespace: str) -> None:
    pod = await admitted(api, managed_namespace, annotations={"gpu-fraction": "abc"})
    assert limits(pod.spec.containers[0]) == MARKER


async def test_the_named_container_gets_the_marker(api: Api, managed_namespace: str) -> None:
    annotations = {"gpu-memory": "4096", "gpu-fraction-container-name": "model"}
    pod = await admitted(
        api, managed_namespace, container("proxy"), container("model", cpu="1"), annotations=annotations
    )
    assert [limits(each) for each in pod.spec.containers] == [{}, {"cpu": "1", **MARKER}]


async def test_an_unknown_container_name_means_the_first(api: Api, managed_namespace: str) -> None:
    annotations = {"gpu-memory": "4096", "gpu-fraction-container-name": "absent"}
    pod = await admitted(api, managed_namespace, container("proxy"), container("model"), annotations=annotations)
    assert [limits(each) for each in pod.spec.containers] == [MARKER, {}]


async def test_whole_gpus_become_marker_and_annotation(api: Api, managed_namespace: str) -> None:
    pod = await admitted(
        api, managed_namespace, container("a", gpu="1", cpu="2"), container("b"), container("c", gpu="2")
    )
    assert [limits(each) for each in pod.spec.containers] == [{"cpu": "2", **MARKER}, {}, MARKER]
    assert pod.metadata.annotations == {"plimsoll.dev/gpus": "3"}
    assert pod.spec.scheduler_name == "plimsoll"


def init(gpus: str) -> dict[str, Any]:
    return container(f"load{gpus}", gpu=gpus)


def sidecar(gpus: str) -> dict[str, Any]:
    return {**container(f"sidecar{gpus}", gpu=gpus), "restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("inits", "total"),
    [
        pytest.param([], "2", id="no init container"),
        pytest.param([init("1")], "2", id="a small one runs before the containers take their GPUs"),
        pytest.param([init("4")], "4", id="a large one decides"),
        pytest.param([init("4"), init("3")], "4", id="they run one at a time"),
        pytest.param([sidecar("1")], "3", id="a sidecar runs beside the containers"),
        pytest.param([init("4"), sidecar("1")], "4", id="a sidecar that stands later does not run yet"),
        pytest.param([sidecar("1"), init("4")], "5", id="a sidecar that stands before runs already"),
        pytest.param([sidecar("1"), init("3"), sidecar("3")], "6", id="two sidecars beside the containers decide"),
        pytest.param([sidecar("1"), init("6"), sidecar("3")], "7", id="only the first of two sidecars runs already"),
        pytest.param([sidecar("1"), sidecar("3"), init("4")], "8", id="both sidecars run already"),
    ],
)
async def test_gpus_of_init_containers_count_as_the_scheduler_counts(
    api: Api, managed_namespace: str, inits: list[dict[str, Any]], total: str
) -> None:
    pod = await admitted(api, managed_namespace, container("main", gpu="2"), initContainers=inits)
    assert pod.metadata.annotations == {"plimsoll.dev/gpus": total}
    assert [limits(each) for each in pod.spec.init_containers or []] == [MARKER] * len(inits)


@pytest.mark.parametrize("request_", ["1", "3"])
async def test_a_gpu_request_that_is_not_its_limit_gets_kubernetes_own_message(
    api: Api, managed_namespace: str, request_: str
) -> None:
    unequal = container("unequal", gpu="2")
    unequal["resources"]["requests"] = {"nvidia.com/gpu": request_}
    for containers, inits in (([container("good", gpu="1"), unequal], []), ([container("good", gpu="1")], [unequal])):
        with pytest.raises(ApiError, match=r"must be equal to nvidia\.com/gpu limit"):
            await admitted(api, managed_namespace, *containers, initContainers=inits)


async def test_a_gpu_request_written_differently_is_still_its_limit(api: Api, managed_namespace: str) -> None:
    same = container("main", gpu="2")
    same["resources"]["requests"] = {"nvidia.com/gpu": "2000m"}
    pod = await admitted(api, managed_namespace, same)
    assert pod.metadata.annotations == {"plimsoll.dev/gpus": "2"}
    assert limits(pod.spec.containers[0]) == MARKER


async def test_what_admission_writes_cannot_be_brought_along(api: Api, managed_namespace: str) -> None:
    brought = {"plimsoll.dev/gpus": "8", "mine": "kept"}
    assert (await admitted(api, managed_namespace, annotations=brought)).metadata.annotations == {"mine": "kept"}
    whole = await admitted(api, managed_namespace, container(gpu="1"), annotations=brought)
    assert whole.metadata.annotations == {"mine": "kept", "plimsoll.dev/gpus": "1"}


@pytest.mark.parametrize(
    "key",
    [
        "plimsoll.dev/devices",
        "plimsoll.dev/gpu-milli",
        "plimsoll.dev/gang-plan",
        "plimsoll.dev/gang-shown",
        "plimsoll.dev/gang-whole",
        "nvidia.com/container.main.gpus.devices",
        "nvidia.com/container.main.gpu-memory.limit",
        "hami.io/vgpu-devices-allocated",
        "hami.io/bind-phase",
    ],
)
async def test_a_pod_that_says_which_devices_it_has_is_refused(api: Api, managed_namespace: str, key: str) -> None:
    with pytest.raises(ApiError) as refused:
        await admitted(api, managed_namespace, annotations={key: "1"})
    assert refused.value.status == 422
    policy = "ValidatingAdmissionPolicy 'plimsoll-devices' with binding 'plimsoll-devices' denied request"
    why = "only Plimsoll writes which devices a pod has; ask with gpu-fraction, gpu-memory or nvidia.com/gpu"
    assert refused.value.message == f'pods "asked" is forbidden: {policy}: annotation {key}: {why}'


async def test_a_pod_that_names_the_devices_that_it_sees_is_refused(api: Api, managed_namespace: str) -> None:
    def sees(value: str) -> dict[str, Any]:
        return container() | {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": value}]}

    with pytest.raises(ApiError, match="container main: NVIDIA_VISIBLE_DEVICES may only be void or none"):
        await admitted(api, managed_namespace, sees("all"))
    assert (await admitted(api, managed_namespace, sees("void"))).metadata.name == "asked"


async def test_a_fraction_by_hami_asks_the_kubelet_for_as_many_devices(api: Api, managed_namespace: str) -> None:
    annotations = {"gpu-fraction": "0.5", "plimsoll.dev/enforcement": "hami"}
    pod = await admitted(api, managed_namespace, container("a"), container("b"), annotations=annotations)
    assert [limits(each) for each in pod.spec.containers] == [MARKER | {"nvidia.com/gpu": "1"}, {}]
    assert pod.spec.scheduler_name == "plimsoll"


@pytest.mark.parametrize(("asked", "gpus"), [("2", "2"), (" 04 ", "4"), ("0", "1"), ("many", "1"), ("640", "1")])
async def test_several_devices_by_hami_are_asked_of_the_kubelet(
    api: Api, managed_namespace: str, asked: str, gpus: str
) -> None:
    annotations = {"gpu-memory": "4096", "plimsoll.dev/enforcement": "hami", "gpu-fraction-num-devices": asked}
    pod = await admitted(api, managed_namespace, annotations=annotations)
    assert limits(pod.spec.containers[0]) == MARKER | {"nvidia.com/gpu": gpus}


async def test_whole_gpus_by_hami_stay_beside_the_marker(api: Api, managed_namespace: str) -> None:
    annotations = {"plimsoll.dev/enforcement": "hami"}
    pod = await admitted(
        api,
        managed_namespace,
        container("a", gpu="1"),
        container("b"),
        container("c", gpu="2"),
        annotations=annotations,
    )
    expected = [MARKER | {"nvidia.com/gpu": "1"}, {}, MARKER | {"nvidia.com/gpu": "2"}]
    assert [limits(each) for each in pod.spec.containers] == expected
    assert pod.metadata.annotations == annotations | {"plimsoll.dev/gpus": "3"}


async def test_a_scheduler_that_the_user_chose_stays(api: Api, managed_namespace: str) -> None:
    pod = await admitted(api, managed_namespace, annotations={"gpu-fraction": "0.5"}, schedulerName="volcano")
    assert pod.spec.scheduler_name == "volcano"
    assert limits(pod.spec.containers[0]) == MARKER


async def test_a_pod_without_gpus_is_untouched(api: Api, managed_namespace: str) -> None:
    pod = await admitted(api, managed_namespace, container(cpu="1"), annotations={"mine": "kept"})
    assert limits(pod.spec.containers[0]) == {"cpu": "1"}
    assert pod.metadata.annotations == {"mine": "kept"}
    assert pod.spec.scheduler_name == "default-scheduler"


async def test_other_namespaces_are_untouched(api: Api, namespace: str) -> None:
    fraction = await admitted(api, namespace, annotations={"gpu-fraction": "0.5"})
    assert limits(fraction.spec.containers[0]) == {}
    whole = await admitted(api, namespace, container(gpu="1"))
    assert limits(whole.spec.containers[0]) == {"nvidia.com/gpu": "1"}
    assert whole.spec.scheduler_name == "default-scheduler"


async def test_a_broken_gpu_count_gets_kubernetes_own_message(api: Api, managed_namespace: str) -> None:
    with pytest.raises(ApiError, match="must be an integer"):
        await admitted(api, managed_namespace, container(gpu="1.5"))


async def test_a_member_of_a_gang_is_held_back_by_our_gate(api: Api, managed_namespace: str) -> None:
    ganged = await admitted_member(api, managed_namespace, annotations={"gpu-fraction": "0.25"})
    assert [gate.name for gate in ganged.spec.scheduling_gates or ()] == ["plimsoll.dev/gang"]
    whole = await admitted_member(
        api, managed_namespace, container(gpu="2"), schedulingGates=[{"name": "example.com/own"}]
    )
    assert [gate.name for gate in whole.spec.scheduling_gates or ()] == ["example.com/own", "plimsoll.dev/gang"]


async def test_a_gate_that_is_there_is_not_added_again(api: Api, managed_namespace: str) -> None:
    gates = [{"name": "plimsoll.dev/gang"}]
    pod = await admitted_member(api, managed_namespace, container(gpu="1"), schedulingGates=gates)
    assert [gate.name for gate in pod.spec.scheduling_gates or ()] == ["plimsoll.dev/gang"]


async def test_a_member_without_gpus_is_not_held_back(api: Api, managed_namespace: str) -> None:
    assert (await admitted_member(api, managed_namespace)).spec.scheduling_gates is None


async def admitted_member(
    api: Api, namespace: str, *containers: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any
) -> Pod:
    metadata = {"name": "asked", "labels": {"plimsoll.dev/gang": "g"}, "annotations": annotations or {}}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    body["spec"] = {"containers": containers or [container()], **spec}
    answer = await api.request("POST", f"/api/v1/namespaces/{namespace}/pods", query={"dryRun": "All"}, body=body)
    return msgspec.json.decode(answer, type=Pod)
