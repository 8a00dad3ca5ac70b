"""Every key of the ConfigMaps has its default and its rule, and every problem is told at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.config import Defaults, DeploymentDefaults, Problem, defaults, deployment
from autoscaler.config.cluster import DEPLOYMENT_RULES, RULES
from autoscaler.core.model import SECOND_NS


def shipped(path: str) -> dict[str, str]:
    data: dict[str, str] = yaml.safe_load(Path(path).read_text())["data"]
    return data


def test_an_empty_map_is_the_defaults() -> None:
    assert defaults({}) == (Defaults(), ())
    assert deployment({}) == (DeploymentDefaults(), ())


def test_the_shipped_example_documents_every_key_and_parses_to_exactly_the_defaults() -> None:
    example = yaml.safe_load(shipped("deploy/base/config-autoscaler.yaml")["_example"])
    assert set(example) == set(RULES)
    assert defaults(example) == (Defaults(), ())
    example = yaml.safe_load(shipped("deploy/base/config-deployment.yaml")["_example"])
    assert set(example) == {"progress-deadline"}
    assert deployment(example) == (DeploymentDefaults(), ())


def test_what_is_shipped_changes_no_default() -> None:
    assert defaults(shipped("deploy/base/config-autoscaler.yaml")) == (Defaults(), ())
    assert deployment(shipped("deploy/base/config-deployment.yaml")) == (DeploymentDefaults(), ())


def test_the_gpu_overlay_patches_the_shipped_map_without_problems() -> None:
    overlay = yaml.safe_load(Path("deploy/overlays/gpu/kustomization.yaml").read_text())
    (patch,) = [yaml.safe_load((Path("deploy/overlays/gpu") / each["path"]).read_text()) for each in overlay["patches"]]
    base = yaml.safe_load(Path("deploy/base/config-autoscaler.yaml").read_text())
    assert [patch[key] for key in ("apiVersion", "kind", "metadata")] == [
        base[key] for key in ("apiVersion", "kind", "metadata")
    ]
    tuned, problems = defaults(base["data"] | patch["data"])
    assert problems == ()
    assert tuned == Defaults(
        stable_window_ns=180 * SECOND_NS,
        panic_window_percentage=13.0,
        container_concurrency_target_fraction=0.85,
        max_scale_up_rate=20.0,
        max_scale_down_rate=1.1,
        scale_to_zero_pod_retention_period_ns=1800 * SECOND_NS,
        scale_to_zero_grace_period_ns=60 * SECOND_NS,
        scale_down_delay_ns=60 * SECOND_NS,
    )


def test_unknown_keys_and_the_example_block_are_passed_over() -> None:
    assert defaults({"_example": "stable-window: nonsense", "queue-sidecar-image": "x"}) == (Defaults(), ())


@pytest.mark.parametrize(
    ("key", "text", "field", "value"),
    [
        ("pod-autoscaler-class", " mine ", "pod_autoscaler_class", "mine"),
        ("enable-scale-to-zero", "f", "enable_scale_to_zero", False),
        ("allow-zero-initial-scale", "T", "allow_zero_initial_scale", True),
        ("max-scale-up-rate", "1.0001", "max_scale_up_rate", 1.0001),
        ("max-scale-down-rate", "1_000", "max_scale_down_rate", 1000.0),
        ("container-concurrency-target-percentage", "80", "container_concurrency_target_fraction", 0.8),
        ("container-concurrency-target-percentage", "0.8", "container_concurrency_target_fraction", 0.8),
        ("container-concurrency-target-percentage", "1", "container_concurrency_target_fraction", 1.0),
        ("container-concurrency-target-percentage", "100", "container_concurrency_target_fraction", 1.0),
        ("container-concurrency-target-default", "0.0143", "container_concurrency_target_default", 0.0143),
        ("requests-per-second-target-default", "0.01", "requests_per_second_target_default", 0.01),
        ("target-burst-capacity", "-1", "target_burst_capacity", -1.0),
        ("activator-capacity", "1", "activator_capacity", 1.0),
        ("stable-window", "1h", "stable_window_ns", 3600 * SECOND_NS),
        ("panic-window-percentage", "1", "panic_window_percentage", 1.0),
        ("panic-threshold-percentage", "110", "panic_threshold_percentage", 110.0),
        ("scale-down-delay", "99h", "scale_down_delay_ns", 99 * 3600 * SECOND_NS),
        ("scale-to-zero-grace-period", "1ns", "scale_to_zero_grace_period_ns", 1),
        ("scale-to-zero-pod-retention-period", "1.5s", "scale_to_zero_pod_retention_period_ns", 1_500_000_000),
        ("initial-scale", "3", "initial_scale", 3),
        ("min-scale", "3", "min_scale", 3),
        ("max-scale", "3", "max_scale", 3),
        ("allow-custom-queries", "true", "allow_custom_queries", True),
        ("drain-aware-scale-down", "true", "drain_aware_scale_down", True),
        ("limit-to-placeable", "true", "limit_to_placeable", True),
        ("metrics-preset", "triton", "metrics_preset", "triton"),
    ],
)
def test_a_key_is_read_into_its_field(key: str, text: str, field: str, value: Any) -> None:
    changes: dict[str, Any] = {field: value}
    assert defaults({key: text}) == (replace(Defaults(), **changes), ())


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("enable-scale-to-zero", "yes"),
        ("allow-zero-initial-scale", " true"),
        ("max-scale-up-rate", "1"),
        ("max-scale-up-rate", "inf"),
        ("max-scale-down-rate", "1.0"),
        ("max-scale-down-rate", "1__0"),
        ("container-concurrency-target-percentage", "0"),
        ("container-concurrency-target-percentage", "100.1"),
        ("container-concurrency-target-percentage", "NaN"),
        ("container-concurrency-target-percentage", "0.00001"),
        ("container-concurrency-target-default", "-3"),
        ("container-concurrency-target-default", "0.0142"),
        ("container-concurrency-target-default", "inf"),
        ("requests-per-second-target-default", "0.009"),
        ("requests-per-second-target-default", "+Inf"),
        ("target-burst-capacity", "-0.5"),
        ("activator-capacity", "0.99"),
        ("stable-window", "60"),
        ("stable-window", "5999ms"),
        ("stable-window", "61m"),
        ("stable-window", "6500ms"),
        ("panic-window-percentage", "0.99"),
        ("panic-window-percentage", "100.1"),
        ("panic-threshold-percentage", "109.99"),
        ("panic-threshold-percentage", "1000.1"),
        ("panic-threshold-percentage", "NaN"),
        ("scale-down-delay", "-6s"),
        ("scale-down-delay", "6001ms"),
        ("scale-to-zero-grace-period", "0s"),
        ("scale-to-zero-pod-retention-period", "-1ns"),
        ("initial-scale", "0"),
        ("initial-scale", "-1"),
        ("min-scale", "-1"),
        ("max-scale", "1.5"),
        ("max-scale", "2147483648"),
        ("max-scale-limit", "-1"),
        ("allow-custom-queries", "maybe"),
        ("drain-aware-scale-down", "yes"),
        ("limit-to-placeable", ""),
        ("metrics-preset", "vlm"),
        ("mode", "watch"),
    ],
)
def test_a_value_that_breaks_its_rule_is_a_problem(key: str, text: str) -> None:
    _, problems = defaults({key: text})
    assert [(problem.key, problem.value) for problem in problems] == [(key, text)]


def test_all_problems_are_told_at_once() -> None:
    _, problems = defaults({"stable-window": "x", "max-scale-up-rate": "y", "min-scale": "3", "initial-scale": "0"})
    assert [problem.key for problem in problems] == ["max-scale-up-rate", "stable-window", "initial-scale"]


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        ({"min-scale": "3", "max-scale": "2"}, [Problem("min-scale", "3", "at most max-scale (2)")]),
        ({"min-scale": "3", "max-scale": "0"}, []),
        ({"min-scale": "3", "max-scale": "-2"}, [Problem("max-scale", "-2", RULES["max-scale"].says)]),
        ({"initial-scale": "0", "allow-zero-initial-scale": "true"}, []),
        (
            {"initial-scale": "0", "allow-zero-initial-scale": "yes"},
            [Problem("allow-zero-initial-scale", "yes", "true or false")],
        ),
        ({"max-scale": "5", "max-scale-limit": "5"}, []),
        ({"max-scale": "6", "max-scale-limit": "5"}, [Problem("max-scale", "6", "from 1 to max-scale-limit (5)")]),
        ({"max-scale": "0", "max-scale-limit": "5"}, [Problem("max-scale", "0", "from 1 to max-scale-limit (5)")]),
        (
            {"max-scale-limit": "5"},
            [Problem("max-scale", "0", "from 1 to max-scale-limit (5); it is not set, and 0 means no limit")],
        ),
        (
            {"container-concurrency-target-default": "0.5", "container-concurrency-target-percentage": "0.01"},
            [
                Problem(
                    "container-concurrency-target-default",
                    "0.5",
                    "such that the target percentage of the target default is at least 0.01; it is 0.005",
                )
            ],
        ),
        # One that breaks its own rule is not compared with others: its correction may make them right.
        (
            {"container-concurrency-target-default": "-1", "container-concurrency-target-percentage": "x"},
            [
                Problem(
                    "container-concurrency-target-percentage",
                    "x",
                    RULES["container-concurrency-target-percentage"].says,
                )
            ],
        ),
    ],
)
def test_keys_must_go_together(data: dict[str, str], problems: list[Problem]) -> None:
    assert list(defaults(data)[1]) == problems


def test_the_kebab_deadline_counts_and_what_cannot_be_read_is_told_of_either() -> None:
    assert deployment({"progressDeadline": "90s"}) == (DeploymentDefaults(90 * SECOND_NS), ())
    assert deployment({"progressDeadline": "0s", "progress-deadline": "90s"}) == (
        DeploymentDefaults(90 * SECOND_NS),
        (),
    )
    for data, key in [
        ({"progressDeadline": "x", "progress-deadline": "90s"}, "progressDeadline"),
        ({"progressDeadline": "90s", "progress-deadline": "x"}, "progress-deadline"),
        ({"progressDeadline": "0s"}, "progressDeadline"),
        ({"progress-deadline": "1500ms"}, "progress-deadline"),
    ]:
        assert [problem.key for problem in deployment(data)[1]] == [key]


ODD = st.text("0123456789._eE+-smhx \u0661") | st.sampled_from(["nan", "inf", "-1", "0", "1", "true", "1e400"])


@given(st.dictionaries(st.sampled_from(sorted(RULES)), ODD))
def test_any_map_is_read_or_its_problems_are_told(data: dict[str, str]) -> None:
    read, problems = defaults(data)
    assert {problem.key for problem in problems} <= set(RULES)
    if not problems:
        # What is accepted is within what the law can bear.
        assert read.max_scale_up_rate > 1
        assert read.max_scale_down_rate > 1
        assert read.container_concurrency_target_fraction * read.container_concurrency_target_default >= 0.01
        assert read.max_scale == 0 or read.min_scale <= read.max_scale


@given(st.dictionaries(st.sampled_from(sorted(DEPLOYMENT_RULES)), ODD))
def test_an_accepted_deadline_is_positive(data: dict[str, str]) -> None:
    read, problems = deployment(data)
    assert problems or read.progress_deadline_ns >= SECOND_NS
