"""Where Knative's answers were recorded, ours are the same, but for the deviations that are documented."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from autoscaler import config
from autoscaler.config import workload
from kube import texts
from tests.conformance.config import answer
from tests.conformance.recorded import recorded


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    return recorded("config")


def deviates(case: dict[str, Any]) -> bool:
    """Tell whether a value is refused that Knative lets through: not finite, or a panic threshold out of range."""
    given = case["data"] if case["kind"] == "configmap" else case.get("annotations", {})
    values = {key: texts.floating(text) for key, text in given.items()}
    unbounded = any(value is not None and not math.isfinite(value) for value in values.values())
    threshold = values.get("panic-threshold-percentage")
    return unbounded or (threshold is not None and not 110 <= threshold <= 1000)


@pytest.mark.parametrize("kind", ["parse", "configmap", "annotations"])
def test_every_answer_is_the_recorded_one(cases: list[dict[str, Any]], kind: str) -> None:
    asked = [case for case in cases if case["kind"] == kind]
    assert asked
    different = []
    for case in asked:
        told = answer(case)
        if kind != "parse" and case["ok"] and not told["ok"] and deviates(case):
            told = told | {"ok": True} | ({"config": case["config"]} if kind == "configmap" else {})
        if (
            told != {key: case[key] for key in told}
            or case.keys() & {"value", "ns", "config", "resolved"} - told.keys()
        ):
            different.append((case, told))
    assert different == []


def test_a_recorded_error_names_a_key_that_we_name_too(cases: list[dict[str, Any]]) -> None:
    unnamed = []
    for case in cases:
        if "error" not in case or case["kind"] == "parse":
            continue
        if case["kind"] == "configmap":
            problems = config.defaults(case["data"])[1]
        else:
            base, _ = config.defaults(case["config_data"])
            problems = tuple(workload.read_annotations(base, case["annotations"]).problems)
        named = set(re.findall(r"[a-zA-Z./]*[a-z]+(?:-[a-z]+)+|autoscaling[a-zA-Z./-]+", case["error"]))
        if not named & {problem.key for problem in problems} and "ParseBool" not in case["error"]:
            unnamed.append((case, problems))
    assert unnamed == []
