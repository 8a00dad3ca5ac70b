from __future__ import annotations

import pytest

from autoscaler.config import Problem
from autoscaler.config.rules import BURST_CAPACITY, SCALE, TARGET, WINDOW
from kube.rules import Rule, duration, read


def accepted(rule: Rule, text: str) -> bool:
    return not read({"key": text}, {"key": rule}).problems


@pytest.mark.parametrize(
    ("rule", "ends", "beyond"),
    [
        (WINDOW, ["6s", "1h", "60000ms"], ["5999ms", "5s", "3601s", "6500ms", "60", "-6s"]),
        (TARGET, ["0.01", "1e300"], ["0.009", "-1", "inf", "nan", "1e400"]),
        (BURST_CAPACITY, ["0", "-1", "-1.0", "0.7"], ["-0.5", "-2", "-1.0001", "inf", "nan"]),
        (SCALE, ["0", "2147483647"], ["-1", "2147483648", "1.0"]),
        (duration("", 1), ["1ns", "99999h"], ["0s", "-1ns"]),
    ],
)
def test_a_rule_accepts_its_ends_and_nothing_beyond(rule: Rule, ends: list[str], beyond: list[str]) -> None:
    assert [text for text in ends if not accepted(rule, text)] == []
    assert [text for text in beyond if accepted(rule, text)] == []


def test_a_value_that_breaks_its_rule_is_read_all_the_same() -> None:
    told = read({"a": "-3", "b": "x"}, {"a": SCALE, "b": SCALE, "c": SCALE})
    assert told.values == {"a": -3}
    assert told.problems == [Problem("a", "-3", SCALE.says), Problem("b", "x", SCALE.says)]
    assert not told.sound("a", "c")
    assert told.sound("c")


def test_a_key_is_read_and_told_under_its_spelling() -> None:
    told = read({"minScale": "x"}, {"min-scale": SCALE}, {"min-scale": "minScale"})
    assert [problem.key for problem in told.problems] == ["minScale"]
