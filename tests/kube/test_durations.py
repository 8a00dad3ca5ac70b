"""Durations are read as Go reads them."""

import pytest

from kube.durations import nanoseconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("60s", 60 * 10**9),
        ("1h2m3.5s", 3_723_500_000_000),
        ("500ms", 500_000_000),
        (".5s", 500_000_000),
        ("5.s", 5 * 10**9),
        ("-1m", -60 * 10**9),
        ("+1m", 60 * 10**9),
        ("1us", 1000),
        ("1\u00b5s", 1000),
        ("1ns", 1),
    ],
)
def test_a_duration_is_read(text: str, value: int) -> None:
    assert nanoseconds(text) == value


@pytest.mark.parametrize("text", ["", "60", "s", ".s", "1 s", "1d", "1e3s", "--1s", "1s ", "\u0661s", "9999999999h"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert nanoseconds(text) is None
