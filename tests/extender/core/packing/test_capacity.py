"""What no pod changes follows the nodes, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from extender.core.packing.capacity import PLACES, Capacity, Kind, Pool
from kube.gpus import MiB, MilliGpu
from tests.extender.core.packing.clusters import cluster, hold, node

if TYPE_CHECKING:
    from extender.core.ledger.ledger import Ledger

T4_OF_4, T4_OF_2 = (Pool(Kind("T4", MiB(16_000)), 16_000, devices) for devices in (4, 2))


def test_pods_change_nothing_of_it() -> None:
    ledger, capacity = cluster([node("a", 4, "T4", 64_000)]), Capacity()
    capacity.follow(ledger)
    version = capacity.version
    hold(ledger, "a", (0,), MilliGpu(500), cpu=8000)
    capacity.follow(ledger)
    assert ledger.generation > ledger.renewed, "that which the look at nodes is spared by"
    column = ledger.columns["a"]
    assert (capacity.version, capacity.cpu[column], capacity.devices[column]) == (version, 64_000, 4)


def test_a_node_that_comes_back_otherwise_is_taken_as_it_is() -> None:
    ledger, capacity = cluster([node("a", 4, "T4"), node("b", 2, "T4")]), Capacity()
    capacity.follow(ledger)
    assert dict(zip(capacity.pools, capacity.by_pool(), strict=True)) == {T4_OF_4: 4000, T4_OF_2: 2000}
    ledger.drop_node("a")
    capacity.follow(ledger)
    assert capacity.by_pool() == [0, 2000]
    ledger.put_node(node("a", 1, "V100"))
    capacity.follow(ledger)
    assert capacity.by_pool() == [0, 2000, 1000]


def test_the_order_of_nodes_is_by_their_names_and_the_same_whatever_else_is_there() -> None:
    names = [f"gpu-{number:03}" for number in range(200)]
    first, second = Capacity(), Capacity()
    one, other = cluster([node(name) for name in names]), cluster([node(name) for name in reversed(names[50:])])
    first.follow(one)
    second.follow(other)
    orders = [
        sorted(names[50:], key=lambda name: int(capacity.places(1)[ledger.columns[name]]))
        for capacity, ledger in ((first, one), (second, other))
    ]
    assert orders[0] == orders[1]
    assert orders[0] != names[50:]
    places = sorted(first.places(1)[first.known].tolist())
    assert (places[0], places[100]) == (0, PLACES // 2)
    assert np.diff(places).max() <= PLACES // 200 + 1


def test_few_nodes_are_no_further_apart_than_many() -> None:
    capacity, ledger = Capacity(), cluster([node("a"), node("b"), node("c")])
    capacity.follow(ledger)
    places = sorted(capacity.places(100)[capacity.known].tolist())
    assert places == [0, -(-PLACES // 100), -(-2 * PLACES // 100)]


def kinds_and_pools(ledger: Ledger, capacity: Capacity) -> dict[str, tuple[Kind, Pool]]:
    places = {name: (capacity.kind[column], capacity.pool[column]) for name, column in ledger.columns.items()}
    return {name: (capacity.kinds[kind], capacity.pools[pool]) for name, (kind, pool) in places.items()}


def test_of_pools_that_no_node_is_of_any_more_little_is_kept_and_each_node_has_its_own() -> None:
    ledger, capacity = cluster([node("stays", 4, "T4"), node("goes", 2, "T4")]), Capacity()
    for number in range(1000):
        ledger.put_node(node("a", 2, f"model-{number}", cpu=1000 + number))
        ledger.put_node(node(f"b-{number}", 2, "V100", cpu=number))
        capacity.follow(ledger)
        ledger.drop_node(f"b-{number}")
        if number == 500:
            ledger.drop_node("goes")
        anew = Capacity()
        anew.follow(ledger)
        capacity.follow(ledger)
        assert kinds_and_pools(ledger, capacity) == kinds_and_pools(ledger, anew)
        there = zip(capacity.pools, capacity.by_pool(), strict=True)
        assert {pool: milli for pool, milli in there if milli} == dict(zip(anew.pools, anew.by_pool(), strict=True))
    assert (len(capacity.pools) < 100, len(capacity.kinds) < 100) == (True, True)
