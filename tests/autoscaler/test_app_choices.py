"""Which replicas go and how many can be placed, through the whole program: what fails without a key is cured by it."""

from __future__ import annotations

import argparse
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler import app
from autoscaler.core.load.gathering import gather
from autoscaler.core.load.queries import Selection
from autoscaler.core.targets.draining import COST
from autoscaler.shell import fits
from deploy.local.ports import free_ports
from extender.v1 import extender_pb2 as v1
from kube.client import MERGE_PATCH
from tests.autoscaler.shell.extending import StandIn, hanging, listening
from tests.autoscaler.test_app import DEPLOYMENTS, Load, eventually, messages, pods_of, replicas, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from autoscaler.app import Autoscaler
    from autoscaler.core.load.observation import Samples
    from autoscaler.core.model import Decision, Question
    from kube.client import Api
    from kube.objects import Pod

GPUS = 4  # of the embedded cluster
SCALING = {
    "autoscaling.knative.dev/target": "10",
    "autoscaling.knative.dev/target-utilization-percentage": "100",
    "autoscaling.knative.dev/window": "6s",
}


@pytest.fixture(autouse=True)
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_TICK_S", 0.05)


class Uneven(Load):
    """A load of each pod's own, by its name."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self.by_pod: dict[str, float] = {}

    def _answer(self, question: Question, pods: list[Pod], total: float) -> Samples:
        del total
        now = time.time()
        name = {"__name__": "vllm:num_requests_running", "namespace": "default"}
        return gather(
            Selection.of(question),
            [
                (
                    {**name, "pod": pod.metadata.name},
                    tuple((now - age, self.by_pod.get(pod.metadata.name, 0.0)) for age in (2, 1, 0)),
                )
                for pod in pods
            ],
        )


async def deploy(api: Api, count: int, gpus: str = "0", **ours: str) -> None:
    container = {"name": "c", "image": "i", "resources": {"limits": {"nvidia.com/gpu": gpus}}}
    template = {"metadata": {"labels": {"app": "chat"}}, "spec": {"containers": [container]}}
    keys = {f"plimsoll.dev/{key.replace('_', '-')}": value for key, value in ours.items()}
    meta = {"name": "chat", "labels": {"plimsoll.dev/autoscale": "true"}, "annotations": SCALING | keys}
    spec = {"replicas": count, "selector": {"matchLabels": {"app": "chat"}}, "template": template}
    await api.request("POST", DEPLOYMENTS, body={"metadata": meta, "spec": spec})


def standing(autoscaler: Autoscaler) -> Decision | None:
    return next(iter(autoscaler._standing.values()), None)


# --- which go ---


async def in_flight_when_it_went(api: Api, **ours: str) -> tuple[float, list[Pod]]:
    """Take one of four replicas away, of which only the one that would be kept by itself idles.

    Return what was in flight in the one that went, and the others.
    """
    await deploy(api, 4, **ours)
    load = Uneven(api)

    async def all_ready() -> bool:
        return sum(pod.status.phase == "Running" for pod in await pods_of(api)) == 4

    await eventually(all_ready)
    # Of pods of one age the UID decides, the first goes: the last one is the one that idles.
    *busy, idle = sorted(await pods_of(api), key=lambda pod: pod.metadata.uid)
    load.by_pod = {pod.metadata.name: 9.0 for pod in busy} | {idle.metadata.name: 0.0}
    async with running(api, load) as autoscaler:

        async def measured() -> bool:
            decision = standing(autoscaler)
            return decision is not None and decision.inputs.ready == 4 and decision.inputs.stable == 27.0

        await eventually(measured)
        fewer = {"metadata": {"annotations": {"autoscaling.knative.dev/max-scale": "3"}}}
        await api.request("PATCH", f"{DEPLOYMENTS}/chat", body=fewer, content_type=MERGE_PATCH)

        async def gone() -> bool:
            return len(await pods_of(api)) == 3

        await eventually(gone)
    left = await pods_of(api)
    (went,) = load.by_pod.keys() - {pod.metadata.name for pod in left}
    return load.by_pod[went], left


async def test_without_the_key_a_busy_replica_is_taken_away(api: Api) -> None:
    in_flight, _ = await in_flight_when_it_went(api)
    assert in_flight == 9.0


async def test_with_the_key_the_idle_one_goes_and_no_other_is_touched(api: Api) -> None:
    in_flight, left = await in_flight_when_it_went(api, drain_aware_scale_down="true")
    assert in_flight == 0.0
    assert not any(COST in (pod.metadata.annotations or {}) for pod in left)


async def test_a_key_that_does_nothing_for_a_workload_says_so(api: Api) -> None:
    await deploy(api, 1, drain_aware_scale_down="true", metrics_preset="istio")
    async with running(api, Load(api)):
        await eventually(lambda: messages(api, "KeyWithoutEffect"))
        (message,) = await messages(api, "KeyWithoutEffect")
        assert message == (
            "plimsoll.dev/drain-aware-scale-down has no effect: the preset istio does not tell replicas apart"
        )


# --- how many can be placed ---


async def pending(api: Api) -> int:
    return sum(not pod.spec.node_name for pod in await pods_of(api))


class Gpus(StandIn):
    """Tells how many GPUs of the embedded cluster are free, as the extender would."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api
        self.behaves = lambda _: self._free()

    async def _free(self) -> v1.FitsResponse:
        return v1.FitsResponse(
            count=GPUS - len(await pods_of(self._api)) + await pending(self._api), reason="every GPU is taken"
        )


