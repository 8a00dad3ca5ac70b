from __future__ import annotations

import pytest

from autoscaler.config.cluster import RULES
from plimsoll.check.spelling import meant


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("stableWindow", "stable-window"),
        ("STABLE_WINDOW", "stable-window"),
        ("panic-treshold-percentage", "panic-threshold-percentage"),
        ("max-scale-rate", "max-scale-up-rate"),
        ("scale-to-zero-graceperiod", "scale-to-zero-grace-period"),
    ],
)
def test_a_misspelt_key_is_known(key: str, known: str) -> None:
    assert meant(key, RULES) == known


@pytest.mark.parametrize("key", ["", "tick-interval", "queue-sidecar-image", "x"])
def test_a_key_of_somebody_else_is_none(key: str) -> None:
    assert meant(key, RULES) is None


def test_no_key_is_like_another_by_its_letters_alone() -> None:
    assert [meant(key, RULES) for key in RULES] == list(RULES)
