from __future__ import annotations

import asyncio
import signal

import pytest

from plimsoll.demo.shell.interrupt import Interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_ends_the_work_which_cleans_up_undisturbed(number: signal.Signals) -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            signal.raise_signal(number)
            await asyncio.Event().wait()
        finally:
            signal.raise_signal(number)  # an impatient person
            await asyncio.sleep(0)
            cleaned.append("all of it")

    with Interrupt() as interrupt, pytest.raises(KeyboardInterrupt):
        interrupt.run(work())
    assert cleaned == ["all of it"]


def test_a_signal_outside_the_loop_ends_what_runs_there() -> None:
    with Interrupt(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_afterwards_signals_mean_what_they_meant() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupt():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_while_all_is_ended_is_passed_over() -> None:
    ended = False
    with Interrupt() as interrupt:
        interrupt.pass_over()
        signal.raise_signal(signal.SIGINT)
        ended = True
    assert ended
