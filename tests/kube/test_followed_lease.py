"""A neighbour's Lease is looked at on an API server, and never written."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube import following
from kube.client import MERGE_PATCH
from kube.followed_lease import FollowedLease
from kube.objects import Lease as LeaseObject
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kube.client import Api

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"


class Neighbour:
    """Who holds the lease."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._renewals = 0

    async def writes(self, holder: str, transitions: int = 0) -> None:
        self._renewals += 1
        spec: dict[str, Any] = {
            "holderIdentity": holder,
            "leaseDurationSeconds": 8,
            "renewTime": f"2026-01-01T00:00:00.{self._renewals:06}Z",
            "leaseTransitions": transitions,
        }
        body = {"metadata": {"name": "chief"}, "spec": spec}
        if self._renewals == 1:
            await self._api.request("POST", LEASES, body=body)
        else:
            await self._api.request("PATCH", f"{LEASES}/chief", body=body, content_type=MERGE_PATCH)


@pytest.fixture
async def lease(api: Api, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FollowedLease]:
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    followed = FollowedLease(api, "default", "chief")
    running = asyncio.create_task(followed.run())
    yield followed
    running.cancel()
    await asyncio.wait([running])
    assert not followed.may_write()


async def test_a_renewal_of_the_neighbour_gives_the_right_and_a_taker_ends_it(api: Api, lease: FollowedLease) -> None:
    neighbour, ours = Neighbour(api), f"{socket.gethostname()}_1"
    await neighbour.writes(ours)
    await until(lambda: lease.holder == ours)
    await neighbour.writes(ours)
    await until(lease.may_write)
    assert 0 < lease.left_s() <= 6.0
    assert 0 < lease.others_s() <= 6.0
    await neighbour.writes("elsewhere_1", 1)
    await until(lambda: lease.holder == "elsewhere_1")
    assert not lease.may_write()
    found = msgspec.json.decode(await api.request("GET", f"{LEASES}/chief"), type=LeaseObject)
    assert found.spec.holder_identity == "elsewhere_1"


async def test_a_lease_that_is_not_there_gives_no_right(lease: FollowedLease) -> None:
    await until(lambda: lease.others_s() < float("inf"))
    assert (lease.holder, lease.may_write(), lease.term) == ("", False, 0)
