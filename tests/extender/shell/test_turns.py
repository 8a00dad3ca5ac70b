"""Long work has the loop one piece at a time, and leaves most of it to others."""

from __future__ import annotations

import asyncio

import pytest

from extender.shell import turns
from extender.shell.turns import TooManyError, Turns


def test_others_have_the_loop_four_times_as_long_as_the_work_took() -> None:
    of = Turns()
    assert of.wait_s(0.0) == 0.0
    of.over(10.0, 10.5)
    assert (of.wait_s(10.5), of.wait_s(12.0), of.wait_s(12.5), of.wait_s(99.0)) == (2.0, 0.5, 0.0, 0.0)


async def test_turns_come_one_after_the_other_in_the_order_of_asking() -> None:
    of = Turns()
    said: list[str] = []

    async def work(name: str) -> None:
        async with of.turn():
            said.append(f"{name} begins")
            await asyncio.sleep(0)
            said.append(f"{name} ends")

    await asyncio.gather(work("a"), work("b"))
    assert said == ["a begins", "a ends", "b begins", "b ends"]


async def test_too_many_are_refused_and_one_that_ends_or_gives_up_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_MOST", 1)
    of = Turns()
    go_on = asyncio.Event()

    async def work() -> None:
        async with of.turn():
            await go_on.wait()

    first, second = asyncio.create_task(work()), asyncio.create_task(work())
    await asyncio.sleep(0)
    with pytest.raises(TooManyError):
        await work()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    third = asyncio.create_task(work())
    await asyncio.sleep(0)
    assert not third.done()
    go_on.set()
    await first
    third.cancel()
    await asyncio.gather(third, return_exceptions=True)
