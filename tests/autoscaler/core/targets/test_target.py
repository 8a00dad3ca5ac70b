"""Versions of objects are compared as etcd writes them."""

from __future__ import annotations

import pytest

from autoscaler.core.targets.target import older


@pytest.mark.parametrize(
    ("version", "than", "is_older"),
    [("9", "10", True), ("10", "9", False), ("10", "10", False), ("a9", "b1", False), ("", "1", False)],
)
def test_versions_are_compared_as_numbers_or_not_at_all(version: str, than: str, is_older: bool) -> None:  # noqa: FBT001
    assert older(version, than) is is_older
