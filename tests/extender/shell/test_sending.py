"""A Binding is sent in time or not at all, and many at once slow down who asks for more."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, cast

import pytest

from extender.core.answers import Chosen
from extender.core.binding import SETTLING_S
from extender.core.ledger.holding import State
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.scheduling import Scheduling
from extender.shell import sending
from extender.shell.sending import MOST_AT_ONCE, Sender
from extender.shell.wire import BindingArguments
from kube.client import NO_ANSWER, Api, ApiError
from kube.gpus import MilliGpu, Placement, Share
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Story:
    """A sender of Bindings, and an API server that does with them what `answers` does, and shows pods as `shown`."""

    def __init__(self, answers: Callable[[], Awaitable[bytes]]) -> None:
        self.answers = answers
        self.shown: SeenPod | None = None
        self.sent: list[str] = []
        self.within_s: list[float] = []
        self.scheduling = Scheduling()
        self.scheduling.nodes_are([GpuNode("a", alike(MOST_AT_ONCE))])
        self.sender = Sender(
            cast("Api", self), self.scheduling, read=self.read, left_s=lambda: 5.0, deciding=contextlib.nullcontext
        )

    async def request(self, method: str, path: str, *, connect_s: float, **_: Any) -> bytes:
        self.sent.append(f"{method} {path}")
        self.within_s.append(connect_s)
        return await self.answers()

    async def read(self, key: PodKey) -> SeenPod | None:
        if self.shown is not None:
            self.scheduling.pod_read(key, self.shown, 1.0)
        return self.shown

    async def bind(self, name: str = "p", received_at: float | None = None) -> tuple[str, str]:
        now = asyncio.get_running_loop().time()
        assert isinstance(self.scheduling.filter(pod(name), ["a"], now), Chosen)
        asked = BindingArguments(name, "default", f"uid-{name}", "a")
        return await self.sender.bind(asked, now if received_at is None else received_at)

    def states(self) -> list[State]:
        return [holding.state for holding in self.scheduling.ledger.holdings()]


def pod(name: str, node: str = "", placed: Placement | None = None) -> SeenPod:
    return SeenPod(PodKey(f"uid-{name}", "default", name), Share(1, MilliGpu(1000)), node, placed)


async def accepts() -> bytes:
    return b"{}"


async def refuses() -> bytes:
    raise ApiError(403, "Forbidden", "not you")


async def is_silent() -> bytes:
    raise ApiError(NO_ANSWER, "Timeout", "there was no answer")


async def test_a_binding_that_is_accepted_is_bound() -> None:
    story = Story(accepts)
    assert await story.bind() == ("accepted", "")
    assert (story.sent, story.states()) == (["POST /api/v1/namespaces/default/pods/p/binding"], [State.BOUND])


async def test_a_binding_that_is_refused_gives_its_room_back() -> None:
    story = Story(refuses)
    assert await story.bind() == ("refused", "not you")
    assert story.states() == []


@pytest.mark.parametrize(
    ("shown", "said", "state"),
    [
        (pod("p", "a", Placement(("0",), MilliGpu(1000))), ("accepted", ""), State.BOUND),
        (pod("p", "a", Placement(("1",), MilliGpu(1000))), ("unknown", "there was no answer"), State.BOUND),
        (pod("p"), ("unknown", "there was no answer"), State.BINDING),
    ],
)
async def test_a_binding_without_an_answer_is_read_back(shown: SeenPod, said: tuple[str, str], state: State) -> None:
    story = Story(is_silent)
    story.shown = shown
    assert await story.bind() == said
    assert story.states() == [state]


async def has_a_defect() -> bytes:
    raise RuntimeError("Session is closed")


async def is_cancelled() -> bytes:
    raise asyncio.CancelledError


@pytest.mark.parametrize(("answers", "raised"), [(has_a_defect, RuntimeError), (is_cancelled, asyncio.CancelledError)])
async def test_a_binding_that_ends_by_what_nobody_foresaw_is_read_back_until_it_is_settled(
    answers: Callable[[], Awaitable[bytes]], raised: type[BaseException]
) -> None:
    story = Story(answers)
    with pytest.raises(raised):
        await story.bind()
    key = pod("p").key
    assert story.scheduling.to_read() == (key,)
    for asked_at in (1.0, 1.0 + SETTLING_S):
        story.scheduling.pod_read(key, pod("p"), asked_at)
    assert story.states() == []


async def test_a_binding_that_is_read_before_a_stop_is_noticed_is_not_sent() -> None:
    story = Story(accepts)
    now = asyncio.get_running_loop().time()
    for turn in (now - 1.6, now - 1.5):  # and none since: the socket is read first
        story.sender.pace.turn(turn)
    assert (await story.bind())[1].startswith("not sent: this program stood still")
    assert story.sent == []


async def test_a_program_that_stood_still_sends_none_for_a_while() -> None:
    story = Story(accepts)
    now = asyncio.get_running_loop().time()
    for turn in (now - 60.0, now, now + 0.1):
        story.sender.pace.turn(turn)
    assert (await story.bind())[1].startswith("not sent: this program stood still")
    assert story.sent == []


async def test_what_may_have_been_asked_a_while_ago_is_sent_so_much_sooner() -> None:
    story = Story(accepts)
    now = asyncio.get_running_loop().time()
    for turn in (now - 0.7, now):  # too short a stop to be one
        story.sender.pace.turn(turn)
    await story.bind(received_at=now)
    (within_s,) = story.within_s
    assert within_s <= 0.1 + 1e-6, "0.8 s after it may have been asked"


async def test_many_under_way_hold_up_who_asks_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_LONGEST_PACE_S", 60.0)
    ends = asyncio.Event()

    async def waits() -> bytes:
        await ends.wait()
        return b"{}"

    story = Story(waits)
    bindings = [asyncio.create_task(story.bind(f"p{number}")) for number in range(MOST_AT_ONCE)]
    await until(lambda: len(story.sent) == MOST_AT_ONCE)
    more = asyncio.create_task(story.sender.few())
    await asyncio.sleep(0)
    assert not more.done()
    ends.set()
    await more
    assert [await binding for binding in bindings] == [("accepted", "")] * MOST_AT_ONCE
