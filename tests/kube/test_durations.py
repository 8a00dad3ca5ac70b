"""Durations are read as Go reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.durations import nanoseconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("60s", 60 * 10**9),
        ("1h2m3.5s", 3_723_500_000_000),
        ("1s2h", 7_201_000_000_000),
        ("500ms", 500_000_000),
        (".5s", 500_000_000),
        ("5.s", 5 * 10**9),
        ("-1m", -60 * 10**9),
        ("+1m", 60 * 10**9),
        ("1us", 1000),
        ("1\u00b5s", 1000),
        ("1\u03bcs", 1000),
        ("1ns", 1),
        ("1.9ns", 1),
        ("123.456789ms", 123_456_789),
        # Go multiplies the fraction in doubles: a third of an hour is a nanosecond short.
        ("0.3333333333333333333h", 1_200_000_000_000),
        ("0.100000000000000000000h", 360_000_000_000),
        ("9223372036854775807ns", 2**63 - 1),
        ("-9223372036854775808ns", -(2**63)),
        ("2562047h47m16.854775807s", 2**63 - 1),
    ],
)
def test_a_duration_is_read(text: str, value: int) -> None:
    assert nanoseconds(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", "60", "s", ".s", "-", "1 s", "1d", "1S", "1h30", "1e3s", "--1s", " 1s", "1s ", "1.0.0s", "\u0661s"),
        *("9999999999h", "9223372036854775808ns", "-9223372036854775809ns", "2562047h47m16.854775808s"),
        "6" * 5000 + "s",
    ],
)
def test_what_is_no_duration_is_none(text: str) -> None:
    assert nanoseconds(text) is None


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_nanoseconds_are_exact(value: int) -> None:
    assert nanoseconds(f"{value}ns") == value


@given(st.text("0123456789.+-hmsnu\u00b5 "))
def test_any_text_is_read_or_none(text: str) -> None:
    value = nanoseconds(text)
    assert value is None or -(2**63) <= value < 2**63
