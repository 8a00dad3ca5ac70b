"""What typical pods can use: the table says what asking each pod about each device says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extender.core.model import Shape, share_on
from extender.core.packing.capacity import Kind
from extender.core.packing.fragmentation import State, Usable
from extender.core.packing.typical import ALL, Experience, Popular
from kube.gpus import MiB, MilliGpu, Share
from tests.extender.core.packing.clusters import rooms, shape, shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = (Kind("T4", MiB(16_000)), Kind("V100", MiB(32_000)), Kind("A10", MiB(0)))
kinds = st.integers(0, len(KINDS) - 1)
cpus = st.sampled_from([-500, 0, 499, 500, 4000, 11_999, 12_000, 2**40])


def typical(lesson: Sequence[Shape]) -> tuple[Popular, ...]:
    experience = Experience(1000)
    for number, one in enumerate(lesson):
        experience.add(one, number + 1)
    return experience.typical(100)


def state(usable: Usable, kind: int, cpu: int, free: Sequence[int]) -> State:
    column = np.array(free, dtype=np.uint16)[:, np.newaxis]
    return usable.state(np.array([kind]), np.array([[cpu]]), column)


def twin(lesson: Sequence[Popular], kind: Kind, cpu: int, free: Sequence[int]) -> int:
    """The law, pod by pod."""
    used = 0
    for popular in lesson:
        asked: Shape = popular.shape
        if asked.request is None or cpu < asked.cpu or (asked.models and kind.model not in asked.models):
            continue
        share = share_on(asked.request, kind.memory)
        if share is None:
            continue
        enough = [milli for milli in free if milli >= share.milli]
        if len(enough) >= share.devices:
            used += popular.popularity * sum(enough)
    return used


@given(st.lists(shapes, max_size=8), kinds, cpus, rooms)
def test_what_can_be_used_is_what_each_pod_can_use(lesson: list[Shape], kind: int, cpu: int, free: list[int]) -> None:
    learned = typical(lesson)
    usable = Usable(learned, KINDS)
    assert usable.of(state(usable, kind, cpu, free)).tolist() == [[twin(learned, KINDS[kind], cpu, free)]]


@given(st.lists(shapes, max_size=8), kinds, cpus, rooms, st.sampled_from([90, 190, 300, 530, 1000]))
def test_after_a_pod_of_one_device_every_device_is_tried(
    lesson: list[Shape], kind: int, cpu: int, free: list[int], milli: int
) -> None:
    learned = typical(lesson)
    usable = Usable(learned, KINDS)
    after = usable.after_one(state(usable, kind, cpu, free), np.array(milli))[:, 0]
    for device, left in enumerate(free):
        if left >= milli:
            rest = [*free[:device], left - milli, *free[device + 1 :]]
            assert after[device] == twin(learned, KINDS[kind], cpu, rest)


def test_a_rest_that_serves_half_of_the_pods_is_half_fragmented() -> None:
    lesson = typical([shape(1, 1000), shape(1, 330), shape(1, 330)])  # each counts its place: one, and five
    weights = {one.shape: one.popularity for one in lesson}
    used = weights[shape(1, 1000)] * 1000 + weights[shape(1, 330)] * 1400
    usable = Usable(lesson, KINDS[:1])
    assert usable.of(state(usable, 0, 16_000, [1000, 400])).tolist() == [[used]]
    assert ALL - 2 <= sum(weights.values()) <= ALL


def seconds(lesson: Sequence[Popular], kinds: Sequence[Kind]) -> float:
    began = time.process_time()
    Usable(lesson, kinds)
    return time.process_time() - began


def test_a_hundred_times_as_many_typical_pods_take_no_thirty_times_as_long() -> None:
    kinds = [Kind(f"m{number}", MiB(24000)) for number in range(10)]
    pods = [Popular(Shape(Share(1, MilliGpu(100 + 7 * at)), cpu=1000 * at), ALL // 50) for at in range(50)]
    few, many = (min(seconds(pods * times, kinds) for _ in range(2)) for times in (1, 100))
    assert many < 30 * few
