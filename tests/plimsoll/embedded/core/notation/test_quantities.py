"""Quantities are read exactly and written as Kubernetes writes them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.embedded.core.notation.quantities import amount, canonical


@pytest.mark.parametrize(
    ("written", "meant"),
    [("2", 2), ("500m", Fraction(1, 2)), ("1Gi", 2**30), ("1.5Gi", 3 * 2**29), ("1e3", 1000), ("2E", 2 * 10**18)],
)
def test_a_quantity_means_its_amount(written: str, meant: Fraction) -> None:
    assert amount(written) == meant


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2000m", "2"),
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("1500Mi", "1500Mi"),
        ("0.5Gi", "512Mi"),
        ("100000", "100k"),
        ("1e3", "1e3"),
        ("0", "0"),
        ("1.0", "1"),
        ("0.1Ki", "102400m"),
    ],
)
def test_a_quantity_is_written_with_the_largest_suffix_that_leaves_an_integer(written: str, stored: str) -> None:
    assert canonical(written) == stored


@pytest.mark.parametrize("text", ["", "a", "1 Gi", "1gi", "1Ki2", "--1", "0x1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        amount(text)


@given(st.integers(-(10**6), 10**12), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_writing_changes_no_amount_and_is_done_once(number: int, suffix: str) -> None:
    written = f"{number}{suffix}"
    assert amount(canonical(written)) == amount(written)
    assert canonical(canonical(written)) == canonical(written)
