"""Train leaves so that inference within its project's quota has room: fewest and cheapest, and nobody in vain."""

from __future__ import annotations

from extender.core.ledger.holding import State
from tests.extender.core.preemption.playing import Cluster, part, until, whole


def test_one_train_pod_leaves_for_an_inference_pod_and_its_device_goes_to_nobody_else() -> None:
    cluster = Cluster()
    cluster.train("t", whole())
    cluster.turn(60.0)
    serve = cluster.pod("serve", whole())
    cluster.turn()
    assert cluster.evicted == ["t"]
    held = cluster.scheduling.ledger.holding(serve.key.uid)
    assert held is not None
    assert held.state is State.NOMINATED
    cluster.pod("greedy", part(100), by="plimsoll-train", of="vision")
    until(cluster, ["serve"])
    assert cluster.running() == ["serve"]
    assert [one for one in cluster.scheduling.ledger.holdings() if one.promised] == []


def test_of_eight_devices_that_are_half_used_exactly_one_is_freed() -> None:
    cluster = Cluster(gpus=8)
    for number in range(8):
        cluster.scheduling.tune(cluster.scheduling.settings)
        cluster.train(f"t{number}", part(600))
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    assert len(cluster.evicted) == 1
    assert len(cluster.running()) == 8
