"""One pod at a time is given its devices by HAMi, and a lock that nobody will release holds nobody up for ever."""

from __future__ import annotations

import pytest

from extender.core.enforcement.locking import EXPIRY_S, Lock, Turn, held, turn

SINCE = 1_800_000_000.0


@pytest.mark.parametrize(
    ("lock", "later", "expected"),
    [
        pytest.param(None, 0.0, Turn.FREE, id="no lock"),
        pytest.param(Lock("ours", "p", SINCE), 1.0, Turn.OWN, id="its own"),
        pytest.param(Lock("ours", "other", SINCE), EXPIRY_S, Turn.HELD, id="another pod's"),
        pytest.param(Lock("other", "p", SINCE), 1.0, Turn.HELD, id="of the same name elsewhere"),
        pytest.param(Lock("", "", SINCE), 1.0, Turn.HELD, id="nobody's name"),
        pytest.param(Lock("ours", "other", SINCE), EXPIRY_S + 1, Turn.FREE, id="after five minutes"),
        pytest.param(Lock("ours", "other", SINCE), -3600.0, Turn.HELD, id="by a clock that is ahead"),
    ],
)
def test_what_a_pod_finds(lock: Lock | None, later: float, expected: Turn) -> None:
    assert turn(lock, "ours", "p", SINCE + later, again=False) is expected


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        pytest.param(Lock("ours", "p", SINCE), Turn.KEPT, id="its own"),
        pytest.param(None, Turn.RELEASED, id="no lock"),
        pytest.param(Lock("ours", "other", SINCE), Turn.RELEASED, id="another pod's"),
        pytest.param(Lock("ours", "other", SINCE - EXPIRY_S), Turn.RELEASED, id="another pod's, after five minutes"),
    ],
)
def test_a_pod_whose_earlier_binding_may_have_arrived_takes_no_lock(lock: Lock | None, expected: Turn) -> None:
    assert turn(lock, "ours", "p", SINCE + 1.0, again=True) is expected


def test_a_held_lock_says_whose_it_is_and_for_how_long() -> None:
    said = "HAMi's device plugin is giving pod ours/other its devices there (12 s so far); it is tried again"
    assert held(Lock("ours", "other", SINCE), SINCE + 12) == said
    assert "is giving another pod its devices there (0 s so far)" in held(Lock("", "", SINCE), SINCE - 5)
