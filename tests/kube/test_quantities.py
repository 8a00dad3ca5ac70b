"""Quantities come to the whole numbers that Kubernetes makes of them, rounded up."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.quantities import count, mebibytes, milli
from plimsoll.embedded.core.notation.quantities import amount


@pytest.mark.parametrize(
    ("text", "ones", "thousandths"),
    [
        ("0", 0, 0),
        ("2", 2, 2000),
        ("100m", 1, 100),
        ("1.5", 2, 1500),
        ("0.1", 1, 100),
        (".5", 1, 500),
        ("1e3", 1000, 1_000_000),
        ("1E3", 1000, 1_000_000),
        ("1E", 10**18, 10**21),
        ("100u", 1, 1),
        ("1n", 1, 1),
        ("2Gi", 2**31, 2**31 * 1000),
        ("1.5Gi", 1610612736, 1610612736000),
        ("500M", 500_000_000, 500_000_000_000),
        ("1Ki", 1024, 1024_000),
        ("1k", 1000, 1_000_000),
        ("+3", 3, 3000),
    ],
)
def test_a_quantity_is_read(text: str, ones: int, thousandths: int) -> None:
    assert (count(text), milli(text)) == (ones, thousandths)


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "NaN", "Infinity", "-1", "1Kj", "e3", "1ki"])
def test_what_is_no_quantity_or_less_than_nothing_counts_as_nothing(text: str) -> None:
    assert (count(text), milli(text), mebibytes(text)) == (0, 0, 0)


def test_a_quantity_beyond_all_bounds_costs_no_more_than_any_other() -> None:
    assert count("1e999999999") == 2**62
    assert mebibytes("1e999999999") == 2**42


def test_of_a_node_only_whole_mebibytes_count() -> None:
    assert (mebibytes("1Mi"), mebibytes("2M"), mebibytes("1048575")) == (1, 1, 0)


numbers = st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,4})?", fullmatch=True)
suffixes = st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e2", "E-2", "e+1"])


@given(numbers, suffixes)
def test_a_quantity_comes_to_what_exact_fractions_say(number: str, suffix: str) -> None:
    exact = amount(number + suffix)
    assert count(number + suffix) == ceil(exact)
    assert milli(number + suffix) == ceil(exact * 1000)
    assert mebibytes(number + suffix) == exact // 2**20
