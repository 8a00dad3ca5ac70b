"""A node that is scored alone has the score that it has among many."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from extender.core.model import Shape
from extender.core.packing.capacity import Kind
from extender.core.packing.fragmentation import Usable
from extender.core.packing.one_node import OneRoom, score_one, scores_plainly
from extender.core.packing.scoring import Room, score
from extender.core.packing.settings import Settings, Strategy
from kube.gpus import MemoryShare, MiB, MilliGpu, Share
from tests.extender.core.packing.clusters import MODELS, shapes
from tests.extender.core.packing.test_fragmentation import typical

KINDS = [Kind(model, MiB(16_000)) for model in MODELS]
devices = st.lists(st.sampled_from([0, 90, 190, 300, 530, 810, 1000]), min_size=4, max_size=4)
nodes = st.builds(
    OneRoom,
    devices,
    cpu=st.sampled_from([-500, 0, 1000, 7000, 32_000]),
    cpu_there=st.sampled_from([1, 8000, 32_000]),
    devices=st.integers(1, 4),
    kind=st.integers(0, len(KINDS) - 1),
    order=st.integers(0, 60),
    pressure=st.sampled_from([0, 400_000, 800_000]),
    before=st.just(0),
)
asked = st.builds(
    Shape,
    st.one_of(
        st.builds(Share, st.just(1), st.sampled_from([100, 190, 470, 810, 1000]).map(MilliGpu)),
        st.builds(Share, st.integers(2, 4), st.sampled_from([300, 1000]).map(MilliGpu)),
    ),
    st.sampled_from([0, 500, 4000, 12_000]),
)
strategies = st.sampled_from([Strategy.FRAGMENTATION, Strategy.BEST_FIT, Strategy.SPREAD])


@given(asked, st.lists(nodes, min_size=1, max_size=4), st.lists(shapes, max_size=6), strategies)
def test_alone_or_among_others_the_score_and_all_that_explains_it_are_the_same(
    shape: Shape, rooms: list[OneRoom], lesson: list[Shape], strategy: Strategy
) -> None:
    settings, usable = Settings(strategy=strategy), Usable(typical(lesson), KINDS)
    free = np.array([one.free for one in rooms], dtype=np.uint16).T
    others = np.array([astuple(one)[1:-1] for one in rooms], dtype=np.int64).T
    found = score(shape, Room(free, np.full(free.shape, 16_000, dtype=np.int32), *others), usable, settings)
    for place, room in enumerate(rooms):
        known = replace(room, before=usable.of_one(room.kind, room.cpu, room.free))
        assert score_one(shape, known, usable, settings) == found.one(place)


def test_what_depends_on_the_model_and_what_serves_comparisons_alone_is_scored_as_arrays() -> None:
    half, memory = Shape(Share(1, MilliGpu(500))), Shape(MemoryShare(1, MiB(8000)))
    assert scores_plainly(half, Strategy.FRAGMENTATION)
    assert not scores_plainly(half, Strategy.FGD)
    assert not scores_plainly(memory, Strategy.FRAGMENTATION)
    assert not scores_plainly(Shape(None), Strategy.BEST_FIT)
