"""A node's lock is taken before a Binding and given back if it was in vain, and never another's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from extender.core.answers import BindTo
from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.model import PodKey
from extender.shell.enforcement.locks import Locks
from kube.client import MERGE_PATCH, ApiError
from kube.gpus import MilliGpu
from kube.objects import Node

if TYPE_CHECKING:
    from kube.client import Api

LOCK = "hami.io/mutex.lock"
NODE = "/api/v1/nodes/gpu-00"
OURS, OTHER = PodKey("u", "default", "ours"), PodKey("o", "default", "other")
OF_OURS = BindTo(OURS, "gpu-00", None)
AGAIN = replace(OF_OURS, again=True)


async def lock(api: Api) -> str:
    node = msgspec.json.decode(await api.request("GET", NODE), type=Node)
    return (node.metadata.annotations or {}).get(LOCK, "")


async def put(api: Api, text: str | None) -> None:
    await api.request("PATCH", NODE, body={"metadata": {"annotations": {LOCK: text}}}, content_type=MERGE_PATCH)


async def create(api: Api, pod: PodKey) -> None:
    spec = {"containers": [{"name": "main", "image": "none"}], "schedulerName": "nobody"}
    body = {"metadata": {"name": pod.name}, "spec": spec}
    await api.request("POST", f"/api/v1/namespaces/{pod.namespace}/pods", body=body)


def at(seconds_ago: float, whose: str) -> str:
    return f"{datetime.now(UTC) - timedelta(seconds=seconds_ago):%Y-%m-%dT%H:%M:%SZ},{whose}"


async def test_a_free_lock_is_taken_and_its_own_again(api: Api) -> None:
    locks = Locks(api)
    for _ in range(2):
        assert await locks.take(OF_OURS, 5.0) == ""
        assert (await lock(api)).endswith("Z,default,ours")


async def test_a_repeated_binding_goes_on_under_the_lock_that_it_has(api: Api) -> None:
    locks = Locks(api)
    await put(api, held := at(20, "default,ours"))
    assert await locks.take(AGAIN, 5.0) == ""
    assert await lock(api) == held


async def test_a_repeated_binding_takes_no_lock_that_the_device_plugin_would_not_release_again(api: Api) -> None:
    locks, ledger = Locks(api), Ledger()
    assert await locks.take(OF_OURS, 5.0) == ""
    ledger.hold(Holding(OURS, "gpu-00", ("0",), MilliGpu(500), State.BINDING))
    await put(api, None)  # as the device plugin does once it has given the pod its devices
    assert await locks.take(AGAIN, 5.0) == (
        "HAMi's lock of its earlier binding is released: that one may have arrived, and is read back first"
    )
    assert await lock(api) == ""
    ledger.hold(Holding(OURS, "gpu-00", ("0",), MilliGpu(500), State.BOUND))
    await locks.settle(ledger)
    assert await lock(api) == ""


async def test_a_pod_that_goes_to_another_node_leaves_no_lock_behind(api: Api) -> None:
    locks, ledger = Locks(api), Ledger()
    await locks.take(OF_OURS, 5.0)
    await locks.take(replace(OF_OURS, node="gpu-01"), 5.0)
    ledger.hold(Holding(OURS, "gpu-01", ("0",), MilliGpu(500), State.BINDING))
    await locks.settle(ledger)
    assert await lock(api) == ""


async def test_a_lock_that_cannot_be_given_back_is_told_of_and_given_back_later(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks = Locks(api)
    await locks.take(OF_OURS, 5.0)
    with monkeypatch.context() as broken:
        broken.setattr(locks, "_read", refuse)
        await locks.give_back(OURS, "gpu-00", Ledger())
        await locks.settle(Ledger())
    assert "giving back a node's lock of HAMi's is away: no pod of HAMi's is placed on that node" in caplog.text
    assert (await lock(api)).endswith(",default,ours")
    await locks.settle(Ledger())
    assert await lock(api) == ""


async def refuse(node: str) -> Node:
    raise ApiError(403, "Forbidden", f"node {node} may not be read")


async def test_anothers_lock_is_waited_for(api: Api) -> None:
    await create(api, OTHER)
    await put(api, held := at(20, "default,other"))
    refused = await Locks(api).take(OF_OURS, 5.0)
    assert refused.startswith("HAMi's device plugin is giving pod default/other its devices there (2")
    assert await lock(api) == held


@pytest.mark.parametrize(
    "left",
    [pytest.param(at(301, "default,other"), id="old"), pytest.param(at(1, "default,gone"), id="of a pod that is gone")],
)
async def test_a_lock_that_nobody_will_release_is_taken_over(api: Api, left: str) -> None:
    await create(api, OTHER)
    await put(api, left)
    assert await Locks(api).take(OF_OURS, 5.0) == ""
    assert (await lock(api)).endswith(",default,ours")


async def test_a_lock_is_not_taken_later_than_it_may(api: Api) -> None:
    refused = await Locks(api).take(OF_OURS, 0.0)
    assert refused == "node gpu-00 could not be locked in time (hami.io/mutex.lock); it is tried again"
    assert await lock(api) == ""


async def test_a_node_that_is_gone_is_no_error(api: Api) -> None:
    refused = await Locks(api).take(replace(OF_OURS, node="absent"), 5.0)
    assert refused == "node absent changed while it was being locked (hami.io/mutex.lock); it is tried again"


async def test_it_is_given_back_where_the_binding_did_not_happen(api: Api) -> None:
    locks = Locks(api)
    await locks.take(OF_OURS, 5.0)
    await locks.give_back(OURS, "gpu-00", Ledger())
    assert await lock(api) == ""


async def test_what_another_took_meanwhile_is_not_given_back(api: Api) -> None:
    locks = Locks(api)
    await locks.take(OF_OURS, 5.0)
    await put(api, others := at(0, "default,other"))
    await locks.give_back(OURS, "gpu-00", Ledger())
    assert await lock(api) == others


@pytest.mark.parametrize(
    ("state", "given_back"),
    [(State.RESERVED, False), (State.BINDING, False), (State.BOUND, False), (None, True)],
)
async def test_what_became_of_the_binding_decides_and_is_known_later(
    api: Api,
    state: State | None,
    given_back: bool,  # noqa: FBT001  a parameter
) -> None:
    locks, ledger = Locks(api), Ledger()
    await locks.take(OF_OURS, 5.0)
    if state is not None:
        ledger.hold(Holding(OURS, "gpu-00", ("0",), MilliGpu(500), state))
    await locks.settle(ledger)
    assert (await lock(api) == "") is given_back
    ledger.release(OURS.uid)
    await locks.settle(ledger)
    # Of a bound pod the lock is the device plugin's, whatever becomes of the pod.
    assert (await lock(api) == "") is (state is not State.BOUND)
