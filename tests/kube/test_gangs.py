"""What users and Plimsoll write of gangs on a pod is read as it was meant, or refused with its rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.gangs import MOST_MEMBERS, Planned, least_of, planned_in, written
from kube.gpus import MOST_DEVICES, WHOLE, Malformed, MilliGpu, Placement

RULE = "a whole number from 1 to 10000"
DEVICES = st.one_of(
    st.integers(0, MOST_DEVICES - 1).map(str),
    st.uuids().map(lambda uuid: f"GPU-{uuid}"),
)
PLANS = st.builds(
    Planned,
    st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?", fullmatch=True),
    st.builds(
        Placement,
        st.lists(DEVICES, min_size=1, max_size=8, unique=True).map(tuple),
        st.integers(1, WHOLE).map(MilliGpu),
    ),
)


@given(st.integers(1, MOST_MEMBERS))
def test_a_minimum_is_a_number(number: int) -> None:
    assert least_of(str(number)) == number
    assert least_of(f" {number}\n") == number


@pytest.mark.parametrize("said", ["0", "10001", "-1", "+1", "1.5", "8 pods", "", "٣", "99999999999999999999"])
def test_a_minimum_that_breaks_its_rule_is_told_with_it(said: str) -> None:
    assert least_of(said) == Malformed("plimsoll.dev/gang-min", said, RULE)


def test_a_minimum_that_is_missing_is_told_with_the_label_that_wants_it() -> None:
    assert str(least_of(None)) == (
        f'plimsoll.dev/gang-min: "" must be there beside the label plimsoll.dev/gang: {RULE}'
    )


@given(PLANS)
def test_a_plan_is_read_back_as_it_was_written(planned: Planned) -> None:
    assert planned_in(written(planned)) == planned


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "n0",
        "n0 0",
        "n0 0 1000 more",
        " 0 1000",
        "n0  1000",
        "n0 64 1000",
        "n0 0,,1 1000",
        "n0 0 0",
        "n0 0 1001",
        "n0 0 0.5",
        "n0 0 -1",
        "n0\t0 1000",
    ],
)
def test_what_nobody_of_us_wrote_is_no_plan(text: str | None) -> None:
    assert planned_in(text) is None


@given(st.text())
def test_whatever_stands_there_is_read_without_a_failure(text: str) -> None:
    least_of(text)
    planned = planned_in(text)
    assert planned is None or written(planned).split(" ")[:2] == text.split(" ")[:2]
