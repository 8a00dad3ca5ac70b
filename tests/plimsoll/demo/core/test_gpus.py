from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kube.objects import Node, NodeStatus, ObjectMeta, Pod, PodSpec
from plimsoll.demo.core.gpus import DEVICES, MILLI, GpuNode, Share, gpu_map, in_use, runs, without_sharing


def node(name: str, gpus: str) -> Node:
    return Node(ObjectMeta(name=name), status=NodeStatus(allocatable={"nvidia.com/gpu": gpus}))


def pod(name: str, on: str, devices: str, milli: str) -> Pod:
    annotations = {DEVICES: devices, MILLI: milli}
    return Pod(ObjectMeta(name=name, labels={"app": "chat"}, annotations=annotations), PodSpec(node_name=on))


def test_pods_are_on_the_devices_that_their_annotations_name() -> None:
    found = gpu_map([node("n1", "2")], [pod("b", "n1", "0", "250"), pod("a", "n1", "0", "500")])
    assert found == (GpuNode("n1", ((Share("a", "chat", 500), Share("b", "chat", 250)), ())),)


def test_a_pod_on_several_devices_is_on_each() -> None:
    (found,) = gpu_map([node("n1", "3")], [pod("t", "n1", "0,2", "1000")])
    assert [len(shares) for shares in found.devices] == [1, 0, 1]


def test_a_pod_that_is_not_bound_is_nowhere() -> None:
    waiting = Pod(ObjectMeta(name="w"))
    assert gpu_map([node("n1", "1")], [waiting]) == (GpuNode("n1", ((),)),)


def test_nodes_are_in_order_and_those_without_gpus_left_out() -> None:
    bare = Node(ObjectMeta(name="a"))
    assert [each.name for each in gpu_map([node("c", "1"), bare, node("b", "1")], [])] == ["b", "c"]


def test_sharing_saves_what_whole_gpus_would_take_more() -> None:
    pods = [pod(f"p{number}", "n1", "0", "250") for number in range(4)] + [pod("q", "n1", "1", "500")]
    nodes = gpu_map([node("n1", "4")], pods)
    assert (in_use(nodes), without_sharing(nodes)) == (2, 5)


def test_four_quarters_fill_a_bar_evenly() -> None:
    quarters = [Share(str(number), "chat", 250) for number in range(4)]
    assert runs(quarters, 8) == (("chat", 2),) * 4
    assert runs(quarters[:1], 8) == (("chat", 2), ("", 6))


@given(st.lists(st.integers(1, 1000), max_size=12), st.integers(1, 40))
def test_a_bar_is_always_full_width(shares: list[int], width: int) -> None:
    bar = runs([Share(str(index), "chat", milli) for index, milli in enumerate(shares)], width)
    assert sum(count for _, count in bar) == width
