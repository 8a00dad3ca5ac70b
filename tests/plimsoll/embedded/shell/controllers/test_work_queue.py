from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from plimsoll.embedded.shell.controllers.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def played(story: Callable[[WorkQueue[str]], Awaitable[None]]) -> None:
    async def run() -> None:
        await story(WorkQueue())

    asyncio.run(run())


def test_a_key_waits_once_however_often_it_is_added() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        for key in ("a", "b", "a"):
            queue.add(key)
        assert [await queue.take(), await queue.take()] == ["a", "b"]

    played(story)


def test_what_is_added_while_it_is_worked_on_is_worked_on_once_more_and_not_at_the_same_time() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await queue.take()
        queue.add("a")
        queue.add("b")
        assert await queue.take() == "b"
        queue.done("b", failed=False)
        queue.done("a", failed=False)
        assert await queue.take() == "a"

    played(story)


def test_a_queue_is_idle_while_work_is_only_due_later() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        queue.add_after("a", 3600.0)
        assert queue.idle
        queue.add_after("a", 0.0)
        assert await queue.take() == "a"
        assert not queue.idle
        queue.done("a", failed=False)
        assert queue.idle

    played(story)


def test_a_failure_comes_back_by_itself() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        queue.add("a")
        queue.done(await queue.take(), failed=True)
        assert queue.idle
        assert await queue.take() == "a"

    played(story)


def test_work_that_rests_is_not_idle_once_it_was_added_again() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        queue.add("a")
        queue.done(await queue.take(), failed=False, rest_s=0.001)
        assert queue.idle
        queue.add("a")
        assert not queue.idle
        assert await queue.take() == "a"

    played(story)
