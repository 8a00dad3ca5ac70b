"""A share goes only where it is enforced: at filter, at bind, in every count, and as soon as that changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extender.core.answers import BindRefused, BindTo, Chosen
from extender.core.enforcement.granting import Grant, Granted, Part
from extender.core.fits import Fits, fits
from extender.core.ledger.nodes import NO_HAMI, Backend, GpuNode, alike
from extender.core.model import Container, PodKey, SeenPod, Shape
from extender.core.scheduling import Scheduling
from extender.core.settings import Settings
from kube.gpus import GpuRequest, MemoryShare, MiB, MilliGpu, Placement, Share
from tests.extender.core.answered import reasons_of

NOTHING = "nothing enforces a share there"
HALF, MEMORY, WHOLE = Share(1, MilliGpu(500)), MemoryShare(1, MiB(4096)), Share(1, MilliGpu(1000))
BARE = GpuNode("bare", alike(2, MiB(16384)), closed_to_shares=NOTHING)
READY = GpuNode("ready", alike(2, MiB(16384)), backend=Backend.NVFRACTIONS)
HAMI = GpuNode("hami", alike(2, MiB(16384)), backend=Backend.HAMI, closed_to_shares="only by HAMi")
ALL = ["bare", "hami", "ready"]


def pod(request: GpuRequest = HALF, uid: str = "p", *, by_kubelet: bool = False) -> SeenPod:
    containers = (Container("main", marked=True, gpus=1 if by_kubelet else 0),)
    return SeenPod(PodKey(uid, "ours", uid), request, containers=containers, by_kubelet=by_kubelet)


def scheduling(*nodes: GpuNode, one_node: bool = True) -> Scheduling:
    result = Scheduling(settings=Settings(one_node=one_node))
    result.nodes_are(nodes)
    return result


@pytest.mark.parametrize("one_node", [True, False])
@pytest.mark.parametrize("request_", [HALF, MEMORY])
def test_a_share_goes_only_where_it_is_enforced(request_: GpuRequest, one_node: bool) -> None:  # noqa: FBT001  a parameter
    s = scheduling(BARE, HAMI, READY, one_node=one_node)
    assert s.filter(pod(request_), ALL, 0.0) == Chosen(("ready",))


def test_where_it_is_enforced_nowhere_each_node_says_why() -> None:
    s = scheduling(BARE, HAMI)
    assert reasons_of(s.filter(pod(), ["bare", "hami"], 0.0)) == {"bare": NOTHING, "hami": "only by HAMi"}
    assert s.prioritize(pod(), ["bare", "hami"]) == (0, 0)


def test_whole_gpus_go_everywhere() -> None:
    s = scheduling(BARE, HAMI, READY, one_node=False)
    assert s.filter(pod(WHOLE), ALL, 0.0) == Chosen(tuple(ALL))


@pytest.mark.parametrize("request_", [HALF, WHOLE])
def test_a_pod_that_asks_the_kubelet_goes_only_where_hamis_device_plugin_answers(request_: GpuRequest) -> None:
    s = scheduling(BARE, HAMI, READY, one_node=False)
    assert s.filter(pod(request_, by_kubelet=True), ALL, 0.0) == Chosen(("hami",))
    refused = s.filter(pod(request_, "q", by_kubelet=True), ["bare", "ready"], 0.0)
    assert reasons_of(refused) == {"bare": NO_HAMI, "ready": NO_HAMI}


def test_the_binding_says_what_the_node_is_to_enforce() -> None:
    s = scheduling(READY)
    s.filter(pod(), ["ready"], 0.0)
    part = Part("0", MiB(8192), MilliGpu(500))
    grant = Grant(Backend.NVFRACTIONS, (Granted("main", (part,)),), "nvidia.com/container.")
    assert s.bind("p", "ready", 0.0) == BindTo(
        PodKey("p", "ours", "p"), "ready", Placement(("0",), MilliGpu(500)), again=False, grant=grant
    )


def test_a_node_that_enforces_nothing_any_more_is_not_bound_to() -> None:
    s = scheduling(READY)
    assert s.filter(pod(), ["ready"], 0.0) == Chosen(("ready",))
    s.node_seen(replace(READY, backend=Backend.NONE, closed_to_shares=NOTHING))
    assert s.bind("p", "ready", 0.0) == BindRefused(NOTHING)
    assert list(s.ledger.holdings()) == []


def test_what_is_bound_already_stays_when_enforcement_ends() -> None:
    s = scheduling(READY)
    s.filter(pod(), ["ready"], 0.0)
    s.bind("p", "ready", 0.0)
    s.bound("p")
    s.node_seen(replace(READY, backend=Backend.NONE, closed_to_shares=NOTHING))
    assert [held.devices for held in s.ledger.holdings()] == [("0",)]
    assert reasons_of(s.filter(pod(uid="q"), ["ready"], 0.0)) == {"ready": NOTHING}


def test_a_waiting_pod_is_woken_when_its_share_is_enforced_and_not_before() -> None:
    s = scheduling(BARE)
    s.filter(pod(), ["bare"], 0.0)
    s.node_seen(replace(BARE, cpu=5))
    assert s.to_kick(10.0) == ()
    s.node_seen(replace(BARE, closed_to_shares=""))
    assert s.to_kick(20.0) == (PodKey("p", "ours", "p"),)


@pytest.mark.parametrize(("request_", "count"), [(HALF, 4), (Share(2, MilliGpu(500)), 2), (WHOLE, 6)])
def test_counted_is_what_would_be_placed(request_: GpuRequest, count: int) -> None:
    assert isinstance(request_, Share)
    s = scheduling(BARE, HAMI, READY)
    assert fits(s.ledger, Shape(request_), 100, {}).count == count


def test_why_no_more_fit_names_what_is_not_enforced() -> None:
    s = scheduling(BARE, READY)
    found = fits(s.ledger, Shape(HALF), 100, {})
    assert found == Fits(4, f"1 node: full after these; 1 node: {NOTHING}")
    assert fits(s.ledger, Shape(HALF, by_kubelet=True), 100, {}) == Fits(0, f"2 nodes: {NO_HAMI}")
