from __future__ import annotations

import pytest

from plimsoll.embedded.core.controllers.shares import scaled


def test_a_number_is_itself() -> None:
    assert scaled(3, 100, up=True) == 3


def test_a_share_is_rounded_as_asked() -> None:
    assert (scaled("25%", 5, up=True), scaled("25%", 5, up=False)) == (2, 1)
    assert (scaled("50%", 4, up=True), scaled("50%", 4, up=False)) == (2, 2)


@pytest.mark.parametrize("text", ["3", "%", "x%", "1.5%", ""])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a percentage"):
        scaled(text, 10, up=True)
