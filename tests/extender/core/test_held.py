"""What a pod holds is what was written for it, by us or by another; where nothing was, devices that nobody knows."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from extender.core.held import bound, promised
from extender.core.ledger.holding import State
from extender.core.model import PodKey, SeenPod
from kube.gpus import MemoryShare, MiB, MilliGpu, Placement, Share, Unmapped

HALF = Share(1, MilliGpu(500))
OURS, OTHERS = Placement(("0",), MilliGpu(500)), (Placement(("1",), MilliGpu(300)), MiB(4096))
UNKNOWN = (None, 1000, 0)


def pod(request: object, **more: object) -> SeenPod:
    found = SeenPod(PodKey("u", "chat", "p"), request, "a", cpu=100, memory=200)  # type: ignore[arg-type]
    return replace(found, **more)


@pytest.mark.parametrize(
    ("says", "seen", "holds"),
    [
        ("what our Binding wrote", pod(HALF, placed=OURS), (("0",), 500, 0)),
        ("with the MiB that were asked", pod(MemoryShare(1, MiB(4096)), placed=OURS), (("0",), 500, 4096)),
        ("what another wrote", pod(HALF, foreign=OTHERS), (("1",), 300, 4096)),
        ("our annotation says nothing on a pod that is not ours", pod(Unmapped(), placed=OURS), UNKNOWN),
        ("nor on one without GPUs", pod(None, placed=OURS), ((), 0, 0)),
        ("a pod of ours of which nothing was written", pod(HALF), UNKNOWN),
    ],
)
def test_a_bound_pod_holds_what_was_written(says: str, seen: SeenPod, holds: tuple[object, ...]) -> None:
    held = bound(seen, None)
    assert (held.devices, held.milli, held.device_memory) == holds, says
    assert (held.state, held.node, held.cpu, held.memory) == (State.BOUND, "a", 100, 200)
    assert held.ask == (None if held.devices == () else seen.ask())


def test_what_was_written_once_stands_and_what_was_promised_is_kept_until_more_is_known() -> None:
    first = bound(pod(HALF, placed=OURS), None)
    assert bound(pod(HALF, placed=Placement(("1",), MilliGpu(1))), first).devices == ("0",)
    promise = promised(pod(HALF), "a", OURS, 30.0)
    assert (promise.state, promise.expires_at, promise.ask) == (State.RESERVED, 30.0, pod(HALF).ask())
    assert bound(pod(HALF), promise).devices == ("0",)
    assert bound(pod(HALF, node="b"), promise).devices is None


def test_a_promise_without_devices_is_of_those_that_the_kubelet_will_choose() -> None:
    promise = promised(pod(Unmapped(), gpus=2), "a", None, 30.0)
    assert promise.devices is None
    assert bound(pod(Unmapped(), gpus=2), promise).devices is None
