"""Each container gets the devices that it uses and no others, with as much memory as its share comes to there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extender.core.enforcement.granting import Grant, Granted, Part, Ungrantable, granted
from extender.core.ledger.nodes import Backend, Device, GpuNode
from extender.core.model import Container, Life, PodKey, SeenPod
from kube.gpus import WHOLE, MemoryShare, MiB, MilliGpu, Placement, Share

if TYPE_CHECKING:
    from kube.gpus import GpuRequest

KEY = PodKey("u", "ours", "p")
PREFIX = "nvidia.com/container."
HALF = Share(1, MilliGpu(500))
DEVICES = tuple(Device(f"GPU-{name}", MiB(81920)) for name in ("aaaa", "bbbb", "cccc"))
MAIN = Container("main", marked=True)


def node(backend: Backend = Backend.NVFRACTIONS, devices: tuple[Device, ...] = DEVICES) -> GpuNode:
    return GpuNode("a", devices, backend=backend)


def pod(*containers: Container, request: GpuRequest = HALF, sharing: str = "", by_kubelet: bool = False) -> SeenPod:
    return SeenPod(KEY, request, containers=containers or (MAIN,), sharing=sharing, by_kubelet=by_kubelet)


def on(*names: str, milli: int = 500) -> Placement:
    return Placement(tuple(f"GPU-{name}" for name in names), MilliGpu(milli))


def part(name: str, memory: int = 40960, milli: int = 500) -> Part:
    return Part(f"GPU-{name}", MiB(memory), MilliGpu(milli))


@pytest.mark.parametrize(
    ("request_", "milli", "memory"),
    [
        pytest.param(HALF, 500, 40960, id="a share is that share of the device's memory"),
        pytest.param(Share(1, MilliGpu(333)), 333, 27279, id="rounded down: shares never add up to more"),
        pytest.param(MemoryShare(1, MiB(4096)), 51, 4096, id="MiB are what was asked for"),
        pytest.param(Share(1, WHOLE), 1000, 81920, id="a whole GPU is all of it"),
    ],
)
def test_the_memory_that_a_pod_gets(request_: GpuRequest, milli: int, memory: int) -> None:
    found = granted(pod(request=request_), on("bbbb", milli=milli), node(), PREFIX)
    assert found == Grant(Backend.NVFRACTIONS, (Granted("main", (part("bbbb", memory, milli),)),), PREFIX)


def test_a_share_is_never_of_no_memory_at_all() -> None:
    small = node(devices=(Device("GPU-aaaa", MiB(100)),))
    found = granted(pod(request=Share(1, MilliGpu(1))), on("aaaa", milli=1), small, PREFIX)
    assert found == Grant(Backend.NVFRACTIONS, (Granted("main", (part("aaaa", 1, 1),)),), PREFIX)


def test_the_named_container_gets_the_share_and_else_the_marked_one() -> None:
    containers = (
        Container("load", marked=False, life=Life.STARTING),
        Container("proxy", marked=True),
        Container("x", marked=False),
    )
    for sharing, expected in (("", "proxy"), ("load", "load")):
        found = granted(pod(*containers, sharing=sharing), on("aaaa"), node(), PREFIX)
        assert isinstance(found, Grant)
        assert [one.container for one in found.containers if one.parts] == [expected]
        assert [one.container for one in found.containers] == ["load", "proxy", "x"]


def test_every_marked_container_of_a_pod_of_whole_gpus_gets_all_of_them() -> None:
    containers = (Container("a", marked=True), Container("b", marked=False), Container("c", marked=True))
    found = granted(pod(*containers, request=Share(2, WHOLE)), on("aaaa", "bbbb", milli=1000), node(), PREFIX)
    assert isinstance(found, Grant)
    assert [len(one.parts) for one in found.containers] == [2, 0, 2]


@pytest.mark.parametrize("backend", [Backend.NONE, Backend.HAMI])
def test_elsewhere_the_node_is_told_nothing(backend: Backend) -> None:
    assert granted(pod(), on("aaaa"), node(backend), PREFIX) == Grant()


def test_through_hami_each_container_gets_as_many_as_it_asks_the_kubelet_for_in_order() -> None:
    containers = (
        Container("first", marked=True, gpus=2, life=Life.STARTING),
        Container("beside", marked=True, gpus=1, life=Life.SIDECAR),
        Container("second", marked=True, gpus=2, life=Life.STARTING),
        Container("none", marked=False),
        Container("main", marked=True, gpus=2),
    )
    asks = pod(*containers, request=Share(3, WHOLE), by_kubelet=True)
    found = granted(asks, on("aaaa", "bbbb", "cccc", milli=1000), node(Backend.HAMI), PREFIX)
    a, b, c = (part(name, 81920, 1000) for name in ("aaaa", "bbbb", "cccc"))
    assert isinstance(found, Grant)
    assert [one.parts for one in found.containers] == [(a, b), (a,), (b, c), (), (b, c)]


def test_what_is_asked_of_the_kubelet_must_be_what_is_asked_of_us() -> None:
    asks = pod(Container("main", marked=True, gpus=2), by_kubelet=True)
    assert granted(asks, on("aaaa"), node(Backend.HAMI), PREFIX) == Ungrantable(
        "its containers ask the kubelet for 2 nvidia.com/gpu and its annotations for 1: HAMi's device plugin gives a "
        "container neither more nor fewer than it asks for"
    )


def test_a_name_that_is_too_long_for_an_annotation_is_refused() -> None:
    name = "n" * 34
    assert isinstance(granted(pod(Container(name, marked=True)), on("aaaa"), node(), PREFIX), Grant)
    assert granted(pod(Container(name + "n", marked=True)), on("aaaa"), node(), PREFIX) == Ungrantable(
        "NvFractions reads a container's share from an annotation whose key has room for 34 letters of its name; "
        f"{name}n has 35"
    )
