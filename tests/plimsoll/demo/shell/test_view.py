from __future__ import annotations

import io
import os
import pty
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from plimsoll.demo.shell.screens import Lines, LiveScreen
from plimsoll.demo.shell.view import screen
from tests.plimsoll.demo.pictures import history, picture, standing

if TYPE_CHECKING:
    from plimsoll.demo.core.picture import Picture

PICTURE = picture(61.0, standing("chat", 2, 3, "panic", "panic: load 40"), standing("embed", 1, 1))


def drawn(shown: Picture, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), color_system=None)
    console.print(screen(shown))
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue().splitlines()


def test_a_small_terminal_shows_everything_that_matters() -> None:
    lines = drawn(PICTURE, 80, 24)
    assert len(lines) == 24
    text = "\n".join(lines)
    for expected in (
        "burst 1:01, 1:00 left",
        "7 req/s  5 open  100 served  1 failed",
        "chat    2 ready of 3  panic   concurrency   3.2 stable,     - panic window",
        "■ ■ □ · · · · · · · · ·",
        "panic: load 40",
        "gpu-00     t         c c c ··",
        "gpu-01     ········  ········",
        "GPUs: 2 in use; whole ones for the same pods would be 4",
        "1:01 ScaledUp deployment/chat: replicas 1 -> 2",
    ):
        assert expected in text


@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (200, 60)])
def test_any_terminal_is_filled_and_not_exceeded(width: int, height: int) -> None:
    lines = drawn(PICTURE, width, height)
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)


def test_before_the_first_decision_the_view_says_so() -> None:
    assert "chat: no decision yet" in "\n".join(drawn(picture(0.0), 80, 24))


def test_the_live_screen_gives_the_terminal_back() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with LiveScreen(console) as live:
        live.show(PICTURE, ())
    text = console.file
    assert isinstance(text, io.StringIO)
    assert text.getvalue().count("\x1b[?1049h") == text.getvalue().count("\x1b[?1049l") == 1


@pytest.mark.parametrize("told", [None, True], ids=["seen to be one", "told to be one"])
def test_the_live_screen_ends_when_its_terminal_is_closed(told: bool | None) -> None:  # noqa: FBT001
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        console = Console(file=terminal, force_terminal=told, width=80, height=24)
        with LiveScreen(console) as live:
            live.show(PICTURE, ())
            os.close(ours)
            with pytest.raises(KeyboardInterrupt):
                live.show(PICTURE, ())


def test_lines_tell_decisions_phases_and_a_few_moments_and_no_escape_codes() -> None:
    said: list[str] = []
    lines, told = Lines(said.append), history()
    for each in told.pictures:
        lines.show(each, [change for change in told.changes if change.at_s == each.at_s])
    assert len(said) == 2
    assert said[0].startswith("0:00 [burst] chat 1/1 ready, load 3.2, embed 1/1 ready, load 3.2; 7 requests/s")
    assert said[1] == "0:04 chat 1 -> 3: why not"
    lines.show(picture(15.0, standing("chat", 3, 3)), ())
    lines.show(picture(16.0, standing("chat", 3, 3), phase="calm"), ())
    assert [line[:12] for line in said[2:]] == ["0:15 [burst]", "0:16 [calm] "]
    assert "\x1b" not in "".join(said)
