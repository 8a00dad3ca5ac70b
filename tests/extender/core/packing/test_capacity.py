"""What no pod changes follows the nodes, and nothing else."""

from extender.core.packing.capacity import PLACES, Capacity, Kind, Pool
from kube.gpus import MiB, MilliGpu
from tests.extender.core.packing.clusters import cluster, hold, node

T4_OF_4, T4_OF_2 = (Pool(Kind("T4", MiB(16_000)), 16_000, devices) for devices in (4, 2))


def test_pods_change_nothing_of_it() -> None:
    ledger, capacity = cluster([node("a", 4, "T4", 64_000)]), Capacity()
    capacity.follow(ledger)
    version = capacity.version
    hold(ledger, "a", (0,), MilliGpu(500), cpu=8000)
    capacity.follow(ledger)
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


def test_the_order_of_nodes_is_by_their_names_and_stays_when_others_come() -> None:
    names = [f"gpu-{number:03}" for number in range(200)]
    few, all_of_them = Capacity(), Capacity()
    one, other = cluster([node(name) for name in reversed(names[50:])]), cluster([node(name) for name in names])
    few.follow(one)
    all_of_them.follow(other)
    before, after = few.places(), all_of_them.places()
    assert sorted(names[50:], key=lambda name: before[one.columns[name]]) == sorted(
        names[50:], key=lambda name: after[other.columns[name]]
    )
    assert names != sorted(names, key=lambda name: after[other.columns[name]])


def test_places_are_even_and_of_few_nodes_no_further_apart_than_of_a_thousand() -> None:
    ledger, capacity = cluster([node(f"n{number}") for number in range(10)]), Capacity()
    capacity.follow(ledger)
    assert sorted(capacity.places()[capacity.known].tolist()) == [number * PLACES // 1000 for number in range(10)]
