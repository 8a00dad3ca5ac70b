"""A program that stood still knows it before it acts on what it finds in its sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from kube import pace as pace_module
from kube.pace import Pace
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import Sequence


def paced(*turns: float) -> Pace:
    pace = Pace(longest_s=0.5, doubt_s=1.0)
    for turn in turns:
        pace.turn(turn)
    return pace


@pytest.mark.parametrize(
    ("turns", "now", "stood"),
    [
        pytest.param((), 9.0, False, id="before the first turn nobody knows"),
        pytest.param((1.0, 1.1), 1.5, False, id="a turn that is due does not count"),
        pytest.param((1.0, 1.1), 1.7, True, id="a socket is read before the turn that is overdue"),
        pytest.param((1.0, 1.1, 3.0), 3.9, True, id="for a while after it is noticed"),
        pytest.param((1.0, 1.1, 3.0, 3.4, 3.8), 3.9, True, id="also when turns are taken again"),
        pytest.param((1.0, 1.1, 3.0, 3.4, 3.8), 4.1, False, id="and no longer"),
    ],
)
def test_what_stands_still_is_noticed_at_the_turn_and_before(turns: Sequence[float], now: float, stood: bool) -> None:  # noqa: FBT001
    assert paced(*turns).stood_still(now) is stood


@pytest.mark.parametrize(
    ("turns", "received_at", "asked_at"),
    [
        pytest.param((), 5.0, 5.0, id="nothing is known before there were two turns"),
        pytest.param((1.0,), 1.2, 1.2, id="nor after one"),
        pytest.param((1.0, 1.1), 1.2, 1.0, id="the turn before the last one had read what was asked before it"),
        pytest.param((1.0, 1.4, 1.41), 1.42, 1.4, id="older turns do not count"),
        pytest.param((1.0, 1.4), 0.9, 0.9, id="it is never later than when it was received"),
    ],
)
def test_what_is_received_was_asked_no_earlier_than_the_turn_before_the_last(
    turns: Sequence[float], received_at: float, asked_at: float
) -> None:
    assert paced(*turns).asked_at(received_at) == asked_at


def test_a_turn_tells_for_how_long_the_program_stood_still() -> None:
    pace = paced(1.0, 1.5)
    assert (pace.turn(2.0), pace.turn(4.5)) == (0.0, 2.5)


async def test_turns_are_taken_on_the_loop_and_the_log_says_what_is_done(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pace_module, "_PAUSE_S", 0.0)
    pace = Pace(longest_s=-1.0, doubt_s=60.0)  # every turn is late
    watching = asyncio.create_task(pace.watch("nothing is sent for a minute"))
    await until(lambda: "stood still: nothing is sent for a minute" in caplog.text)
    watching.cancel()
