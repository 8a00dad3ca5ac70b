"""Best fit puts a share where it leaves the least, and agrees with a search that tries everything."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core import packing
from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey, share_on
from kube.gpus import MemoryShare, MiB, MilliGpu, Placement, Share


def cluster(free: dict[str, list[int]], memory: int = 16384) -> Ledger:
    ledger = Ledger()
    for name, room in free.items():
        ledger.put_node(GpuNode(name, alike(len(room), MiB(memory))))
        for device, milli in enumerate(room):
            if milli < 1000:
                key = PodKey(f"{name}/{device}", "default", "x")
                ledger.hold(Holding(key, name, (str(device),), MilliGpu(1000 - milli), State.BOUND))
    return ledger


def chosen(ledger: Ledger, request: Share | MemoryShare) -> tuple[str, tuple[int, ...]] | None:
    names = sorted(ledger.columns)
    node = packing.best(names, packing.costs(ledger, request, names))
    if node is None:
        return None
    place = packing.placement(ledger, request, node)
    assert isinstance(place, Placement)
    return node, tuple(map(int, place.devices))


def test_a_started_device_fills_before_a_new_one_opens() -> None:
    assert chosen(cluster({"a": [1000, 500]}), Share(1, MilliGpu(250))) == ("a", (1,))


def test_the_tightest_device_of_the_cluster_wins() -> None:
    assert chosen(cluster({"a": [500, 1000], "b": [1000, 250]}), Share(1, MilliGpu(250))) == ("b", (1,))


def test_a_started_node_fills_before_an_empty_one() -> None:
    assert chosen(cluster({"a": [1000, 1000], "b": [0, 1000]}), Share(1, MilliGpu(1000))) == ("b", (1,))


def test_among_equal_nodes_the_first_name_wins() -> None:
    assert chosen(cluster({"b": [1000], "a": [1000]}), Share(1, MilliGpu(500))) == ("a", (0,))


def test_a_whole_gpu_takes_no_started_device() -> None:
    assert chosen(cluster({"a": [999, 999]}), Share(1, MilliGpu(1000))) is None


def test_several_devices_are_several_different_ones() -> None:
    assert chosen(cluster({"a": [1000, 600, 500]}), Share(2, MilliGpu(500))) == ("a", (1, 2))
    assert chosen(cluster({"a": [1000]}), Share(2, MilliGpu(500))) is None


def test_memory_goes_where_the_model_has_it() -> None:
    ledger = cluster({"small": [1000]}, memory=8192)
    ledger.put_node(GpuNode("large", alike(1, MiB(16384))))
    assert chosen(ledger, MemoryShare(1, MiB(10000))) == ("large", (0,))


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Share(1, MilliGpu(250)), "no device with 250 milli-GPU free"),
        (Share(1, MilliGpu(1000)), "no whole GPU free"),
        (Share(2, MilliGpu(100)), "1 of 2 devices with 100 milli-GPU free"),
        (MemoryShare(1, MiB(20000)), "its GPUs have 16384 MiB, 20000 MiB wanted"),
    ],
)
def test_a_misfit_says_what_is_short(request_: Share | MemoryShare, reason: str) -> None:
    assert packing.placement(cluster({"a": [200, 0]}), request_, "a") == packing.Misfit(reason)


def test_nodes_that_are_not_ours_take_nothing() -> None:
    ledger = cluster({"a": [1000]})
    assert packing.best(["other"], packing.costs(ledger, Share(1, MilliGpu(1)), ["other"])) is None
    assert isinstance(packing.placement(ledger, Share(1, MilliGpu(1)), "other"), packing.Misfit)


def test_no_nodes_at_all_is_no_node() -> None:
    ledger = cluster({"a": [1000]})
    assert packing.best([], packing.costs(ledger, Share(1, MilliGpu(1)), [])) is None


rooms = st.dictionaries(
    st.sampled_from("abcdefgh"), st.lists(st.integers(0, 1000), min_size=1, max_size=5), min_size=1, max_size=6
)
requests = st.one_of(
    st.builds(Share, st.integers(1, 4), st.integers(1, 1000).map(MilliGpu)),
    st.builds(MemoryShare, st.integers(1, 3), st.integers(1, 20000).map(MiB)),
)


@given(rooms, requests)
def test_best_fit_is_what_trying_everything_finds(free: dict[str, list[int]], request_: Share | MemoryShare) -> None:
    """The dumb twin: every choice of devices on every node, ordered by the law in packing's header."""
    share = share_on(request_, MiB(16384))
    options = [] if share is None else [
        (sum(room[d] - share.milli for d in devices), sum(room), name, devices)
        for name, room in free.items()
        for devices in combinations(range(len(room)), share.devices)
        if all(room[d] >= share.milli for d in devices)
    ]  # fmt: skip
    least = min(options, default=None)
    found = chosen(cluster(free), request_)
    assert (found is None) == (least is None)
    if found is not None and least is not None:
        assert found[0] == least[2]
        assert sorted(free[found[0]][d] for d in found[1]) == sorted(free[found[0]][d] for d in least[3])
