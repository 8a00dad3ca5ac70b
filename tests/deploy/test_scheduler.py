"""The scheduler that is shipped never binds a GPU pod past the extender, and shows it every node."""

from __future__ import annotations

from pathlib import Path

import yaml


def test_an_extender_that_is_away_lets_no_pod_pass() -> None:
    shipped = yaml.safe_load(Path("deploy/programs/scheduler.yaml").read_text())
    (extender,) = shipped["extenders"]
    assert not extender.get("ignorable", False), "its pods would be bound without a device"
    assert extender["bindVerb"] == "bind", "the default binder writes no devices"
    assert extender["nodeCacheCapable"] is True
    assert shipped["percentageOfNodesToScore"] == 100
