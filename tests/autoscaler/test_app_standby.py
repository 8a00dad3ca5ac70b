"""Of several autoscalers one writes and all decide: who takes over changes nothing, and makes what is due once."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from autoscaler import app
from autoscaler.app import LEASE, Autoscaler
from autoscaler.core.decisions.record import Explained
from autoscaler.core.targets.writers import MANAGER
from kube.client import ApiError
from kube.lease import Lease
from tests.autoscaler.test_app import DEPLOYMENTS, Load, deploy, eventually, managers_of, messages, pods_of, replicas

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from autoscaler.core.load.observation import Samples
    from autoscaler.core.model import Question
    from autoscaler.shell.source import SamplesError
    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

SYSTEM = "plimsoll-system"
LEASE_PATH = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/{LEASE}"


@pytest.fixture(autouse=True)
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_TICK_S", 0.05)


class Standby:
    """One autoscaler of several, that runs until it is ended."""

    def __init__(self, api: Api, load: Load) -> None:
        self.lease = Lease(api, SYSTEM, LEASE)
        self.autoscaler = Autoscaler(api, load, SYSTEM, self.lease)
        self._task = asyncio.create_task(self.autoscaler.run())

    async def end(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def leads(self) -> bool:
        return self.lease.may_write()

    async def follows(self) -> bool:
        return self.autoscaler.warm() and self.lease.holder not in {"", self.lease.identity}

    async def decided(self, desired: int) -> bool:
        told = self.autoscaler.book.explain("default", "chat")
        return isinstance(told, Explained) and told.standing.decision.desired == desired

    def figure(self, series: str) -> float:
        lines = self.autoscaler.telemetry.exposition().decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} ")), 0.0)

    def written(self) -> float:
        return self.figure('plimsoll_autoscaler_scale_writes_total{result="written"}')


@asynccontextmanager
async def started(api: Api, load: Load) -> AsyncIterator[Standby]:
    standby = Standby(api, load)
    try:
        yield standby
    finally:
        await standby.end()


@asynccontextmanager
async def pair(api: Api, load: Load) -> AsyncIterator[tuple[Standby, Standby]]:
    """A leader, and one that follows and has decided."""
    async with started(api, load) as leader:
        await eventually(leader.leads)
        async with started(api, load) as follower:
            await eventually(follower.follows)
            yield leader, follower


async def test_who_follows_decides_the_same_says_whom_it_follows_and_writes_nothing(
    embedded: EmbeddedCluster, api: Api
) -> None:
    await deploy(api, target="10", target_utilization_percentage="100", max_scale="8", window="6s")
    load = Load(api)
    async with pair(api, load) as (leader, follower):
        patches: list[str] = []

        def patched(method: str, path: str) -> bool:
            patches.extend([path] if (method, path) == ("PATCH", f"{DEPLOYMENTS}/chat/scale") else [])
            return False

        embedded.faults.refuse = patched
        load.total = 40.0
        await eventually(lambda: follower.decided(4), 15.0)
        await eventually(lambda: _has(api, 4), 15.0)
        await eventually(lambda: messages(api, "ScaledUp"))
        assert follower.autoscaler.book.follows == leader.lease.identity
        assert leader.autoscaler.book.follows == ""
        assert [each.figure("plimsoll_autoscaler_leader") for each in (leader, follower)] == [1.0, 0.0]
        assert len(patches) == leader.written() > 0.0
        assert follower.written() == 0.0
        told = follower.autoscaler.book.explain("default", "chat")
        assert isinstance(told, Explained)
        assert told.changes == ()
        # The leader's write bears the name of both, so nobody takes it for another's.
        assert MANAGER in [each.manager for each in await managers_of(api)]
        assert await messages(api, "ReplicasSetByAnother") == []
        assert not follower.autoscaler._writers.holds(now_ms=app._now_ms(), stable_window_s=lambda _: 60)


async def test_who_takes_over_changes_nothing_and_makes_what_is_due_once(api: Api) -> None:
    await deploy(api, target="10", target_utilization_percentage="100", max_scale="8", window="6s")
    load = Load(api)
    load.total = 20.0
    async with pair(api, load) as (leader, follower):
        await eventually(lambda: _has(api, 2))
        await eventually(lambda: follower.decided(2))
        await leader.end()
        assert not leader.lease.may_write()
        await eventually(follower.leads)
        await asyncio.sleep(0.3)  # six ticks
        assert await replicas(api) == 2
        assert follower.written() == 0.0

        load.total = 60.0
        await eventually(lambda: _has(api, 6), 15.0)
        told = follower.autoscaler.book.explain("default", "chat")
        assert isinstance(told, Explained)
        made = [each.decision for each in told.changes]
        # Each count was set once, from the one before it.
        assert [each.inputs.current for each in made] == [2, *(each.desired for each in made[:-1])]
        assert made[-1].desired == 6
        assert follower.written() == len(made)


async def test_a_right_that_ends_between_the_read_and_the_write_of_a_scale_lets_nothing_go_out(
    embedded: EmbeddedCluster, api: Api
) -> None:
    await deploy(api, target="10", target_utilization_percentage="100", max_scale="8", window="6s")
    load = Load(api)
    async with pair(api, load) as (leader, follower):
        clock, asleep_s = leader.lease._clock, [0.0]
        leader.lease._clock = lambda: clock() + asleep_s[0]
        seen: list[str] = []

        def stopped_at_the_read(method: str, path: str) -> bool:
            if path.endswith("/chat/scale"):
                seen.append(method)
                asleep_s[0] = 60.0  # as if it were stopped here, and woke a minute later
            return path == LEASE_PATH and asleep_s[0] > 0  # and it does not come to renewing

        embedded.faults.refuse = stopped_at_the_read
        load.total = 40.0

        async def read() -> bool:
            return bool(seen)

        await eventually(read)
        await asyncio.sleep(0.2)
        assert seen == ["GET"]
        assert leader.written() == follower.written() == 0.0
        assert await replicas(api) == 1


class Hanging(Load):
    """A load that is not told for the time being: the first tick does not end."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self.told = asyncio.Event()

    async def samples(self, asked: Collection[Question]) -> Mapping[Question, Samples | SamplesError]:
        await self.told.wait()
        return await super().samples(asked)


async def test_who_has_not_decided_on_everything_once_is_not_ready_and_does_not_want_the_lease(api: Api) -> None:
    await deploy(api, target="10")
    load = Hanging(api)
    async with started(api, load) as cold:

        async def listed() -> bool:
            return cold.autoscaler.ready()

        await eventually(listed)
        await asyncio.sleep(0.2)
        assert not cold.autoscaler.warm()
        with pytest.raises(ApiError) as none:
            await api.request("GET", LEASE_PATH)
        assert none.value.status == 404
        load.told.set()
        await eventually(cold.leads)
        assert cold.autoscaler.warm()


async def _has(api: Api, count: int) -> bool:
    return await replicas(api) == count and len(await pods_of(api)) == count
