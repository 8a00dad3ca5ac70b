"""The second book notices what does not fit, and finds what does."""

import pytest

from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Shape
from extender.replay.bookkeeping import Book
from kube.gpus import MilliGpu, Placement, Share

POD = Shape(Share(1, MilliGpu(600)), 4000, 100, ("T4",))


def book() -> Book:
    return Book([GpuNode("a", alike(2), "T4", 16_000, 1000), GpuNode("b", alike(2), "A10", 16_000, 1000)])


def test_each_of_cpu_memory_model_and_devices_can_be_what_is_short() -> None:
    assert book().fits(POD)
    assert not book().fits(Shape(POD.request, 16_001, 100, ("T4",)))
    assert not book().fits(Shape(POD.request, 4000, 1001, ("T4",)))
    assert not book().fits(Shape(POD.request, 4000, 100, ("P100",)))
    assert not book().fits(Shape(Share(3, MilliGpu(600)), 4000, 100, ("T4",)))


def test_what_is_taken_is_gone_until_it_is_given_back() -> None:
    kept = book()
    placements = [Placement((str(device),), MilliGpu(600)) for device in range(2)]
    for placement in placements:
        kept.take(POD, "a", placement)
    assert not kept.fits(POD)
    kept.give_back(POD, "a", placements[1])
    assert kept.fits(POD)


@pytest.mark.parametrize("node", ["a", "b"])
def test_a_placement_that_does_not_fit_is_our_defect(node: str) -> None:
    kept = book()
    if node == "a":
        kept.take(POD, "a", Placement(("0",), MilliGpu(600)))
    with pytest.raises(AssertionError, match="where it does not fit"):
        kept.take(POD, node, Placement(("0",), MilliGpu(600)))
