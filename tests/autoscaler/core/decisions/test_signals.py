"""What is measured beside the load is averaged like it, for rows that need it; where it has holes it says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from autoscaler.core.decisions.signals import Signals
from autoscaler.core.load.observation import Samples, Steps
from autoscaler.core.model import Policy, Signal

POLICY = Policy(stable_window_s=10, panic_window_s=2)
PLACE = ("ns", "p")
EVERY = (Signal.WAITING, Signal.GROWTH)


def samples(value: float, second: int) -> Samples:
    times = [second - back + 0.5 for back in range(20, -1, -1)]
    return Samples({PLACE: Steps(times, [value] * len(times), [1] * len(times), 1, 1.0)}, 1.0)


def recorded(signals: Signals, seconds: range, load: float = 5.0, *, seen: bool = True, row: int = 1) -> None:
    told = {Signal.WAITING: samples(3.0, seconds[-1])} if seen else {}
    loads = np.full((len(seconds), 2), np.nan)
    loads[:, row] = [load + second for second in seconds]
    signals.record([(row, told, (PLACE,))], seconds, loads)


def averages(signals: Signals, signal: Signal, second: int) -> tuple[float, float]:
    told = signals.averages(signal, second, 2)
    assert np.isnan(told.stable[0])  # the other row needs nothing
    return float(told.stable[1]), float(told.panic[1])


def following() -> Signals:
    signals = Signals()
    signals.follow(1, EVERY, POLICY, 0)
    return signals


def test_a_signal_is_averaged_and_growth_follows_from_the_load() -> None:
    signals = following()
    for second in range(100, 120):
        recorded(signals, range(second, second + 1))
    assert averages(signals, Signal.WAITING, 119) == (3.0, 3.0)
    assert averages(signals, Signal.GROWTH, 119) == (1.0, 1.0)


def test_it_says_nothing_until_its_hole_has_left_the_panic_window() -> None:
    signals = following()
    for second in range(100, 110):
        recorded(signals, range(second, second + 1))
    recorded(signals, range(110, 111), seen=False)
    assert np.isnan(averages(signals, Signal.WAITING, 110)).all()
    recorded(signals, range(111, 112))
    assert np.isnan(averages(signals, Signal.WAITING, 111)).all()
    recorded(signals, range(112, 113))
    assert averages(signals, Signal.WAITING, 112) == (3.0, 3.0)


def test_what_is_needed_no_more_is_forgotten_and_what_stays_is_not() -> None:
    signals = following()
    recorded(signals, range(100, 110))
    signals.follow(1, (Signal.WAITING,), POLICY, 0)
    assert averages(signals, Signal.WAITING, 109) == (3.0, 3.0)
    assert np.isnan(averages(signals, Signal.GROWTH, 109)).all()


@pytest.mark.parametrize("forget", ["forget", "drop"])
def test_what_is_forgotten_says_nothing(forget: str) -> None:
    signals = following()
    recorded(signals, range(100, 110))
    if forget == "forget":
        signals.forget()
    else:
        signals.drop(1)
    assert np.isnan(averages(signals, Signal.WAITING, 109)).all()
    signals.follow(1, EVERY, POLICY, 0)
    recorded(signals, range(110, 120))
    assert averages(signals, Signal.WAITING, 119) == (3.0, 3.0)


def test_windows_of_another_length_keep_their_newest_seconds() -> None:
    signals = following()
    for second in range(100, 120):
        recorded(signals, range(second, second + 1))
    signals.follow(1, EVERY, Policy(stable_window_s=5, panic_window_s=4), 120_000)
    # The panic window knows two seconds of its four, and as in the original it counts them as full.
    assert averages(signals, Signal.WAITING, 119) == (3.0, 3.0)


def test_a_place_that_is_gone_is_forgotten_also_where_no_second_is_new() -> None:
    signals = following()
    for second in range(100, 110):
        recorded(signals, range(second, second + 1))
    # The clock was set back a little, and the pod that counted is another one now.
    other = ("ns", "q")
    signals.record([(1, {}, (other,))], range(0), np.full((0, 2), np.nan))
    told = Samples({other: samples(2.0, 110).by_place[PLACE]}, 1.0)
    signals.record([(1, {Signal.WAITING: told}, (PLACE, other))], range(110, 111), np.full((1, 2), 5.0))
    # Of the first pod nothing is known any more: the part that is measured is all there is.
    assert signals._tables[Signal.WAITING].rows[1].known.by_place == {other: 2.0}