@asynccontextmanager
async def limiting(api: Api, load: Load, stand_in: StandIn) -> AsyncIterator[Autoscaler]:
    """Run the autoscaler, told where the stand-in answers."""
    (port,) = free_ports(1)
    parser = argparse.ArgumentParser()
    fits.add_flags(parser)
    flags: Any = parser.parse_args(["--extender", f"127.0.0.1:{port}"])
    async with listening(stand_in, port), fits.asked(flags) as extender, running(api, load, extender) as autoscaler:
        yield autoscaler


async def test_without_the_key_a_surge_leaves_dozens_of_pods_pending(api: Api) -> None:
    await deploy(api, 1, gpus="1")
    load = Load(api)
    load.total = 500.0
    async with limiting(api, load, Gpus(api)):

        async def overshot() -> bool:
            return await pending(api) == 50 - GPUS

        await eventually(overshot, 20.0)


async def test_with_the_key_as_many_are_asked_for_as_can_be_placed(api: Api) -> None:
    await deploy(api, 1, gpus="1", limit_to_placeable="true")
    load = Load(api)
    load.total = 500.0
    stand_in = Gpus(api)
    async with limiting(api, load, stand_in) as autoscaler:

        async def full() -> bool:
            return len(await pods_of(api)) == GPUS and not await pending(api)

        await eventually(full, 20.0)
        decision = standing(autoscaler)
        assert decision is not None
        assert (decision.wanted, decision.desired) == (50, GPUS)
        assert decision.reason.endswith(": only 4 can be placed: every GPU is taken")
        assert await replicas(api) == GPUS
        assert b'placeable_replicas{namespace="default",workload="chat",kind="Deployment"} 4' in (
            autoscaler.telemetry.exposition()
        )
    assert stand_in.pods[0]["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert len(stand_in.asked) <= 3, "it is asked every four seconds at most"


async def test_where_the_extender_hangs_the_surge_is_answered_as_the_law_says(api: Api) -> None:
    await deploy(api, 1, gpus="1", limit_to_placeable="true")
    load = Load(api)
    load.total = 500.0
    stand_in = Gpus(api)
    stand_in.behaves = hanging
    async with limiting(api, load, stand_in) as autoscaler:
        ticks = []

        async def risen() -> bool:
            ticks.append(autoscaler._ticked_at)
            return await replicas(api) == 50

        await eventually(risen, 20.0)
        assert len(set(ticks)) > 5, "ticks go on while it hangs"


async def test_without_an_extender_the_key_says_that_it_does_nothing(api: Api) -> None:
    await deploy(api, 1, limit_to_placeable="true")
    load = Load(api)
    load.total = 40.0
    async with running(api, load):

        async def risen() -> bool:
            return await replicas(api) == 4

        await eventually(risen)
        await eventually(lambda: messages(api, "KeyWithoutEffect"))
        (message,) = await messages(api, "KeyWithoutEffect")
        assert "--extender" in message
