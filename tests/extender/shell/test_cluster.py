"""What the API server says of nodes and pods, and what is known of a Binding after its answer, or without one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from extender.core.answers import BindTo
from extender.core.model import Ask, Container, Life, PodKey, SeenPod
from extender.shell import cluster
from extender.shell.pods import Pod
from kube.client import Api, ApiError
from kube.gangs import GANG, Planned
from kube.gpus import MiB, MilliGpu, Placement, Share, Unmapped
from kube.objects import Named

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from plimsoll.embedded import EmbeddedCluster

PODS = "/api/v1/namespaces/default/pods"
PLACED = Placement(("0", "1"), 250)  # type: ignore[arg-type]


async def created(api: Api, **metadata: Any) -> PodKey:
    spec = {"containers": [{"name": "c", "image": "i"}], "schedulerName": "plimsoll"}
    body = {"metadata": {"name": "p", **metadata}, "spec": spec}
    meta = msgspec.json.decode(await api.request("POST", PODS, body=body), type=Pod).metadata
    return PodKey(meta.uid, meta.namespace, meta.name)


async def test_a_binding_writes_node_and_devices_at_once(api: Api) -> None:
    key = await created(api)
    assert (
        await cluster.send_binding(api, BindTo(key, "gpu-00", PLACED), within_s=1.0, left_s=5.0, wall_s=0.0)
        == cluster.Accepted()
    )
    pod = await cluster.read_pod(api, key)
    assert pod is not None
    assert (pod.node, pod.placed) == ("gpu-00", PLACED)


async def test_a_second_binding_tells_nothing_for_certain(api: Api) -> None:
    key = await created(api)
    await cluster.send_binding(api, BindTo(key, "gpu-00", PLACED), within_s=1.0, left_s=5.0, wall_s=0.0)
    outcome = await cluster.send_binding(api, BindTo(key, "gpu-01", PLACED), within_s=1.0, left_s=5.0, wall_s=0.0)
    assert isinstance(outcome, cluster.Unknown)
    assert "already assigned" in outcome.reason


async def test_a_binding_of_a_pod_that_is_gone_was_not_written(api: Api) -> None:
    outcome = await cluster.send_binding(
        api, BindTo(PodKey("u", "default", "absent"), "gpu-00", PLACED), within_s=1.0, left_s=5.0, wall_s=0.0
    )
    assert isinstance(outcome, cluster.NotSent)


async def test_a_binding_never_takes_a_younger_pod_of_the_same_name(api: Api) -> None:
    key = await created(api)
    older = PodKey("00000000-0000-4000-8000-000000000000", key.namespace, key.name)
    assert isinstance(
        await cluster.send_binding(api, BindTo(older, "gpu-00", PLACED), within_s=1.0, left_s=5.0, wall_s=0.0),
        cluster.Unknown,
    )
    assert await cluster.read_pod(api, older) is None
    pod = await cluster.read_pod(api, key)
    assert pod is not None
    assert not pod.node


async def test_a_binding_whose_answer_is_lost_is_unknown(embedded: EmbeddedCluster, api: Api) -> None:
    key = await created(api)
    embedded.faults.lose_answer = lambda _method, path: path.endswith("/binding")
    assert isinstance(
        await cluster.send_binding(api, BindTo(key, "gpu-00", PLACED), within_s=1.0, left_s=5.0, wall_s=0.0),
        cluster.Unknown,
    )
    pod = await cluster.read_pod(api, key)
    assert pod is not None
    assert pod.placed == PLACED


async def test_a_pod_that_is_not_there_is_read_as_none(api: Api) -> None:
    assert await cluster.read_pod(api, PodKey("u", "default", "absent")) is None


async def test_a_kick_changes_the_pods_own_annotation_only(api: Api) -> None:
    key = await created(api, annotations={"gpu-fraction": "0.25"})
    await cluster.kick(api, key, "now")
    pod = msgspec.json.decode(await api.request("GET", f"{PODS}/p"), type=Named)
    assert pod.metadata.annotations == {"gpu-fraction": "0.25", "plimsoll.dev/retry": "now"}


async def test_a_kick_never_touches_a_younger_pod_of_the_same_name(api: Api) -> None:
    await created(api)
    assert await cluster.kick(api, PodKey("00000000-0000-4000-8000-000000000000", "default", "p"), "now") is None


class Forbidding(Api):
    """An API server with a policy that forbids every change, as a ValidatingAdmissionPolicy does: by 422."""

    async def request(self, method: str, path: str, **parts: Any) -> bytes:
        if method == "PATCH":
            raise ApiError(422, "Invalid", 'pods "p" is forbidden: ValidatingAdmissionPolicy denied request')
        return await super().request(method, path, **parts)


async def test_a_kick_that_a_policy_forbids_is_not_taken_for_one_of_a_pod_that_is_gone(
    embedded: EmbeddedCluster, api: Api
) -> None:
    key = await created(api)
    forbidding = await Forbidding.connect(embedded.admin_kubeconfig)
    try:
        with pytest.raises(ApiError, match="denied"):
            await cluster.kick(forbidding, key, "now")
        assert await cluster.kick(forbidding, PodKey("u", "default", "absent"), "now") is None
    finally:
        await forbidding.close()


async def test_a_pod_is_seen_with_what_it_asks_for(api: Api) -> None:
    ours = {"name": "ours", "labels": {"plimsoll.dev/managed": "true"}}
    await api.request("POST", "/api/v1/namespaces", body={"metadata": ours})
    body = {
        "metadata": {"name": "p", "annotations": {"gpu-fraction": "0.5"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    answer = await api.request("POST", "/api/v1/namespaces/ours/pods", body=body)
    assert cluster.seen_pod(msgspec.json.decode(answer, type=Pod)).request == Share(1, 500)  # type: ignore[arg-type]


class Answering:
    """An API server that answers every read with these objects: one by one, or as a list."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self._objects = objects

    async def request(self, method: str, path: str, **_: Any) -> bytes:
        assert method == "GET"
        page = {"metadata": {"resourceVersion": "9"}, "items": self._objects}
        return json.dumps(page if path.endswith("/pods") else self._objects[0]).encode()


