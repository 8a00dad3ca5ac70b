"""A lease is taken, renewed, lost and given back, on an API server that keeps versions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from kube.lease import Alone, Lease
from kube.objects import Lease as LeaseObject

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

PATH = "/apis/coordination.k8s.io/v1/namespaces/default/leases"


class Clock:
    """A clock that goes by the test's word."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


async def stands(api: Api) -> LeaseObject:
    return msgspec.json.decode(await api.request("GET", f"{PATH}/chief"), type=LeaseObject)


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(10.0):
        while not claim():  # noqa: ASYNC110  what is waited for says nothing
            await asyncio.sleep(0.01)


async def test_the_first_takes_it_the_second_follows_and_takes_over_what_is_given_back(api: Api) -> None:
    clock = Clock()
    first, second = (Lease(api, "default", "chief", clock=clock) for _ in range(2))
    leading = asyncio.create_task(first.run())
    await until(first.may_write)
    spec = (await stands(api)).spec
    assert (spec.holder_identity, spec.lease_duration_seconds, spec.lease_transitions) == (first.identity, 8, 0)

    following = asyncio.create_task(second.run())
    await until(lambda: second.holder == first.identity)
    assert not second.may_write()

    leading.cancel()
    await asyncio.wait([leading])
    assert not first.may_write()
    assert (await stands(api)).spec.holder_identity == ""
    await until(second.may_write)
    assert (await stands(api)).spec.lease_transitions == 1
    following.cancel()
    await asyncio.wait([following])


async def test_who_was_stopped_for_longer_than_the_deadline_may_write_nothing_when_it_wakes(api: Api) -> None:
    clock = Clock()
    lease = Lease(api, "default", "chief", clock=clock)
    running = asyncio.create_task(lease.run())
    await until(lease.may_write)
    assert 0 < lease.left_s() <= 6.0
    clock.now_s += 6.0
    assert not lease.may_write()
    running.cancel()
    await asyncio.wait([running])


async def test_whose_lease_was_taken_meanwhile_follows(api: Api) -> None:
    lease = Lease(api, "default", "chief")
    running = asyncio.create_task(lease.run())
    await until(lease.may_write)
    taken = await stands(api)
    taken.spec.holder_identity = "usurper"
    body = {"metadata": {"name": "chief", "resourceVersion": taken.metadata.resource_version}, "spec": taken.spec}
    await api.request("PUT", f"{PATH}/chief", body=body)
    await until(lambda: lease.holder == "usurper")
    assert not lease.may_write()
    running.cancel()
    await asyncio.wait([running])
    assert (await stands(api)).spec.holder_identity == "usurper"


async def test_a_renewal_whose_answer_was_lost_costs_no_right(embedded: EmbeddedCluster, api: Api) -> None:
    clock = Clock()
    lease = Lease(api, "default", "chief", clock=clock)
    await lease._step()
    lost: list[str] = []

    def first_renewal(method: str, path: str) -> bool:
        if lost or method != "PUT" or not path.endswith("/chief"):
            return False
        lost.append(path)
        return True

    embedded.faults.lose_answer = first_renewal
    clock.now_s += 2.0
    for _ in range(2):  # the client may ask again by itself, or leave that to the next step
        await lease._step()
        assert lease.may_write()
    assert lost
    assert lease.left_s() == 6.0


async def test_of_two_that_take_a_free_lease_at_once_the_other_knows_at_once_whom_it_follows(api: Api) -> None:
    one, two = (Lease(api, "default", "chief") for _ in range(2))
    await asyncio.gather(one._step(), two._step())
    assert sorted((one.may_write(), two.may_write())) == [False, True]
    assert one.holder == two.holder == (one if one.may_write() else two).identity


async def test_a_lease_that_cannot_be_had_is_told_and_nothing_is_written(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    lease = Lease(api, "no-such-namespace", "chief")
    running = asyncio.create_task(lease.run())
    await until(lambda: "is away: whoever cannot renew it writes nothing" in caplog.text)
    assert not lease.may_write()
    running.cancel()
    await asyncio.wait([running])


def test_the_only_one_may_always_write() -> None:
    assert Alone().may_write()
    assert Alone().left_s() == float("inf")
