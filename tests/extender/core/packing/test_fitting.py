"""A request fits where some choice of devices has what it wants."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extender.core.ledger.nodes import Device, GpuNode
from extender.core.model import Shape, share_on
from extender.core.packing.fitting import fit, tightest
from kube.gpus import MemoryShare, MiB, MilliGpu, Share
from tests.extender.core.packing.clusters import fits, rooms, shapes

memories = st.lists(st.sampled_from([0, 8000, 16_000, 32_000]), min_size=4, max_size=4)


@given(shapes, rooms, memories)
def test_it_fits_where_a_search_finds_devices(asked: Shape, free: list[int], memory: list[int]) -> None:
    node = GpuNode("a", tuple(Device(str(i), MiB(one)) for i, one in enumerate(memory)))
    room, sizes = np.array([free], dtype=np.uint16).T, np.array([memory], dtype=np.int32).T
    found = fit(asked.request, room, sizes)
    assert found.fits.tolist() == [fits(asked, node, free)]
    if asked.request is not None and found.fits[0]:
        rows = np.flatnonzero(tightest(found, room.astype(np.int64))[:, 0]).tolist()
        assert len(rows) == asked.request.devices
        needed = share_on(asked.request, min(MiB(memory[row]) for row in rows))
        assert needed is not None
        milli = int(found.milli.ravel()[0])
        assert all(needed.milli <= milli <= free[row] for row in rows)


def test_the_tightest_devices_are_taken_and_the_first_of_equals() -> None:
    free = np.array([[1000, 500, 700, 500]], dtype=np.uint16).T
    found = fit(Share(2, MilliGpu(400)), free, np.zeros((4, 1), dtype=np.int32))
    assert tightest(found, free.astype(np.int64))[:, 0].tolist() == [False, True, False, True]
    assert tightest(found, free.astype(np.int64), emptiest=True)[:, 0].tolist() == [True, False, True, False]


def test_memory_is_taken_of_the_largest_devices_for_the_smallest_share() -> None:
    free = np.array([[1000, 1000]], dtype=np.uint16).T
    found = fit(MemoryShare(1, MiB(8000)), free, np.array([[16_000, 32_000]], dtype=np.int32).T)
    assert found.milli.tolist() == [250]
    assert found.suits[:, 0].tolist() == [False, True]