def member(name: str, **parts: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ns", "uid": name, "labels": {GANG: "g"}}
    return {"metadata": metadata, "spec": {"schedulingGates": [{"name": GANG}], "containers": []}} | parts


@pytest.mark.parametrize(
    "odd",
    [
        member("odd", status={"conditions": 7}),
        member("odd", status={"conditions": [{"message": 7}]}),
        member("odd", metadata={**member("odd")["metadata"], "ownerReferences": ["nobody"]}),
    ],
    ids=["conditions", "a condition", "owners"],
)
async def test_a_member_that_breaks_its_type_in_a_part_read_late_hides_no_other(odd: dict[str, Any]) -> None:
    pods = await cluster.list_pods(cast("Api", Answering(member("a"), odd, member("b"))))
    assert [pod.key.name for pod in pods] == ["a", "b"]
    with pytest.raises(ApiError, match="pod ns/odd cannot be read"):
        await cluster.read_pod(cast("Api", Answering(odd)), PodKey("odd", "ns", "odd"))


async def test_a_member_that_cannot_be_read_as_it_is_changed_is_not_let_go() -> None:
    odd = member("odd")
    odd["metadata"]["annotations"] = {"said": 7}  # of this the extender reads no more than it knows
    with pytest.raises(ApiError, match="sent what we cannot read"):
        await cluster.let_go(cast("Api", Answering(odd)), PodKey("odd", "ns", "odd"), PLANNED, lambda: True)


async def test_a_pod_is_read_however_deep_its_managed_fields_nest() -> None:
    class Deep(Answering):
        async def request(self, *_: Any, **__: Any) -> bytes:
            return b'{"metadata":{"managedFields":%b,"uid":"u"}}' % (b"[" * 100_000 + b"]" * 100_000)

    found = await cluster.read_pod(cast("Api", Deep()), PodKey("u", "ns", "p"))
    assert found is not None
    assert found.key.uid == "u"


def seen(spec: dict[str, Any], **annotations: str) -> SeenPod:
    keys = {f"hami.io/{key.replace('_', '-')}": text for key, text in annotations.items()}
    metadata = {"name": "p", "namespace": "default", "uid": "u", "annotations": keys}
    return cluster.seen_pod(msgspec.convert({"metadata": metadata, "spec": spec}, Pod))


@pytest.mark.parametrize(
    ("phase", "state", "ended"),
    [
        ("Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, False),
        ("Failed", {"terminated": {"exitCode": 1}}, True),
        ("Succeeded", {"terminated": {"exitCode": 0}}, True),
        ("Failed", {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, False),  # the pod collector's, of a lost node
    ],
)
def test_a_pod_has_ended_when_its_containers_have(phase: str, state: dict[str, Any], ended: bool) -> None:  # noqa: FBT001
    status = {"phase": phase, "containerStatuses": [{"name": "c", "state": state}]}
    pod = {"metadata": {"name": "p", "uid": "u"}, "spec": {"containers": [container()], "nodeName": "a"}}
    assert cluster.seen_pod(msgspec.convert(pod | {"status": status}, Pod)).ended is ended


def container(**limits: str) -> dict[str, Any]:
    named = {f"nvidia.com/{name}": quantity for name, quantity in limits.items()}
    return {"name": "c", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": named}}


def test_a_pod_is_seen_with_the_cpu_and_memory_that_it_takes() -> None:
    pod = seen({"nodeName": "a", "containers": [container(), container()], "overhead": {"cpu": "1"}})
    assert (pod.request, pod.node, pod.cpu, pod.memory) == (None, "a", 2000, 2048)


def test_a_pod_is_seen_with_the_models_that_it_accepts() -> None:
    selector = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert seen({"containers": [], "nodeSelector": selector}).models == ("NVIDIA-L4",)
    assert seen({"containers": []}).models == ()


def test_a_pod_that_hami_placed_is_seen_with_its_devices() -> None:
    given = "GPU-aaaa,NVIDIA,4096,30:;"
    pod = seen({"containers": [container(gpu="1", gpumem="4096")]}, vgpu_devices_allocated=given)
    assert pod.request == Unmapped()
    assert pod.foreign == (Placement(("GPU-aaaa",), MilliGpu(300)), MiB(4096))


def test_an_annotation_of_hami_says_nothing_of_a_pod_without_gpus() -> None:
    given = "GPU-aaaa,NVIDIA,81920,100:;"
    assert seen({"containers": [container()]}, vgpu_devices_allocated=given).foreign is None
    assert seen({"containers": [container(gpu="0")]}, vgpu_devices_allocated=given).foreign is None


def test_a_pod_of_ours_is_seen_with_its_containers_in_kubernetes_order() -> None:
    marked = {"name": "main", "resources": {"limits": {"plimsoll.dev/gpu": "1", "nvidia.com/gpu": "2"}}}
    inits = [{"name": "load"}, {"name": "proxy", "restartPolicy": "Always"}]
    annotations = {"gpu-fraction": "0.5", "gpu-fraction-container-name": "main", "plimsoll.dev/enforcement": "hami"}
    pod = cluster.seen_pod(
        msgspec.convert(
            {
                "metadata": {"name": "p", "annotations": annotations},
                "spec": {"containers": [marked], "initContainers": inits},
            },
            Pod,
        )
    )
    assert pod.containers == (
        Container("load", marked=False, life=Life.STARTING),
        Container("proxy", marked=False, life=Life.SIDECAR),
        Container("main", marked=True, gpus=2),
    )
    assert (pod.sharing, pod.by_kubelet) == ("main", True)
    assert seen({"containers": [container(gpu="1")]}).containers == ()


def test_a_pod_is_seen_with_what_decides_its_project_and_its_kind() -> None:
    labels = {"app": "x", "plimsoll.dev/project": "search"}
    spec = {"containers": [container(gpu="2")], "priorityClassName": "plimsoll-train"}
    metadata = {"name": "p", "namespace": "chat", "uid": "u", "labels": labels}
    found = cluster.seen_pod(msgspec.convert({"metadata": metadata, "spec": spec}, Pod))
    assert found.ask() == Ask("chat", "search", "plimsoll-train", None, gpus=2)
    assert seen({"containers": []}).project == ""


GROUPED = (
    'spec.schedulingGroup: "trainers" must be left out of a pod that asks for GPUs: kube-scheduler plans such a group '
    "by itself and asks no extender meanwhile, so that no GPU can be kept for it; the label plimsoll.dev/gang makes "
    "pods a gang"
)


def grouped(**spec: Any) -> SeenPod:
    return seen({"schedulingGroup": {"podGroupName": "trainers"}, "containers": [container(gpu="1")], **spec})


def test_a_pod_of_a_group_that_kube_scheduler_plans_itself_is_refused_where_it_asks_for_gpus() -> None:
    assert str(grouped().request) == GROUPED
    marked = {"name": "main", "resources": {"limits": {"plimsoll.dev/gpu": "1"}}}
    assert str(grouped(containers=[marked]).request) == GROUPED
    assert grouped(containers=[container()]).request is None


def test_a_pod_of_a_group_that_is_bound_counts_as_any_other() -> None:
    assert grouped(nodeName="a").request == Unmapped()


# --- gangs ---

PLANNED = Planned("gpu-01", PLACED)
GATED = {"containers": [{"name": "c", "image": "i"}], "schedulingGates": [{"name": GANG}], "schedulerName": "plimsoll"}


async def gated(api: Api, **spec: Any) -> PodKey:
    body = {"metadata": {"name": "p", "labels": {GANG: "g"}}, "spec": GATED | spec}
    meta = msgspec.json.decode(await api.request("POST", PODS, body=body), type=Pod).metadata
    return PodKey(meta.uid, meta.namespace, meta.name)


class Between:
    """The API server, with something that comes between a read of a pod and its change."""

    def __init__(self, api: Api, work: Callable[[], Awaitable[object]]) -> None:
        self._api = api
        self._work = work
        self.asked: list[str] = []

    async def request(self, method: str, path: str, **more: Any) -> bytes:
        if method == "PATCH" and "PATCH" not in self.asked:
            self.asked.append(method)
            await self._work()
        self.asked.append(method)
        return await self._api.request(method, path, **more)


async def test_a_member_is_let_go_as_it_was_planned(api: Api) -> None:
    key = await gated(api)
    freed = await cluster.let_go(api, key, PLANNED, lambda: True)
    assert freed is not None
    assert freed.gang is not None
    assert (freed.gated, freed.gang.planned) == (False, PLANNED)


async def test_nothing_is_changed_once_the_right_to_is_over(api: Api) -> None:
    key = await gated(api)
    left = await cluster.let_go(api, key, PLANNED, lambda: False)
    assert left is not None
    assert left.gated
    assert left == await cluster.read_pod(api, key)


async def test_a_member_that_is_changed_meanwhile_is_told_as_it_is_then(api: Api) -> None:
    key = await gated(api)
    between = Between(api, lambda: cluster.kick(api, key, "now"))
    left = await cluster.let_go(cast("Api", between), key, PLANNED, lambda: True)
    assert left is not None
    assert left.gated
    assert left == await cluster.read_pod(api, key)


async def test_a_member_that_is_gone_meanwhile_is_told_so(api: Api) -> None:
    key = await gated(api)
    between = Between(api, lambda: cluster.delete(api, key))
    assert await cluster.let_go(cast("Api", between), key, PLANNED, lambda: True) is None
    assert await cluster.let_go(api, key, PLANNED, lambda: True) is None


async def test_no_younger_pod_of_the_same_name_is_let_go_struck_or_deleted(api: Api) -> None:
    key = await gated(api)
    before = await cluster.read_pod(api, key)
    older = PodKey("00000000-0000-4000-8000-000000000000", key.namespace, key.name)
    assert await cluster.let_go(api, older, PLANNED, lambda: True) is None
    assert await cluster.strike_plan(api, older) is None
    await cluster.delete(api, older)
    await cluster.evict(api, older)
    assert await cluster.read_pod(api, key) == before


async def test_a_plan_is_struck_and_nothing_else(api: Api) -> None:
    key = await gated(api)
    await cluster.let_go(api, key, PLANNED, lambda: True)
    struck = await cluster.strike_plan(api, key)
    assert struck is not None
    assert struck.gang is not None
    assert (struck.gated, struck.gang.planned) == (False, None)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda api, key: cluster.let_go(api, key, PLANNED, lambda: True), id="let go"),
        pytest.param(cluster.strike_plan, id="strike its plan"),
        pytest.param(lambda api, key: cluster.kick(api, key, "now"), id="kick"),
    ],
)
async def test_a_change_that_a_policy_refuses_is_not_taken_for_one_of_a_pod_that_is_gone(
    api: Api, change: Callable[[Api, PodKey], Awaitable[object]]
) -> None:
    key = await gated(api)

    async def denied() -> None:
        raise ApiError(422, "Invalid", "ValidatingAdmissionPolicy denied it")

    through = cast("Api", Between(api, denied))
    with pytest.raises(ApiError, match="denied"):
        await change(through, key)


async def test_a_pod_is_deleted_once(api: Api) -> None:
    key = await gated(api)
    await cluster.delete(api, key)
    await cluster.delete(api, key)
    assert await cluster.read_pod(api, key) is None
