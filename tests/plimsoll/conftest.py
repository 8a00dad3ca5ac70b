"""How do tests give the command line its arguments?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll import __main__

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., tuple[Any, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Do what a command line says; return the exit status, or the sentence that ended it, and what was printed."""

    def calling(*arguments: str) -> tuple[Any, str]:
        monkeypatch.setattr(sys, "argv", ["plimsoll", *arguments])
        try:
            __main__.main()
        except SystemExit as end:
            return end.code, capsys.readouterr().out
        return 0, capsys.readouterr().out

    return calling
