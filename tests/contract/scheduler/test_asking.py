"""What is an extender asked about a pod? Exactly what kube-scheduler asks with the shipped configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from tests.contract.scheduler.scheduled import NODES

if TYPE_CHECKING:
    from tests.contract.scheduler.extending import Object, RecordingExtender
    from tests.contract.scheduler.scheduled import Pods


async def test_the_extender_filters_prioritizes_and_binds(pods: Pods, extender: RecordingExtender) -> None:
    extender.filter = lambda _, nodes: {"NodeNames": [node for node in nodes if node != "gpu-00"]}
    extender.scores = {"gpu-02": 10}
    created = await pods.marked("one")
    assert await pods.until_bound("one") == "gpu-02"
    filtered, prioritized, bound = extender.asked
    assert (filtered.verb, filtered.nodes) == ("filter", NODES)
    assert (prioritized.verb, prioritized.nodes) == ("prioritize", NODES[1:])
    assert bound.body == {
        "PodName": "one",
        "PodNamespace": pods.namespace,
        "PodUID": created["metadata"]["uid"],
        "Node": "gpu-02",
    }


async def test_the_pod_is_sent_whole_but_for_its_kind_and_managed_fields(
    pods: Pods, extender: RecordingExtender
) -> None:
    created = await pods.marked("one", nodeSelector={"kubernetes.io/os": "linux"})
    await pods.until_bound("one")
    sent = extender.of("filter")[0].body
    del created["metadata"]["managedFields"], created["kind"], created["apiVersion"]
    assert sent["Pod"] == created
    assert sent["Nodes"] is None
    assert list(sent) == ["Pod", "Nodes", "NodeNames"]


async def test_the_last_node_is_not_prioritized(pods: Pods, extender: RecordingExtender) -> None:
    extender.filter = lambda _, __: {"NodeNames": ["gpu-03"]}
    await pods.marked("one")
    assert await pods.until_bound("one") == "gpu-03"
    assert [each.verb for each in extender.asked] == ["filter", "bind"]


async def test_nobody_is_asked_about_a_pod_without_a_managed_resource(pods: Pods, extender: RecordingExtender) -> None:
    await pods.create("plain", schedulerName="plimsoll")
    assert await pods.until_bound("plain") in NODES
    assert not extender.asked


async def test_whole_gpus_are_counted_by_the_scheduler_and_asked_about(pods: Pods, extender: RecordingExtender) -> None:
    def gpus(count: int) -> list[Object]:
        return [{"name": "main", "image": "x", "resources": {"limits": {"nvidia.com/gpu": str(count)}}}]

    extender.filter = lambda _, __: {"NodeNames": ["gpu-01"]}
    await pods.marked("three", containers=gpus(3))
    await pods.until_bound("three")
    await pods.marked("two", containers=gpus(2), nodeSelector={"kubernetes.io/hostname": "gpu-01"})
    assert "1 Insufficient nvidia.com/gpu" in (await pods.until_told("two"))[1]
    assert not extender.of("filter", "two")


async def test_the_extender_sees_the_nodes_that_the_schedulers_own_filters_leave(
    pods: Pods, extender: RecordingExtender
) -> None:
    pinned = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["gpu-02"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": pinned}}
    await pods.marked("pinned", affinity={"nodeAffinity": required})
    assert await pods.until_bound("pinned") == "gpu-02"
    assert extender.of("filter")[0].nodes == ["gpu-02"]


async def test_errors_of_prioritize_do_not_matter(pods: Pods, extender: RecordingExtender) -> None:
    extender.instead["prioritize"] = web.Response(status=500)
    await pods.marked("one")
    assert await pods.until_bound("one") in NODES
