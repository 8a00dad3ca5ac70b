"""A load becomes a replica count, and what stands in the way is told: the autoscaler on an embedded cluster."""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from autoscaler import app
from autoscaler.app import Autoscaler
from autoscaler.core.decisions.record import Explained
from autoscaler.core.load.gathering import gather
from autoscaler.core.load.observation import NO_SAMPLES
from autoscaler.core.load.queries import Selection
from autoscaler.shell import looking
from autoscaler.shell.source import SamplesError
from kube.client import MERGE_PATCH
from kube.lease import Alone
from kube.objects import Deployment, Event, ManagedFields, ObjectList, Pod, Workload
from tests.story.programs import POLL_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from autoscaler.core.load.observation import Samples
    from autoscaler.core.model import Decision, Question
    from autoscaler.shell.fits import Extender
    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


class Load:
    """The load of every pod of the namespace, as if it had been measured each second; None: nothing answers."""

    name = "the load of this test"

    def __init__(self, api: Api) -> None:
        self.total: float | None = 0.0
        self._api = api

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def samples(self, asked: Collection[Question]) -> Mapping[Question, Samples | SamplesError]:
        if self.total is None:
            return dict.fromkeys(asked, SamplesError("it is away"))
        pods = await pods_of(self._api)
        return {
            question: NO_SAMPLES if question.query else self._answer(question, pods, self.total) for question in asked
        }

    def _answer(self, question: Question, pods: list[Pod], total: float) -> Samples:
        now = time.time()
        times = tuple((now - age, total / max(1, len(pods))) for age in (2, 1, 0))
        name = {"__name__": "vllm:num_requests_running", "namespace": "default"}
        return gather(Selection.of(question), [({**name, "pod": pod.metadata.name}, times) for pod in pods])


@pytest.fixture(autouse=True)
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_TICK_S", 0.05)


