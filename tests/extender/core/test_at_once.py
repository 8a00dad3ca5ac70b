"""Of a gang that is not whole either as many fit as it is short of, or none."""

from __future__ import annotations

import pytest

from extender.core.at_once import fits_at_once
from extender.core.fits import Fits
from extender.core.model import Ask, Shape
from tests.extender.core.gang.playing import WHOLE, Cluster

ASK = Ask("default", "", "", WHOLE)


def fitting(cluster: Cluster, least: int, most: int = 10) -> Fits:
    return fits_at_once(cluster.scheduling, ASK, Shape(WHOLE), most, gang=("g", least))


@pytest.mark.parametrize(("most", "count"), [(1, 1), (4, 4), (10, 4)])
def test_a_new_gang_that_fits_is_counted_as_any_pods_are(most: int, count: int) -> None:
    assert fitting(Cluster(nodes=4), 4, most).count == count


def test_of_a_new_gang_that_does_not_fit_at_once_none_does() -> None:
    found = fitting(Cluster(nodes=4), 5)
    assert found == Fits(0, "gang g: 5 pods needed at once, 4 fit; 4 nodes: full after these")


def test_a_whole_gang_grows_one_by_one() -> None:
    cluster = Cluster(nodes=4)
    cluster.create("g", 3, 3)
    cluster.turn()
    assert fitting(cluster, 3).count == 1


def test_a_gang_of_another_namespace_is_another_gang() -> None:
    cluster = Cluster(nodes=4)
    cluster.create("g", 3, 3)
    cluster.turn()
    asked = Ask("other", "", "", WHOLE)
    assert fits_at_once(cluster.scheduling, asked, Shape(WHOLE), 1, gang=("g", 2)).count == 0


def test_the_question_changes_nothing() -> None:
    cluster = Cluster(nodes=4)
    version = cluster.scheduling.ledger.version
    fitting(cluster, 5)
    assert cluster.scheduling.ledger.version == version
    assert len(cluster.scheduling.gangs) == 0
