"""After a panic what was asked for is held up, for so long and so far as the policy says."""

from __future__ import annotations

import numpy as np

from autoscaler.core.law.kpa import NEVER
from autoscaler.core.law.panic_exit import Exit, Parameters, Turn, least, left
from autoscaler.core.model import Policy

PARAMETERS = Parameters.of([Policy(panic_exit_hold_s=60, max_scale_down_rate=2.0)])
NOTHING = Exit(np.array([NEVER]), np.array([0]))
ENDS, CALM, PANICS = (True, False), (False, False), (False, True)


def after(before: Exit, turn: tuple[bool, bool], now_s: int, current: int = 1000, by: Parameters = PARAMETERS) -> Exit:
    panicked, panics = turn
    return left(before, by, Turn(np.array([panicked]), np.array([panics]), np.array([current])), 1000 * now_s)


def test_half_of_what_was_asked_for_stays_for_the_hold_and_no_longer() -> None:
    ended = after(NOTHING, ENDS, 100)
    assert least(ended, PARAMETERS)[0] == 500
    assert least(after(ended, CALM, 159, current=500), PARAMETERS)[0] == 500
    assert least(after(ended, CALM, 160, current=500), PARAMETERS)[0] == 0


def test_a_panic_that_begins_meanwhile_ends_the_hold() -> None:
    assert least(after(after(NOTHING, ENDS, 100), PANICS, 110), PARAMETERS)[0] == 0


def test_without_the_key_nothing_is_held() -> None:
    off = Parameters.of([Policy()])
    assert least(after(NOTHING, ENDS, 100, by=off), off)[0] == 0


def test_a_hold_that_is_switched_off_ends() -> None:
    off = Parameters.of([Policy()])
    assert least(after(after(NOTHING, ENDS, 100), CALM, 101, by=off), off)[0] == 0
