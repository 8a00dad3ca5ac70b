"""When must an object be gone that is told to go? Later deletions only come nearer, and none ends in the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plimsoll.embedded.core.api.deletion import Deletion
from plimsoll.embedded.core.kinds import PODS

if TYPE_CHECKING:
    from plimsoll.embedded.core.problem import Object

BOUND: Object = {
    "metadata": {"name": "one", "generation": 1},
    "spec": {"nodeName": "gpu-00", "terminationGracePeriodSeconds": 60},
    "status": {"phase": "Running"},
}


def told_to_go(pod: Object, second: int, grace_s: int | None = None) -> Object:
    """Return a pod that is deleted in that second of an hour."""
    asked = Deletion(grace_s, None, None, dry=False)
    return asked.marked(PODS, pod, f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z")


def end(pod: Object) -> tuple[str, int, int]:
    meta = pod["metadata"]
    return meta["deletionTimestamp"][14:19], meta["deletionGracePeriodSeconds"], meta["generation"]


def test_the_first_deletion_sets_the_end() -> None:
    assert end(told_to_go(BOUND, 10)) == ("01:10", 60, 2)
    assert end(told_to_go(BOUND, 10, grace_s=5)) == ("00:15", 5, 2)


@pytest.mark.parametrize(
    ("second", "grace_s", "ends"),
    [
        pytest.param(20, 30, ("00:40", 30, 2), id="a shorter time counts from the first deletion"),
        pytest.param(20, 10, ("00:20", 10, 2), id="it may be over in this moment"),
        pytest.param(20, 60, ("01:10", 60, 2), id="the same time changes nothing"),
        pytest.param(20, 90, ("01:10", 60, 2), id="nor does a longer one"),
        pytest.param(20, None, ("01:10", 60, 2), id="nor does none"),
        pytest.param(20, 5, ("00:20", 1, 2), id="what would be over is over now, in the shortest orderly time"),
        pytest.param(20, 0, ("00:20", 0, 2), id="or at once"),
    ],
)
def test_a_later_deletion_only_comes_nearer(second: int, grace_s: int | None, ends: tuple[str, int, int]) -> None:
    assert end(told_to_go(told_to_go(BOUND, 10), second, grace_s)) == ends
