from __future__ import annotations

from plimsoll.gpus.core.sums import Sums, by_model, sums
from tests.plimsoll.gpus.mapped import A100, TWO, device, held, many, node


def test_devices_pods_and_room_add_up() -> None:
    assert sums(TWO[:2]) == Sums(nodes=2, devices=6, whole=1, shared=1, closed=3, free=1200, pods=4)


def test_a_pod_on_several_devices_is_one_pod() -> None:
    pod = held("p", 1000)
    assert sums([node("a", device("0", pod), device("1", pod))]).pods == 1


def test_each_model_has_its_own_sums_and_nodes_left_out_have_none() -> None:
    assert [model for model, _ in by_model(TWO)] == [A100]
    assert [(model, of.nodes) for model, of in by_model(many(20))] == [("G2", 18), ("T4", 2)]
    assert sum(of.free for _, of in by_model(many(20))) == sums(many(20)).free
