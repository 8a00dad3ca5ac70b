"""Where more replicas are wanted the extender is asked for them, and where it is silent nothing is bounded."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from autoscaler.core.model import Placement
from autoscaler.shell import fits, places
from autoscaler.shell.places import NO_EXTENDER, PlaceHearers, Places
from deploy.local.ports import free_ports
from tests.autoscaler.shell.extending import StandIn, hanging, listening, refusing
from tests.autoscaler.shell.following import DEPLOYMENTS, Following, following, replicated
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from autoscaler.core.model import WorkloadKey
    from autoscaler.shell.fits import Extender
    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

ASKING = Placement(0)
NOW = 1_000_000
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


class Asking:
    """Places that ask a stand-in about the Deployment chat, and what was heard of it."""

    def __init__(self, followed: Following, stand_in: StandIn, extender: Extender | None) -> None:
        self.stand_in = stand_in
        self.uid = followed.target("chat").key.uid
        self.ended: list[str] = []
        self.without_effect: list[str] = []
        self.now_ms = NOW
        hearers = PlaceHearers(self._hear, self.ended.append)
        self.places = Places(followed.api, followed.inventory, extender, hearers, lambda: self.now_ms)

    def _hear(self, key: WorkloadKey, why: str) -> None:
        assert key.uid == self.uid
        self.without_effect.append(why)

    async def ask(self, wanted: int) -> Placement | None:
        """Ask, wait for what comes of it, and return what bounds the workload then."""
        before = len(self.ended)
        self.places.ask({self.uid: wanted}, self.now_ms)
        await until(lambda: len(self.ended) > before)
        return self.places.placement(self.uid, self.now_ms)


@pytest.fixture
async def asking(api: Api) -> AsyncIterator[Asking]:
    template = replicated("chat", 2)
    template["spec"]["template"]["metadata"]["annotations"] = {"gpu-fraction": "0.5"}
    template["spec"]["template"]["spec"]["nodeSelector"] = {"no-such": "node"}
    template["spec"]["template"]["spec"]["tolerations"] = [TOLERATION]
    await api.request("POST", DEPLOYMENTS, body=template)
    (port,) = free_ports(1)
    flags = _flags(port)
    async with following(api) as followed, fits.asked(flags) as extender, listening(stand_in := StandIn(3), port):
        await until(lambda: len(followed.inventory.pods_of(followed.target("chat").key.uid)) == 2)
        yield Asking(followed, stand_in, extender)


def _flags(port: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    fits.add_flags(parser)
    return parser.parse_args(["--extender", f"127.0.0.1:{port}"])


async def test_what_fits_besides_those_that_have_a_place_is_the_bound(asking: Asking) -> None:
    assert asking.places.placement(asking.uid, NOW) == ASKING
    assert await asking.ask(50) == Placement(0, 3, "no GPU is free")
    assert asking.ended == ["answered"]
    assert asking.without_effect == [""]


async def test_the_extender_is_told_the_pod_that_the_template_makes(asking: Asking) -> None:
    await asking.ask(50)
    (pod,) = asking.stand_in.pods
    assert pod["kind"] == "Pod"
    assert pod["metadata"]["namespace"] == "default"
    assert pod["metadata"]["labels"]["app"] == "chat"
    assert pod["metadata"]["annotations"] == {"gpu-fraction": "0.5"}
    assert pod["spec"]["nodeSelector"] == {"no-such": "node"}
    assert pod["spec"]["tolerations"] == [TOLERATION]
    assert asking.stand_in.asked[0].shape.namespace == "default"
    assert asking.stand_in.asked[0].most == 100


async def test_those_that_have_a_place_are_counted(api: Api) -> None:
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 2))
    (port,) = free_ports(1)
    async with following(api) as followed, fits.asked(_flags(port)) as extender, listening(StandIn(1), port):
        await until(lambda: followed.ready("chat") == 2)
        assert await Asking(followed, StandIn(), extender).ask(9) == Placement(2, 1, "no GPU is free")


async def test_it_is_not_asked_again_at_once(asking: Asking) -> None:
    await asking.ask(50)
    asking.places.ask({asking.uid: 50}, NOW + 2000)
    await asyncio.sleep(0.05)
    assert len(asking.stand_in.asked) == 1


@pytest.mark.parametrize("behaves", [hanging, refusing(grpc.StatusCode.UNAVAILABLE, "not yet"), lambda _: 1 / 0])
async def test_where_it_does_not_answer_nothing_is_bounded(
    asking: Asking, behaves: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(places, "_PATIENCE_S", 0.3)
    asking.stand_in.behaves = behaves
    for _ in range(3):
        assert await asking.ask(50) is None
        asking.now_ms += 4000
    assert asking.ended == ["failed"] * 3
    assert sum("the extender is away" in record.message for record in caplog.records) == 1
    asking.stand_in.behaves = None
    assert await asking.ask(50) == Placement(0, 3, "no GPU is free")


async def test_the_questions_about_other_workloads_do_not_wait_for_one_that_hangs(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_PATIENCE_S", 0.3)
    asking.stand_in.behaves = hanging
    asking.places.ask({f"nobody-{number}": 5 for number in range(200)} | {asking.uid: 5}, NOW)
    await until(lambda: len(asking.ended) == 201)
    assert asking.places.placement(asking.uid, NOW) is None


async def test_an_api_server_in_trouble_bounds_nothing(asking: Asking, embedded: EmbeddedCluster) -> None:
    embedded.faults.refuse = lambda method, path: method == "GET" and path.endswith("/chat")
    assert await asking.ask(50) is None
    assert asking.stand_in.asked == []


async def test_pods_that_are_never_placed_are_told_and_not_bounded(asking: Asking) -> None:
    asking.stand_in.behaves = refusing(grpc.StatusCode.INVALID_ARGUMENT, "gpu-fraction must be below 1")
    assert await asking.ask(50) is None
    assert asking.ended == ["refused"]
    assert asking.without_effect == ["the extender does not take its pods: gpu-fraction must be below 1"]


async def test_without_an_extender_nothing_is_bounded_and_that_is_told(api: Api) -> None:
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 2))
    async with following(api) as followed:
        alone = Asking(followed, StandIn(), None)
        assert alone.places.placement(alone.uid, NOW) is None
        alone.places.ask({alone.uid: 5, "gone": 7}, NOW)
        assert alone.without_effect == [NO_EXTENDER]


async def test_what_is_gone_is_forgotten(asking: Asking) -> None:
    await asking.ask(50)
    asking.places.retain(())
    assert asking.places.placement(asking.uid, NOW) == ASKING