@asynccontextmanager
async def running(api: Api, load: Load, extender: Extender | None = None) -> AsyncIterator[Autoscaler]:
    autoscaler = Autoscaler(api, load, "plimsoll-system", Alone(), extender)
    task = asyncio.create_task(autoscaler.run())
    try:
        yield autoscaler
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def deploy(api: Api, **annotations: str) -> None:
    keys = {f"autoscaling.knative.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    template = {"metadata": {"labels": {"app": "chat"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "chat"}}, "template": template}
    labels = {"plimsoll.dev/autoscale": "true"}
    body = {"metadata": {"name": "chat", "labels": labels, "annotations": keys}, "spec": spec}
    await api.request("POST", DEPLOYMENTS, body=body)


async def replicas(api: Api) -> int | None:
    return msgspec.json.decode(await api.request("GET", f"{DEPLOYMENTS}/chat"), type=Deployment).spec.replicas


async def pods_of(api: Api) -> list[Pod]:
    answer = await api.request("GET", "/api/v1/namespaces/default/pods")
    return msgspec.json.decode(answer, type=ObjectList[Pod]).items or []


async def messages(api: Api, reason: str) -> list[str]:
    answer = await api.request("GET", "/api/v1/events")
    events = msgspec.json.decode(answer, type=ObjectList[Event]).items or []
    return [event.message for event in events if event.reason == reason]


async def eventually(true: Callable[[], Awaitable[Any]], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110  asked of the API server
            await asyncio.sleep(POLL_S)


async def test_a_load_raises_the_replicas_and_says_why(api: Api) -> None:
    await deploy(api, target="10", target_utilization_percentage="100", max_scale="8")
    load = Load(api)
    load.total = 40.0
    async with running(api, load):

        async def raised() -> bool:
            return await replicas(api) == 4 and len(await pods_of(api)) == 4

        await eventually(raised)
        await eventually(lambda: messages(api, "ScaledUp"))
        (message,) = await messages(api, "ScaledUp")
        assert message.startswith("replicas 1 -> 4: ")


async def test_the_most_replicas_are_never_exceeded(api: Api) -> None:
    await deploy(api, target="10", max_scale="3")
    load = Load(api)
    load.total = 4000.0
    async with running(api, load):

        async def raised() -> bool:
            return await replicas(api) == 3

        await eventually(raised)


async def test_a_broken_annotation_is_told_and_the_workload_held(api: Api) -> None:
    await deploy(api, target="ten")
    load = Load(api)
    load.total = 4000.0
    async with running(api, load) as autoscaler:
        await eventually(lambda: messages(api, "BadConfiguration"))
        (message,) = await messages(api, "BadConfiguration")
        assert '"ten"' in message
        await eventually(lambda: _decided(autoscaler))
        assert await replicas(api) == 1
        corrected = {"metadata": {"annotations": {"autoscaling.knative.dev/target": "1000"}}}
        await api.request("PATCH", f"{DEPLOYMENTS}/chat", body=corrected, content_type=MERGE_PATCH)

        async def raised() -> bool:
            return (await replicas(api) or 0) > 1

        await eventually(raised)


async def test_a_broken_annotation_beside_the_mode_observe_does_not_keep_us_writing(api: Api) -> None:
    await deploy(api, target="1000")
    load = Load(api)
    async with running(api, load) as autoscaler:
        await eventually(lambda: _decided(autoscaler))
        braked = {"plimsoll.dev/mode": "observe", "autoscaling.knative.dev/target": "ten"}
        body = {"metadata": {"annotations": braked}}
        await api.request("PATCH", f"{DEPLOYMENTS}/chat", body=body, content_type=MERGE_PATCH)
        await eventually(lambda: messages(api, "BadConfiguration"))
        (message,) = await messages(api, "BadConfiguration")
        assert message.endswith("it is observe, and nothing is written")
        load.total = 4000.0

        async def wanted() -> bool:
            return any(decision.desired > 1 for decision in autoscaler._standing.values())

        await eventually(wanted)
        assert await replicas(api) == 1


async def test_a_source_that_is_away_changes_nothing(api: Api) -> None:
    await deploy(api, target="10")
    load = Load(api)
    load.total = None
    async with running(api, load) as autoscaler:
        await eventually(lambda: _decided(autoscaler))
        assert await replicas(api) == 1


async def test_a_new_configuration_is_taken_over_without_a_restart(api: Api) -> None:
    await deploy(api)
    load = Load(api)
    load.total = 40.0
    async with running(api, load) as autoscaler:
        await eventually(lambda: _decided(autoscaler))
        assert await replicas(api) == 1
        body = {
            "data": {"container-concurrency-target-default": "10", "container-concurrency-target-percentage": "100"}
        }
        path = "/api/v1/namespaces/plimsoll-system/configmaps/config-autoscaler"
        await api.request("PATCH", path, body=body, content_type=MERGE_PATCH)

        async def raised() -> bool:
            return await replicas(api) == 4

        await eventually(raised)


async def test_a_workload_that_cannot_be_looked_at_is_left_alone(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await deploy(api, target="10", target_utilization_percentage="100")
    load = Load(api)
    load.total = 40.0
    async with running(api, load) as autoscaler:

        async def measured() -> bool:
            return await replicas(api) == 4 and _standing(autoscaler).inputs.stable == 40.0

        async def left() -> bool:
            return _standing(autoscaler).reason.startswith("left alone: a defect")

        await eventually(measured)
        with monkeypatch.context() as broken:
            broken.setattr(looking, "followed", None)
            await eventually(left)
            decision = _standing(autoscaler)
            assert (decision.desired, decision.inputs.current, decision.inputs.stable) == (4, 4, 40.0)


async def test_a_defect_that_every_workload_meets_costs_ticks_and_not_the_program(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deploy(api, target="10", target_utilization_percentage="100", max_scale="8")
    load = Load(api)
    load.total = 40.0

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    async with running(api, load) as autoscaler:

        async def missed() -> bool:
            return autoscaler.ready() and time.monotonic() > autoscaler._ticked_at + 0.2

        async def raised() -> bool:
            return await replicas(api) == 4

        with monkeypatch.context() as broken:
            broken.setattr(autoscaler._fleet, "_record", defect)
            await eventually(missed)
            assert await replicas(api) == 1
        await eventually(raised)


async def test_what_another_query_measured_is_forgotten(api: Api) -> None:
    await deploy(api, target="10", target_utilization_percentage="100")
    path = "/api/v1/namespaces/plimsoll-system/configmaps/config-autoscaler"
    await api.request("PATCH", path, body={"data": {"allow-custom-queries": "true"}}, content_type=MERGE_PATCH)
    load = Load(api)
    load.total = 40.0
    async with running(api, load) as autoscaler:

        async def measured() -> bool:
            return await replicas(api) == 4 and _standing(autoscaler).inputs.stable == 40.0

        async def forgotten() -> bool:
            return _standing(autoscaler).inputs.stable is None

        await eventually(measured)
        asks = {"metadata": {"annotations": {"plimsoll.dev/query": "sum(queue_length)"}}}
        await api.request("PATCH", f"{DEPLOYMENTS}/chat", body=asks, content_type=MERGE_PATCH)
        await eventually(forgotten)
        assert _standing(autoscaler).desired == 4


class Writes:
    """The writes of counts and of objects that arrive from now on, as method, path and manager."""

    def __init__(self, embedded: EmbeddedCluster) -> None:
        self.seen: list[tuple[str, str]] = []
        embedded.faults.refuse = self._arrived

    def _arrived(self, method: str, path: str) -> bool:
        if method != "GET" and "/events" not in path:
            self.seen.append((method, path))
        return False


async def test_what_is_observed_is_decided_recorded_and_told_and_nothing_is_written(
    embedded: EmbeddedCluster, api: Api
) -> None:
    await deploy(api, target="10", target_utilization_percentage="100", max_scale="8")
    await set_mode(api, "observe")
    load = Load(api)
    load.total = 20.0
    async with running(api, load) as autoscaler:

        async def decided(replicas: int) -> bool:
            return autoscaler.ready() and bool(autoscaler._standing) and _standing(autoscaler).desired == replicas

        await eventually(lambda: decided(2))
        writes = Writes(embedded)
        load.total = 60.0
        await eventually(lambda: decided(6))
        # Another sets the replicas meanwhile, again and again: no reason to leave them undecided.
        await other_autoscaler(api)
        for count in (5, 2, 3):
            await other_sets(api, count)

        async def seen() -> bool:
            inputs = _standing(autoscaler).inputs
            return inputs.current == 3 and inputs.observed.startswith("HorizontalPodAutoscaler")

        await eventually(seen)
        load.total = 80.0
        await eventually(lambda: decided(8))
        decision = _standing(autoscaler)
        assert decision.inputs.observed == "HorizontalPodAutoscaler theirs scales it"
        assert decision.reason.startswith("observed: panic: ")
        key = next(iter(autoscaler._standing))
        told = autoscaler.book.explain(key.namespace, key.name)
        assert isinstance(told, Explained)
        assert [change.decision.desired for change in told.changes][-1] == 8
        page = autoscaler.telemetry.exposition().decode()
        labels = '{namespace="default",workload="chat",kind="Deployment"}'
        assert f"plimsoll_autoscaler_observing{labels} 1\n" in page
        assert f"plimsoll_autoscaler_desired_replicas{labels} 8\n" in page
        assert f"plimsoll_autoscaler_requested_replicas{labels} 3\n" in page
        # All of them are the other's; of ours there is none, not even of a pod.
        assert [each for each in writes.seen if each[1].startswith(f"{DEPLOYMENTS}/chat")] == [
            ("PATCH", f"{DEPLOYMENTS}/chat/scale")
        ] * 3
        assert not [each for each in writes.seen if "/pods/" in each[1]]
        managers = {entry.manager for entry in await managers_of(api)}
        assert "keda" in managers
        assert not any("plimsoll" in manager for manager in managers)
        assert await replicas(api) == 3
        for reason in ("ScaledUp", "ReplicasSetByAnother", "ScaledByAnotherAutoscaler"):
            assert await messages(api, reason) == []


async def test_the_mode_changes_without_a_restart_and_scaling_takes_nothing_away_at_once(api: Api) -> None:
    await deploy(api, target="10", target_utilization_percentage="100", max_scale="8")
    load = Load(api)
    load.total = 40.0
    async with running(api, load) as autoscaler:

        async def stands(replicas_there: int, *, observed: bool) -> bool:
            if not autoscaler._standing:
                return False
            told = _standing(autoscaler).inputs.observed
            return await replicas(api) == replicas_there and bool(told) is observed

        await eventually(lambda: stands(4, observed=False))
        await set_mode(api, "observe")
        await eventually(lambda: stands(4, observed=True))
        load.total = 80.0

        async def decided() -> bool:
            return _standing(autoscaler).desired == 8

        await eventually(decided)
        await asyncio.sleep(0.2)
        assert await replicas(api) == 4
        await set_mode(api, "scale")
        await eventually(lambda: stands(8, observed=False))


async def test_a_workload_that_is_deleted_is_forgotten(api: Api) -> None:
    await deploy(api, target="10")
    load = Load(api)
    async with running(api, load) as autoscaler:
        await eventually(lambda: _decided(autoscaler))
        await api.request("DELETE", f"{DEPLOYMENTS}/chat")

        async def forgotten() -> bool:
            return not autoscaler._standing and not list(autoscaler._fleet)

        await eventually(forgotten)


def _standing(autoscaler: Autoscaler) -> Decision:
    (decision,) = autoscaler._standing.values()
    return decision


async def _decided(autoscaler: Autoscaler) -> bool:
    return bool(autoscaler._standing)


async def set_mode(api: Api, mode: str) -> None:
    path = "/api/v1/namespaces/plimsoll-system/configmaps/config-autoscaler"
    await api.request("PATCH", path, body={"data": {"mode": mode}}, content_type=MERGE_PATCH)


async def other_autoscaler(api: Api) -> None:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"}
    body = {"metadata": {"name": "theirs"}, "spec": {"maxReplicas": 9, "scaleTargetRef": reference}}
    await api.request("POST", "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", body=body)


async def managers_of(api: Api) -> list[ManagedFields]:
    found = msgspec.json.decode(await api.request("GET", f"{DEPLOYMENTS}/chat"), type=Workload)
    return found.metadata.managed_fields or []


async def other_sets(api: Api, count: int) -> None:
    await api.request(
        "PATCH",
        f"{DEPLOYMENTS}/chat/scale",
        query={"fieldManager": "keda"},
        body={"spec": {"replicas": count}},
        content_type=MERGE_PATCH,
    )
