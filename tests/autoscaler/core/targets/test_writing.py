"""A count is written only where it differs, and only over the count that was decided on."""

from __future__ import annotations

import pytest

from autoscaler.core.targets.writing import Change, Found, Gone, Overtaken, Unchanged, Write, step


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (Found(4, "uid", "9"), Write(7, "9")),
        (Found(7, "uid", "9"), Unchanged(7, "9")),
        (Found(5, "uid", "9"), Overtaken(5, "9")),
        (Found(0, "uid", "9"), Overtaken(0, "9")),
        (Found(4, "other", "9"), Gone()),
    ],
    ids=[
        "the count decided on is written over, at its version",
        "the count that is wanted stands there already",
        "another count was written by another",
        "somebody scaled it to zero meanwhile",
        "an object of the same name is another one",
    ],
)
def test_what_stands_there_decides_whether_it_is_written(found: Found, answer: object) -> None:
    assert step("uid", Change(decided_on=4, desired=7), found) == answer
