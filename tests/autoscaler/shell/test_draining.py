"""The least loaded pods get their costs before they go; a scale-down neither waits for long nor is given up for it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Inputs, Policy, Seen
from autoscaler.core.targets.draining import COST, OURS, SURVIVED_MS
from autoscaler.shell import draining
from autoscaler.shell.draining import DrainHearers, Draining
from kube.client import MERGE_PATCH
from tests.autoscaler.shell.following import DEPLOYMENTS, Following, following, replicated
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

PODS = "/api/v1/namespaces/default/pods"


class Drain:
    """A Deployment of four replicas that are ready, with a load each, and what was heard of its draining."""

    def __init__(self, followed: Following) -> None:
        self.followed = followed
        self.uid = followed.target("chat").key.uid
        self.names = sorted(pod.name for pod in followed.inventory.pods_of(self.uid))
        self.loads = {("default", name): 10.0 * (place + 1) for place, name in enumerate(self.names)}
        self.unaware: list[str] = []
        self.ended: list[str] = []
        hearers = DrainHearers(lambda _, sentence: self.unaware.append(sentence), self.ended.append)
        self.draining = Draining(followed.scaling, followed.inventory, lambda _: self.loads, hearers)

    async def prepare(self, desired: int, *, aware: bool = True) -> None:
        policy = Policy(drain_aware_scale_down=aware, target=10.0, max_scale=desired)
        decision = decide_again(Inputs(1, policy, 4, 4, 10.0 * desired, 10.0, Seen.ALL))
        assert decision.desired == desired
        await self.draining.prepare(Record(self.followed.target("chat").key, decision))

    async def pods(self) -> list[dict[str, Any]]:
        items = msgspec.json.decode(await self.followed.api.request("GET", PODS))["items"]
        return sorted(items, key=lambda pod: pod["metadata"]["name"])

    async def costs(self) -> list[tuple[str | None, str | None]]:
        found = [pod["metadata"].get("annotations") or {} for pod in await self.pods()]
        return [(each.get(COST), each.get(OURS)) for each in found]

    async def annotate(self, name: str, annotations: dict[str, str]) -> None:
        body = {"metadata": {"annotations": annotations}}
        await self.followed.api.request("PATCH", f"{PODS}/{name}", body=body, content_type=MERGE_PATCH)
        uid = next(p.uid for p in self.followed.inventory.pods_of(self.uid) if p.name == name)

        def seen() -> bool:
            pod = self.followed.inventory.pod(uid)
            return pod is not None and pod.cost == annotations[COST]

        await until(seen)


NONE = (None, None)


@pytest.fixture
async def drain(embedded: EmbeddedCluster, api: Api) -> AsyncIterator[Drain]:
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 4))
    async with following(api) as followed:
        await until(lambda: followed.ready("chat") == 4 and not embedded.busy())
        yield Drain(followed)


async def test_those_with_the_least_load_get_the_lowest_costs(drain: Drain) -> None:
    await drain.prepare(2)
    assert await drain.costs() == [("-2", "-2"), ("-1", "-1"), NONE, NONE]
    assert drain.ended == ["written", "written"]
    assert drain.unaware == []


async def test_those_go_and_the_others_stay(drain: Drain) -> None:
    drain.loads = {place: 50.0 - load for place, load in drain.loads.items()}
    await drain.prepare(2)
    await drain.followed.write("chat", 2)
    await until(lambda: drain.followed.ready("chat") == 2)
    sight = drain.followed.sight("chat")
    assert sight is not None
    assert list(sight.ready) == drain.names[:2]


async def test_without_the_key_no_pod_is_touched(drain: Drain) -> None:
    await drain.prepare(2, aware=False)
    assert await drain.costs() == [NONE] * 4
    assert drain.ended == []


async def test_our_watch_shows_the_costs_before_the_replicas_are_written(
    drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, lag = drain.draining._shown, [False] * 5
    monkeypatch.setattr(drain.draining, "_shown", lambda mark: lag.pop() if lag else shown(mark))
    await drain.prepare(1)
    assert lag == []
    assert sorted(pod.cost for pod in drain.followed.inventory.pods_of(drain.uid)) == ["", "-1", "-2", "-3"]


async def test_a_cost_that_a_person_gave_meanwhile_stays(drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    await drain.annotate(drain.names[0], {COST: "100"})
    # As if our watch had not shown it yet.
    blind = [replace(pod, cost="") for pod in drain.followed.inventory.pods_of(drain.uid)]
    monkeypatch.setattr(drain.followed.inventory, "pods_of", lambda _: blind)
    await drain.prepare(3)
    assert await drain.costs() == [("100", None), NONE, NONE, NONE]
    assert drain.ended == ["kept"]


async def test_a_pod_that_is_gone_meanwhile_is_no_failure(drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    pods = drain.followed.inventory.pods_of(drain.uid)
    monkeypatch.setattr(drain.followed.inventory, "pods_of", lambda _: pods)
    await drain.followed.api.request("DELETE", f"{PODS}/{drain.names[0]}")
    await drain.prepare(3)
    assert drain.ended == ["kept"]
    assert drain.unaware == []


async def test_conflicts_are_tried_again(drain: Drain, embedded: EmbeddedCluster) -> None:
    left = [2]

    def disturb(method: str, path: str) -> bool:
        if method == "PATCH" and path.startswith(PODS) and left[0]:
            left[0] -= 1
            body = msgspec.json.encode({"metadata": {"labels": {"n": str(left[0])}}})
            embedded._serving.answer(
                "PATCH", path, {}, body=body, content_type="application/merge-patch+json", agent="busy"
            )
        return False

    embedded.faults.refuse = disturb
    await drain.prepare(3)
    assert left == [0]
    assert (await drain.costs())[0] == ("-1", "-1")


async def test_where_pods_may_not_be_patched_that_is_told_once_a_scale_down(
    drain: Drain, embedded: EmbeddedCluster
) -> None:
    embedded.faults.forbid = lambda method, path: method == "PATCH" and path.startswith(PODS)
    await drain.prepare(2)
    (sentence,) = drain.unaware
    assert sentence == (
        "replicas 4 -> 2: 2 of 2 deletion costs were not written, and replicas may go that are busy: "
        "forbidden: you may not PATCH here; bind the ClusterRole plimsoll-autoscaler-drain in its namespace"
    )
    assert drain.ended == ["failed", "failed"]


async def test_an_api_server_that_hangs_is_not_waited_for(
    drain: Drain, embedded: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_PATIENCE_S", 0.2)
    embedded.faults.stall()
    began = time.monotonic()
    await drain.prepare(2)
    assert time.monotonic() - began < 2.0
    embedded.faults.flow()
    assert "there was no answer within 0.2 s" in drain.unaware[0]


async def test_a_watch_that_lags_is_not_waited_for_for_ever(drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "_PATIENCE_S", 0.3)
    monkeypatch.setattr(drain.draining, "_shown", lambda _: False)
    await drain.prepare(3)
    assert drain.unaware == []
    assert drain.ended == ["written"]


async def test_those_that_survive_lose_their_costs(drain: Drain) -> None:
    await drain.prepare(2)
    drain.draining.begin_tick(0)
    drain.draining.begin_tick(SURVIVED_MS - 1)
    assert (await drain.costs())[0] == ("-2", "-2")
    drain.draining.begin_tick(SURVIVED_MS)
    await until(lambda: drain.ended[2:] == ["removed", "removed"])
    assert await drain.costs() == [NONE] * 4


async def test_a_cost_that_a_person_gives_outlives_ours(drain: Drain) -> None:
    await drain.prepare(3)
    await drain.annotate(drain.names[0], {COST: "5"})
    for at_ms in (0, SURVIVED_MS, 3 * SURVIVED_MS):
        drain.draining.begin_tick(at_ms)
    assert drain.draining._tidying is None
    assert (await drain.costs())[0] == ("5", "-1")


async def test_what_is_only_observed_by_now_gives_no_pod_a_cost_and_takes_none_away(drain: Drain) -> None:
    await drain.prepare(2)
    drain.followed.scaling.observed = lambda uid: uid == drain.uid
    await drain.prepare(1)
    for at_ms in (0, SURVIVED_MS, 3 * SURVIVED_MS):
        drain.draining.begin_tick(at_ms)
    assert drain.draining._tidying is None
    assert await drain.costs() == [("-2", "-2"), ("-1", "-1"), NONE, NONE]
    assert drain.ended[2:] == ["kept", "kept", "kept"]
    assert drain.unaware == []
