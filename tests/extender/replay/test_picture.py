"""The picture is SVG with a curve for each policy, inside its frame."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np

from extender.replay.inflation import Cost, Inflation
from extender.replay.picture import picture

SVG = "{http://www.w3.org/2000/svg}"


def test_each_policy_has_a_curve_inside_the_frame_and_names_are_escaped() -> None:
    arrived = np.linspace(0.1, 130, 5000)
    replays = [
        Inflation(name, arrived, np.minimum(arrived, top), None, 0, 0, Cost(1, 1.0, 1.0))
        for name, top in (("a<b", 95.0), ("c", 80.0))
    ]
    drawn = ET.fromstring(picture("pods & nodes", replays))  # noqa: S314  ours
    lines = [one.get("d", "") for one in drawn.iter(f"{SVG}path") if one.get("class") == "line"]
    assert len(lines) == 3  # what was asked for, and two policies
    for line in lines[1:]:
        points = [tuple(map(float, pair.split())) for pair in re.split("[ML]", line) if pair]
        assert len(points) <= 400
        assert all(48 <= x <= 748 and 64 <= y <= 336 for x, y in points)
    texts = [one.text for one in drawn.iter(f"{SVG}text")]
    assert {"a<b", "c", "pods & nodes"} <= set(texts)
