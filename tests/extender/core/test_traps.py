"""The traps into which schedulers of GPU shares fell, one test each, by the name under which they are known.

Traps of the wire, of the API server and of the node have their tests where those are: tests/extender/shell,
tests/deploy, tests/contract, tests/kube/test_resources.py, tests/e2e.
"""

from __future__ import annotations

from msgspec.structs import replace

from extender.core.answers import BindRefused, BindTo, Chosen, Refused
from extender.core.ledger.holding import State
from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.scheduling import Scheduling
from kube.gpus import MemoryShare, MiB, MilliGpu, Placement, Share, Unmapped

WHOLE = Share(1, MilliGpu(1000))
ON_0 = Placement(("0",), MilliGpu(1000))


def pod(uid: str, name: str = "", **more: object) -> SeenPod:
    return replace(SeenPod(PodKey(uid, "chat", name or uid), WHOLE), **more)


def scheduling(*nodes: GpuNode) -> Scheduling:
    result = Scheduling()
    result.nodes_are(nodes or (GpuNode("a", alike(1)),))
    return result


def bound_by(on: Scheduling, wanted: SeenPod, node: str = "a", now: float = 0.0) -> BindTo:
    assert on.filter(wanted, [node], now) == Chosen((node,))
    to = on.bind(wanted.key.uid, node, now)
    assert isinstance(to, BindTo)
    return to


def takes(on: Scheduling, wanted: SeenPod, node: str = "a", now: float = 0.0) -> bool:
    return isinstance(on.filter(wanted, [node], now), Chosen)


def test_filter_to_bind_race() -> None:
    s = scheduling()
    assert takes(s, pod("p"))
    assert not takes(s, pod("q")), "its device is promised"
    assert takes(s, pod("p")), "the same pod may be filtered again"


def test_bind_for_another_node_than_was_promised_takes_that_node_and_leaves_nothing_behind() -> None:
    s = scheduling(GpuNode("a", alike(1)), GpuNode("b", alike(1)))
    assert takes(s, pod("p"))
    assert isinstance(s.bind("p", "b", 0.0), BindTo)
    assert takes(s, pod("q"))
    assert not takes(s, pod("r"), "b")


def test_reservation_leak_of_a_pod_that_another_scheduler_bound_elsewhere() -> None:
    s = scheduling()
    assert takes(s, pod("p"))
    s.pod_seen(pod("p", node="elsewhere"))
    assert takes(s, pod("q"))


def test_reservation_leak_of_a_pod_that_was_never_bound() -> None:
    s = scheduling()
    assert takes(s, pod("p"))
    assert takes(s, pod("q"), now=s.settings.reservation_s)


def test_stale_informer_after_our_own_write() -> None:
    s = scheduling()
    bound_by(s, pod("p"))
    s.bound("p")
    s.pod_seen(pod("p"))
    assert not takes(s, pod("q")), "an older sight frees nothing"


def test_restart_recovery_from_annotations_terminating_pods_among_them() -> None:
    s = scheduling(GpuNode("a", alike(2)))
    s.pods_are([pod("p", node="a", placed=ON_0)], 0.0)
    held = s.ledger.holding("p")
    assert held is not None
    assert (held.devices, held.state) == (("0",), State.BOUND)
    assert bound_by(s, pod("q")).placed == Placement(("1",), MilliGpu(1000))


def test_restart_with_a_pod_of_whose_devices_nothing_is_written() -> None:
    s = scheduling(GpuNode("a", alike(2)))
    s.pods_are([pod("p", node="a")], 0.0)
    assert not takes(s, pod("q")), "it may use any of them"
    assert s.ledger.unmapped() == 1


def test_node_and_devices_are_written_at_once() -> None:
    assert bound_by(scheduling(), pod("p")) == BindTo(PodKey("p", "chat", "p"), "a", ON_0)


def test_terminating_pods_hold_until_their_containers_have_ended() -> None:
    s = scheduling()
    s.pod_seen(pod("p", node="a", placed=ON_0))  # its deletion has begun: that changes nothing here
    assert not takes(s, pod("q"))
    s.pod_seen(pod("p", node="a", placed=ON_0, ended=True))
    assert takes(s, pod("q"))


def test_force_deleted_pod_or_lost_node() -> None:
    s = scheduling()
    s.pod_seen(pod("p", node="a", placed=ON_0))
    s.pod_gone("p", 10.0)
    assert not takes(s, pod("q"), now=10.0), "the object is gone, the process may not be"
    assert takes(s, pod("q"), now=10.0 + s.settings.quarantine_s)


