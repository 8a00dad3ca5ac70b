from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import TYPE_CHECKING

import aiohttp
import pytest

from kube.objects import Condition, ObjectMeta, Pod, PodSpec, PodStatus
from plimsoll.demo.problem import DemoError
from plimsoll.demo.shell.fleet import Fleet
from plimsoll.demo.shell.front import Front

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

QUESTION = b'{"in_tokens": 0, "out_tokens": 0}'


def pod(name: str, *, phase: str = "Running", going: bool = False, ready: str = "True") -> Pod:
    return Pod(
        ObjectMeta(name=name, labels={"app": "chat"}, deletion_timestamp="now" if going else None),
        PodSpec(node_name="n"),
        PodStatus(phase=phase, conditions=[Condition("Ready", ready)]),
    )


def play(folder: Path, scenario: Callable[[Fleet], Awaitable[None]], *, time_scale: float = 0.0) -> None:
    """Run `scenario` with a fleet of real processes."""

    async def with_fleet() -> None:
        scales = {"chat": time_scale, "embed": time_scale}
        async with asyncio.timeout(60), Fleet(targets=folder / "t.json", logs=folder, time_scale=scales) as fleet:
            await scenario(fleet)

    asyncio.run(with_fleet())


async def until_ready(fleet: Fleet, count: int) -> None:
    while len(fleet.ready("chat")) < count:
        await fleet.until_changed()


def test_each_running_pod_has_a_server_that_answers_and_is_a_target(tmp_path: Path) -> None:
    async def scenario(fleet: Fleet) -> None:
        assert json.loads((tmp_path / "t.json").read_text()) == []
        await fleet.follow([pod("a"), pod("b", phase="Pending"), pod("c", ready="False"), pod("d", going=True)])
        await until_ready(fleet, 1)
        (server,) = fleet.ready("chat")
        (group,) = json.loads((tmp_path / "t.json").read_text())
        assert group == {
            "targets": [server.url.removeprefix("http://")],
            "labels": {"namespace": "demo", "pod": "a"},
        }
        async with Front(fleet) as front, aiohttp.ClientSession() as session:
            answer = await session.post(f"{front.url}/chat/v1/completions", data=QUESTION)
            assert (answer.status, (await answer.json())["pod"]) == (200, "a")

    play(tmp_path, scenario)


def test_a_pod_that_goes_answers_what_it_has_begun_and_takes_nothing_new(tmp_path: Path) -> None:
    async def scenario(fleet: Fleet) -> None:
        await fleet.follow([pod("a")])
        await until_ready(fleet, 1)
        (server,) = fleet.ready("chat")
        async with Front(fleet) as front, aiohttp.ClientSession() as session:
            asked = asyncio.create_task(session.post(f"{front.url}/chat/v1/completions", data=QUESTION))
            begun = b""
            while b"running 1.0" not in begun and not asked.done():
                async with session.get(f"{server.url}/metrics") as seen:
                    begun = await seen.read()
            await fleet.follow([pod("a", going=True)])
            assert fleet.ready("chat") == []
            assert json.loads((tmp_path / "t.json").read_text()) == []
            assert (await asked).status == 200

    play(tmp_path, scenario, time_scale=2.5)


def test_a_server_that_ends_by_itself_is_named_with_its_log(tmp_path: Path) -> None:
    async def scenario(fleet: Fleet) -> None:
        await fleet.follow([pod("a")])
        await until_ready(fleet, 1)
        os.kill(fleet._running["a"].process.pid, signal.SIGKILL)
        with pytest.raises(DemoError, match=r"server of pod a ended by itself \(exit status -9\); its log is .*a\.log"):
            await fleet.failed()

    play(tmp_path, scenario)


def test_a_server_that_ends_while_it_starts_is_named_with_its_log(tmp_path: Path) -> None:
    async def scenario(fleet: Fleet) -> None:
        await fleet.follow([pod("a")])
        os.kill(fleet._running["a"].process.pid, signal.SIGKILL)
        with pytest.raises(DemoError, match=r"server of pod a did not come up \(exit status -9\); its log is .*a\.log"):
            await fleet.failed()

    play(tmp_path, scenario)


def test_leaving_the_context_ends_every_server(tmp_path: Path) -> None:
    pids: list[int] = []

    async def scenario(fleet: Fleet) -> None:
        await fleet.follow([pod("a"), pod("b")])
        pids.extend(running.process.pid for running in fleet._running.values())

    play(tmp_path, scenario)
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIG_DFL)


def test_a_server_ends_when_the_demo_is_gone(tmp_path: Path) -> None:
    async def scenario(fleet: Fleet) -> None:
        await fleet.follow([pod("a")])
        await until_ready(fleet, 1)
        process = fleet._running["a"].process
        fleet._running["a"].leaving = True
        assert process.stdin is not None
        process.stdin.close()  # the kernel does the same when the demo is killed
        await process.wait()

    play(tmp_path, scenario)
