"""Numbers and truth values are read as Go reads them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.texts import boolean, floating, int32, int64, string


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("007", 7.0),
        ("+5", 5.0),
        ("-0.5", -0.5),
        ("5.", 5.0),
        (".5", 0.5),
        ("1e2", 100.0),
        ("1E-2", 0.01),
        ("1_000", 1000.0),
        ("1_0.0_1", 10.01),
        ("1e1_0", 1e10),
        ("1e-400", 0.0),
        ("1.7976931348623158e308", 1.7976931348623157e308),
        ("0x1p4", 16.0),
        ("0X1.8P1", 3.0),
        ("0x.8p1", 1.0),
        ("0x_1p4", 16.0),
        ("-0x1p-2", -0.25),
        ("inf", math.inf),
        ("+Infinity", math.inf),
        ("-INF", -math.inf),
    ],
)
def test_a_float_is_read(text: str, value: float) -> None:
    assert floating(text) == value


def test_not_a_number_is_read_without_a_sign_only() -> None:
    assert math.isnan(floating("NaN") or 0.0)
    assert floating("+nan") is None


@pytest.mark.parametrize(
    "text",
    [
        *("", " 5", "5 ", "abc", "1e", "e5", ".", "+", "--1", "1,5", "1.0.0", "\u0661", "\u0131nf", "infi"),
        *("0x10", "0x1", "0xp1", "0x1p", "0x.p1", "1p4", "0b1", "0o7"),
        *("_1", "1_", "1__0", "1_.5", "1._5", "1_e5", "1e_5", "1e5_", "0_x1p4", "0x1_p4", "0x1p_4"),
        *("1e400", "-1e400", "0x1p1024", "1.7976931348623159e308", "9" * 5000),
    ],
)
def test_what_is_no_float_is_none(text: str) -> None:
    assert floating(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_way_to_write_a_float_gives_it_back(value: float) -> None:
    assert floating(repr(value)) == value
    assert floating(value.hex()) == value


@pytest.mark.parametrize(("text", "value"), [("5", 5), ("+3", 3), ("-0", 0), ("007", 7), ("-2147483648", -(2**31))])
def test_a_whole_number_is_read(text: str, value: int) -> None:
    assert int32(text) == value
    assert int64(text) == value


@pytest.mark.parametrize("text", ["", "1.0", "1_0", "0x5", " 4", "4 ", "1e2", "+", "\u0661", "9" * 5000])
def test_what_is_no_whole_number_is_none(text: str) -> None:
    assert int32(text) is None
    assert int64(text) is None


def test_each_width_has_its_end() -> None:
    assert int32("2147483647") == 2**31 - 1
    assert int32("2147483648") is None
    assert int64("9223372036854775807") == 2**63 - 1
    assert int64("9223372036854775808") is None


def test_truth_has_six_spellings_and_so_has_untruth() -> None:
    assert [boolean(text) for text in ("1", "t", "T", "TRUE", "true", "True")] == [True] * 6
    assert [boolean(text) for text in ("0", "f", "F", "FALSE", "false", "False")] == [False] * 6
    assert [boolean(text) for text in ("", "yes", "tRue", " true", "on")] == [None] * 5


def test_a_string_loses_the_blanks_around_it() -> None:
    assert string(" \t\u00a0a b\r\n") == "a b"
    assert string("\x1c") == "\x1c"