def test_pod_deleted_between_filter_and_bind() -> None:
    s = scheduling()
    assert takes(s, pod("p"))
    s.pod_gone("p", 0.0)
    assert isinstance(s.bind("p", "a", 0.0), BindRefused)
    assert takes(s, pod("q"))


def test_same_name_new_uid() -> None:
    s = scheduling()
    s.pod_seen(pod("old", "web-0", node="a", placed=ON_0))
    assert not takes(s, pod("new", "web-0")), "the old one still holds the device"
    s.pod_gone("old", 0.0, ended=True)
    assert takes(s, pod("new", "web-0"))
    s.pod_gone("old", 1.0, ended=True)
    assert s.ledger.holding("new") is not None, "the end of the old one is not the end of the new one"


def test_bind_timeout_but_done() -> None:
    s = scheduling(GpuNode("a", alike(1)), GpuNode("b", alike(1)))
    s.unknown(bound_by(s, pod("p")))
    assert not takes(s, pod("q"), now=1e6), "no time ends what may have been done"
    assert s.filter(pod("p"), ["a", "b"], 1.0) == Chosen(("a",)), "tried again, it goes where it may be already"
    again = s.bind("p", "a", 1.0)
    assert isinstance(again, BindTo)
    assert again.again
    s.pod_seen(pod("p", node="a", placed=ON_0))
    held = s.ledger.holding("p")
    assert held is not None
    assert held.state is State.BOUND


def test_nominated_pods_are_filtered_with_one_node_first_and_then_with_all() -> None:
    s = scheduling(GpuNode("a", alike(1)), GpuNode("b", alike(1)))
    s.pod_seen(pod("x", node="a", placed=ON_0))
    assert isinstance(s.filter(pod("p"), ["a"], 0.0), Refused)
    assert s.filter(pod("p"), ["a", "b"], 0.0) == Chosen(("b",))


def test_several_schedulers_and_static_pods() -> None:
    s = scheduling(GpuNode("a", alike(2)))
    s.pod_seen(pod("static", request=Unmapped(), node="a"))
    assert not takes(s, pod("p")), "the kubelet gave it a device, and nobody knows which"
    s.pod_gone("static", 0.0, ended=True)
    s.pod_seen(pod("hami", request=Unmapped(), node="a", foreign=(Placement(("1",), MilliGpu(400)), MiB(0))))
    assert [int(free) for free in s.ledger.room("a")] == [1000, 600]


def test_node_removal_and_return_with_another_number_of_gpus() -> None:
    s = scheduling(GpuNode("a", alike(2)))
    s.pod_seen(pod("p", node="a", placed=ON_0))
    s.node_gone("a")
    assert not takes(s, pod("q"))
    s.node_seen(GpuNode("a", alike(3)))
    assert [int(free) for free in s.ledger.room("a")] == [0, 1000, 1000]


def test_reservation_on_a_node_that_is_gone_binds_nothing_there() -> None:
    s = scheduling(GpuNode("a", alike(1)), GpuNode("b", alike(1)))
    assert takes(s, pod("p"))
    s.node_gone("a")
    assert s.filter(pod("p"), ["b"], 1.0) == Chosen(("b",))


def test_unhealthy_gpu() -> None:
    s = scheduling(GpuNode("a", (Device("GPU-0000", closed="unhealthy"), Device("GPU-1111"))))
    assert bound_by(s, pod("p")).placed == Placement(("GPU-1111",), MilliGpu(1000))
    assert not takes(s, pod("q"))


def test_index_and_uuid_after_a_reboot() -> None:
    before = (Device("GPU-0000"), Device("GPU-1111"))
    s = scheduling(GpuNode("a", before))
    s.pod_seen(pod("p", node="a", placed=Placement(("GPU-1111",), MilliGpu(1000))))
    s.node_seen(GpuNode("a", tuple(reversed(before))))
    assert [int(free) for free in s.ledger.room("a")] == [0, 1000]


def test_heterogeneous_gpus() -> None:
    s = scheduling(GpuNode("small", alike(1, MiB(16384))), GpuNode("large", alike(1, MiB(81920))))
    wanted = pod("p", request=MemoryShare(1, MiB(20480)))
    assert s.filter(wanted, ["small", "large"], 0.0) == Chosen(("large",))
    to = s.bind("p", "large", 0.0)
    assert isinstance(to, BindTo)
    assert to.placed == Placement(("0",), MilliGpu(250)), "a quarter of that model"
