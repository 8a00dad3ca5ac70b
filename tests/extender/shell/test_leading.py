"""An extender acts by its right alone, after whoever led before it can act no more, and after one more list."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from extender.shell.leading import LEASE, UNLISTED, Leading, right_of
from kube.client import ApiError
from kube.followed_lease import FollowedLease
from kube.lease import Alone, Lease
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kube.client import Api


class Given:
    """A right that goes by the test's word."""

    holder = "other"

    def __init__(self) -> None:
        self.term, self.left, self.others = 0, 0.0, 0.0

    def left_s(self) -> float:
        return self.left

    def may_write(self) -> bool:
        return self.left > 0

    def others_s(self) -> float:
        return self.others

    async def run(self) -> None:
        await asyncio.Event().wait()


class Story:
    """What a test sees of one who leads by a given right."""

    def __init__(self) -> None:
        self.right = Given()
        self.lists = self.takeovers = 0
        self.listed, self.fails = True, False
        self.leading = Leading(self.right, self.list_anew, lambda: self.listed, self.took_over)  # type: ignore[arg-type]

    async def list_anew(self) -> None:
        self.lists += 1
        if self.fails:
            raise ApiError(0, "NoAnswer", "no answer")

    def took_over(self) -> None:
        self.takeovers += 1

    def given(self, term: int, left_s: float = 6.0, others_s: float = 0.0) -> None:
        self.right.term, self.right.left, self.right.others = term, left_s, others_s


@asynccontextmanager
async def running() -> AsyncIterator[Story]:
    story = Story()
    task = asyncio.create_task(story.leading.run())
    yield story
    task.cancel()
    await asyncio.wait([task])


async def test_who_has_no_right_follows_and_says_whom() -> None:
    async with running() as story:
        assert not story.leading.leads()
        assert story.leading.refusal() == "follows: other leads, and no other may place pods"
        assert story.lists == 0


async def test_before_everything_is_listed_nothing_is_wanted() -> None:
    async with running() as story:
        story.listed = False
        assert story.leading.refusal() == story.leading.unready() == UNLISTED


async def test_who_gets_the_right_lists_anew_before_it_acts() -> None:
    async with running() as story:
        story.given(1)
        assert not story.leading.leads()
        await until(story.leading.leads)
        assert (story.lists, story.takeovers, story.leading.refusal()) == (1, 1, "")


async def test_as_long_as_somebody_else_may_act_nothing_is_listed() -> None:
    async with running() as story:
        story.given(1, others_s=0.05)
        await asyncio.sleep(0)
        assert "a Binding of who led before may arrive until then" in story.leading.refusal()
        assert story.lists == 0
        story.given(1)
        await until(story.leading.leads)


async def test_a_list_that_fails_is_tried_again_and_until_then_nothing_is_placed() -> None:
    async with running() as story:
        story.fails = True
        story.given(1)
        await until(lambda: story.lists > 1)
        assert story.leading.refusal() == "takes over: nodes and pods are being listed anew"
        story.fails = False
        await until(story.leading.leads)
        assert story.takeovers == 1


async def test_a_right_that_was_away_and_is_ours_again_costs_no_list_unless_another_may_have_led() -> None:
    async with running() as story:
        story.given(1)
        await until(story.leading.leads)
        story.given(1, left_s=0.0)
        assert story.leading.left_s() == 0.0
        story.given(1)
        assert story.leading.leads()
        story.given(2)
        assert not story.leading.leads()
        await until(story.leading.leads)
        assert (story.lists, story.takeovers) == (2, 2)


@pytest.mark.parametrize(
    ("flags", "kind", "holds"),
    [
        ({"follow_lease": ("ns", "name"), "leader_elect": True}, FollowedLease, ""),
        ({"follow_lease": None, "leader_elect": True}, Lease, "follows: nobody yet leads, and no other may place pods"),
        ({"follow_lease": None, "leader_elect": False}, Alone, "takes over: nodes and pods are being listed anew"),
    ],
    ids=["beside a kube-scheduler everyone is ready", "behind an address the leader alone is", "the only one"],
)
async def test_who_is_ready_goes_by_how_it_is_called(
    api: Api, flags: dict[str, object], kind: type[object], holds: str
) -> None:
    right = right_of(argparse.Namespace(namespace="plimsoll-system", **flags), api)
    assert isinstance(right, kind)
    story = Story()
    leading = Leading(right, story.list_anew, lambda: True, story.took_over)
    assert leading.unready() == holds
    assert not leading.leads()


async def test_of_two_with_a_lease_of_their_own_one_leads(api: Api) -> None:
    rights = [Lease(api, "default", LEASE) for _ in range(2)]
    story = Story()
    both = [Leading(right, story.list_anew, lambda: True, story.took_over) for right in rights]
    tasks = [asyncio.create_task(each.run()) for each in both]
    await until(lambda: any(right.may_write() for right in rights))
    first = next(each for each, right in zip(both, rights, strict=True) if right.may_write())
    # There was no lease: somebody may have deleted that of one who still acts.
    assert first.refusal().startswith("takes over in ")
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
