"""Every key has its default and its rule, and every problem is told at once with key, value and rule."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.config import _CONFIG_MAP, Defaults, Problem, defaults, policy
from autoscaler.core.model import Policy

A = "autoscaling.knative.dev/"


def test_an_empty_map_is_the_defaults_and_they_are_knatives() -> None:
    assert defaults({}) == (Defaults(), ())
    assert policy(Defaults(), {}) == (Policy(), ())


def test_the_shipped_example_parses_to_exactly_the_defaults() -> None:
    shipped = Path("deploy/base/config-autoscaler.yaml").read_text()
    example = yaml.safe_load(yaml.safe_load(shipped)["data"]["_example"])
    assert defaults(example) == (Defaults(), ())


def test_unknown_keys_and_the_example_block_are_passed_over() -> None:
    assert defaults({"_example": "stable-window: nonsense", "scale-to-zero-grace-period": "30s"}) == (Defaults(), ())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stable-window", "60"),
        ("stable-window", "5s"),
        ("stable-window", "61m"),
        ("stable-window", "6500ms"),
        ("panic-window-percentage", "0.5"),
        ("panic-window-percentage", "101"),
        ("panic-threshold-percentage", "109"),
        ("panic-threshold-percentage", "NaN"),
        ("max-scale-up-rate", "1"),
        ("max-scale-up-rate", "inf"),
        ("max-scale-up-rate", "1_"),
        ("max-scale-up-rate", "1__0"),
        ("max-scale-up-rate", "1e99999"),
        ("max-scale-up-rate", "\u0661\u0662"),
        ("stable-window", "6" * 5000 + "s"),
        ("max-scale-down-rate", "1.0"),
        ("container-concurrency-target-percentage", "0"),
        ("container-concurrency-target-percentage", "101"),
        ("container-concurrency-target-default", "-3"),
        ("container-concurrency-target-default", "0.001"),
        ("min-scale", "-1"),
        ("max-scale", "1.5"),
        ("max-scale", " 3"),
    ],
)
def test_a_value_that_breaks_its_rule_is_a_problem(key: str, value: str) -> None:
    _, problems = defaults({key: value})
    assert [(p.key, p.value) for p in problems] == [(key, value)]
    assert str(problems[0]).startswith(f'{key}: "{value[:64]}')
    assert len(str(problems[0])) < 300


@given(st.sampled_from(sorted(_CONFIG_MAP)), st.one_of(st.text(), st.text("0123456789._eE+-smh")))
def test_any_text_is_read_or_a_problem(key: str, text: str) -> None:
    defaults({key: text})
    policy(Defaults(), {A + key: text, A + "target": text, A + "window": text})


def test_all_problems_are_told_at_once() -> None:
    _, problems = defaults({"stable-window": "x", "max-scale-up-rate": "y", "min-scale": "3"})
    assert [p.key for p in problems] == ["stable-window", "max-scale-up-rate"]


def test_bounds_of_the_map_must_agree() -> None:
    assert defaults({"min-scale": "3", "max-scale": "2"})[1] == (Problem("min-scale", "3", "at most max-scale (2)"),)


def test_a_target_percentage_is_a_percentage_above_one_and_a_fraction_below() -> None:
    assert defaults({"container-concurrency-target-percentage": "80"})[0].container_concurrency_target_percentage == 0.8
    assert (
        defaults({"container-concurrency-target-percentage": "0.8"})[0].container_concurrency_target_percentage == 0.8
    )


def test_annotations_override_the_map() -> None:
    resolved, problems = policy(
        Defaults(),
        {
            A + "metric": "concurrency",
            A + "target": "10",
            A + "target-utilization-percentage": "80",
            A + "window": "30s",
            A + "panic-window-percentage": "20",
            A + "panic-threshold-percentage": "150",
            A + "min-scale": "1",
            A + "max-scale": "8",
        },
    )
    assert problems == ()
    assert resolved == Policy(
        target=8.0, stable_window_s=30, panic_window_s=6, panic_threshold=1.5, min_scale=1, max_scale=8
    )


def test_the_kebab_spelling_wins_over_the_camel_one() -> None:
    assert policy(Defaults(), {A + "minScale": "2"})[0].min_scale == 2
    assert policy(Defaults(), {A + "minScale": "2", A + "min-scale": "3"})[0].min_scale == 3


@pytest.mark.parametrize(
    ("annotations", "key"),
    [
        ({A + "target": "0"}, A + "target"),
        ({A + "window": "30"}, A + "window"),
        ({A + "minScale": "x"}, A + "minScale"),
        ({A + "metric": "rps"}, A + "metric"),
        ({A + "min-scale": "3", A + "max-scale": "2"}, A + "min-scale"),
    ],
)
def test_a_bad_annotation_is_told_under_the_spelling_that_was_used(annotations: dict[str, str], key: str) -> None:
    assert [p.key for p in policy(Defaults(), annotations)[1]] == [key]


@pytest.mark.parametrize(("window", "percentage", "panic_s"), [("60s", "10", 6), ("6s", "1", 1), ("25s", "10", 3)])
def test_the_panic_window_is_a_rounded_share_of_the_stable_one(window: str, percentage: str, panic_s: int) -> None:
    annotations = {A + "window": window, A + "panic-window-percentage": percentage}
    assert policy(Defaults(), annotations)[0].panic_window_s == panic_s
