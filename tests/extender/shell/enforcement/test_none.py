"""Where nothing enforces shares, the node is told nothing."""

from __future__ import annotations

from extender.core.answers import BindTo
from extender.core.model import PodKey
from extender.shell.enforcement import none, writing
from kube.gpus import MilliGpu, Placement


def test_nothing_is_written() -> None:
    assert none.written() == {}
    asked = BindTo(PodKey("u", "ours", "p"), "a", Placement(("0",), MilliGpu(500)))
    assert writing.written(asked, 0) == {}
