"""The adapter answers case by case, in order, whether or not the recorded outputs are there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from deploy.local.places import REPOSITORY
from tests.conformance.numbers import written


def ask(*arguments: str, cases: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.conformance", *arguments],
        input="".join(f"{json.dumps(case)}\n" for case in cases),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_each_case_is_answered_in_order() -> None:
    cases = [
        {"id": 7, "kind": "parse", "type": "duration", "in": "1.5s"},
        {"id": 3, "kind": "parse", "type": "float64", "in": "+Inf", "ok": True, "value": "+Inf"},
        {"id": 4, "kind": "parse", "type": "int32", "in": "0x5"},
        {"id": 5, "kind": "parse", "type": "bool", "in": "T"},
        {"id": 6, "kind": "configmap", "data": {"min-scale": "-1"}},
    ]
    answered = ask("config", cases=cases)
    assert answered.stderr == ""
    assert [json.loads(line) for line in answered.stdout.splitlines()] == [
        {"id": 7, "ok": True, "ns": 1_500_000_000},
        {"id": 3, "ok": True, "value": "+Inf"},
        {"id": 4, "ok": False, "value": 0},
        {"id": 5, "ok": True, "value": True},
        {"id": 6, "ok": False},
    ]


def test_a_case_that_cannot_be_answered_costs_only_its_own_answer() -> None:
    answered = ask("config", cases=[{"id": 1, "kind": "parse"}, {"id": 2, "kind": "parse", "type": "bool", "in": "1"}])
    assert [json.loads(line) for line in answered.stdout.splitlines()] == [
        {"id": 1, "error": "KeyError('type')"},
        {"id": 2, "ok": True, "value": True},
    ]
    assert "KeyError" in answered.stderr
    assert answered.returncode == 1


@pytest.mark.parametrize("arguments", [(), ("nothing",), ("config", "kpa")])
def test_what_is_no_kind_is_told_how_to_ask(arguments: tuple[str, ...]) -> None:
    refused = ask(*arguments, cases=[])
    assert refused.returncode == 1
    assert refused.stderr.startswith("usage: python -m tests.conformance {config,")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (70.0, "70"),
        (0.7, "0.7"),
        (-0.0, "-0.0"),
        (1e20, "100000000000000000000"),
        (123456789012345678901.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (1e-7, "1e-07"),
        (float("nan"), '"NaN"'),
        (float("-inf"), '"-Inf"'),
    ],
)
def test_a_float_is_written_as_the_recording_writes_it(value: float, text: str) -> None:
    assert json.dumps(written(value)) == text
