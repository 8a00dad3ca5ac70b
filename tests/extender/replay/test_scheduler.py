"""The replay offers the nodes that kube-scheduler would: where CPU, memory and model suit."""

from __future__ import annotations

import pytest

from extender.core.model import Shape
from extender.replay.policies import POLICIES
from extender.replay.scheduler import Cluster, milli_of
from kube.gpus import MilliGpu, Share
from tests.extender.replay.traces import trace


def cluster() -> Cluster:
    return Cluster(trace(), POLICIES["fragmentation"], lambda: 0, learn=False)


@pytest.mark.parametrize(
    "shape",
    [
        Shape(Share(1, MilliGpu(100)), 64_001, 100),
        Shape(Share(1, MilliGpu(100)), 100, 262_145),
        Shape(Share(1, MilliGpu(100)), 100, 100, ("H100",)),
        Shape(Share(1, MilliGpu(100)), 33_000, 100, ("G2",)),
        Shape(None, 64_001, 100),
    ],
)
def test_a_pod_whose_cpu_memory_or_model_suits_nowhere_is_refused_and_did_not_fit(shape: Shape) -> None:
    played = cluster()
    assert played.arrive(shape) is None
    assert (played.refused, played.refused_fitting) == (1, 0)


def test_a_pod_that_left_makes_room_again() -> None:
    played = cluster()
    large = Shape(Share(4, MilliGpu(1000)), 1000, 100)
    placed = [played.arrive(large) for _ in range(7)]
    assert [one is not None for one in placed] == [True] * 6 + [False]
    assert placed[0] is not None
    played.leave(placed[0])
    again = played.arrive(large)
    assert again is not None
    assert (again.node, again.milli) == (placed[0].node, 4000)


def test_pods_without_gpus_take_cpu_alone() -> None:
    placed = cluster().arrive(Shape(None, 4000, 100))
    assert placed is not None
    assert (placed.placement.devices, placed.milli, milli_of(placed.shape)) == ((), 0, 0)
