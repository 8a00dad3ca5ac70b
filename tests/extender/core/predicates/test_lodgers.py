"""Who is on a node."""

from __future__ import annotations

import gc

from msgspec.structs import replace

from extender.core.predicates.demands import Resident
from extender.core.predicates.lodgers import Facts


def test_one_that_became_ready_counts_for_the_same_and_one_that_leaves_does_not() -> None:
    pod = Facts(Resident("a"), "n")
    assert pod.counts_as(replace(pod, ready=True, started="now"))
    assert not pod.counts_as(replace(pod, resident=Resident("a", leaving=True)))
    assert not pod.counts_as(replace(pod, node="m"))


def test_no_collection_walks_them() -> None:
    assert not gc.is_tracked(Facts(Resident("a"), "n"))
