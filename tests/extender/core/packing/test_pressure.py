"""A pool is scarce as far as pods want it that cannot run everywhere."""

from __future__ import annotations

from extender.core.model import Shape
from extender.core.packing.capacity import Kind, Pool
from extender.core.packing.pressure import pressure, thought_of
from kube.gpus import MemoryShare, MiB
from tests.extender.core.packing.clusters import shape


def pool(model: str, *, cpu: int = 64_000, devices: int = 8, memory: int = 16_000) -> Pool:
    return Pool(Kind(model, MiB(memory)), cpu, devices)


T4, V100, A10 = pool("T4"), pool("V100"), pool("A10")


def test_pods_that_can_run_everywhere_press_on_nothing() -> None:
    assert pressure([(shape(1, 1000), 5)], [T4, V100], [4000, 1000]) == [0, 0]
    assert pressure([(shape(1, 1000, models=("T4", "V100")), 5)], [T4, V100], [4000, 1000]) == [0, 0]


def test_pressure_is_demand_over_what_there_is_when_all_is_asked_for() -> None:
    seen = [(shape(1, 1000), 9), (shape(1, 1000, models=("V100",)), 1)]
    assert pressure(seen, [T4, V100], [8000, 2000]) == [0, 500]


def test_a_pod_that_accepts_several_models_counts_for_each_by_how_much_there_is() -> None:
    seen = [(shape(1, 1000, models=("T4", "V100")), 1), (shape(1, 1000), 1)]
    assert pressure(seen, [A10, T4, V100], [4000, 3000, 1000]) == [0, 1000, 1000]


def test_pods_too_large_for_other_nodes_press_on_those_that_can_run_them() -> None:
    small, large = pool("T4", cpu=8000, devices=2), pool("T4", cpu=128_000)
    assert pressure([(shape(8, 1000), 1), (shape(1, 1000), 56)], [small, large], [32_000, 32_000]) == [0, 250]
    assert pressure([(shape(1, 1000, 9000), 1), (shape(1, 1000), 3)], [small, large], [4000, 4000]) == [0, 500]
    memory = [(Shape(MemoryShare(1, MiB(20_000))), 1)]
    assert pressure(memory, [T4, pool("V100", memory=32_000)], [4000, 4000]) == [0, 2000]


def test_pressure_has_an_end() -> None:
    assert pressure([(shape(1, 1000, models=("V100",)), 1)], [T4, V100], [9000, 1000]) == [0, 2000]


def test_pods_that_can_run_nowhere_and_pods_without_gpus_press_on_nothing() -> None:
    seen = [(shape(1, 1000, models=("H100",)), 1), (shape(0, 0, models=("T4",)), 3)]
    assert pressure(seen, [T4, V100], [1000, 1000]) == [0, 0]
    assert pressure([], [T4], [1000]) == [0]


def test_a_pool_whose_nodes_are_gone_feels_nothing() -> None:
    assert pressure([(shape(1, 1000, models=("V100",)), 1)], [T4, V100], [1000, 0]) == [0, 0]


def test_before_anything_came_the_largest_nodes_are_thought_wanted_and_later_no_more() -> None:
    small, large = pool("T4", cpu=16_000, devices=2), pool("T4", cpu=128_000)
    pools, there = [small, large], [80_000, 80_000]
    assert pressure(thought_of(pools, there), pools, there) == [0, 1600]
    seen = [(shape(1, 500), 16 * 8000), *thought_of(pools, there)]
    assert pressure(seen, pools, there)[1] < 40
