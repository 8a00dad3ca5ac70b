"""A count is written once, over the count that was decided on, whoever else writes meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from autoscaler.core.targets.writing import Failed, Gone, Overtaken, Refused, Unchanged, Withheld, Written
from autoscaler.shell import cluster
from autoscaler.shell.scaling import Scaling
from tests.autoscaler.shell.following import DEPLOYMENTS, Following, following, replicas_of, replicated, scale
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

CHAT = f"{DEPLOYMENTS}/chat"


@pytest.fixture
async def found(embedded: EmbeddedCluster, api: Api) -> AsyncIterator[Following]:
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 2))
    async with following(api) as followed:
        # Once its pods are ready nobody else changes it: each conflict is then a test's own.
        await until(lambda: followed.ready("chat") == 2 and not embedded.busy())
        yield followed


class Requests:
    """The requests about scales that arrive from now on; an object may be changed just before each write."""

    def __init__(self, embedded: EmbeddedCluster, disturbances: int = 0) -> None:
        self.seen: list[str] = []
        self._embedded, self._left = embedded, disturbances
        embedded.faults.refuse = self._arrived

    def _arrived(self, method: str, path: str) -> bool:
        if path.endswith("/scale"):
            self.seen.append(method)
            if method == "PATCH" and self._left:
                self._left -= 1
                # Of a label no controller takes notice, which would be one more disturbance.
                body = msgspec.json.encode({"metadata": {"labels": {"n": str(self._left)}}})
                self._embedded._serving.answer(
                    "PATCH", CHAT, {}, body=body, content_type="application/merge-patch+json", agent="busy"
                )
        return False


async def test_a_change_is_one_read_and_one_write(embedded: EmbeddedCluster, api: Api, found: Following) -> None:
    requests = Requests(embedded)
    outcome = await found.write("chat", 3)
    assert isinstance(outcome, Written)
    assert (outcome.was, outcome.now) == (2, 3)
    assert requests.seen == ["GET", "PATCH"]
    assert await replicas_of(api, CHAT) == 3
    assert found.current("chat") == 3
    await until(lambda: found.ready("chat") == 3)
    assert found.holds() == []


async def test_what_was_written_is_known_before_the_watch_shows_it(api: Api, found: Following) -> None:
    apart = Following(api)  # which watches nothing
    apart.inventory.put_target(found.target("chat"))
    await apart.write("chat", 3)
    assert apart.current("chat") == 3


async def test_we_write_under_our_own_name(api: Api, found: Following) -> None:
    await found.write("chat", 3)
    fields = msgspec.json.decode(await api.request("GET", CHAT))["metadata"]["managedFields"]
    assert "plimsoll-autoscaler" in {each["manager"] for each in fields if each.get("subresource") == "scale"}


async def test_what_stands_there_already_is_not_written(embedded: EmbeddedCluster, found: Following) -> None:
    target = found.target("chat")
    await found.scaling.write(target.key, target.replicas, 3)
    requests = Requests(embedded)
    assert isinstance(await found.scaling.write(target.key, target.replicas, 3), Unchanged)
    assert requests.seen == ["GET"]


async def test_conflicts_are_tried_again_on_what_stands_there_then(
    embedded: EmbeddedCluster, api: Api, found: Following
) -> None:
    requests = Requests(embedded, disturbances=2)
    assert isinstance(await found.write("chat", 3), Written)
    assert requests.seen == ["GET", "PATCH"] * 3
    assert await replicas_of(api, CHAT) == 3


async def test_conflicts_without_end_are_given_up(embedded: EmbeddedCluster, api: Api, found: Following) -> None:
    Requests(embedded, disturbances=1000)
    outcome = await found.write("chat", 3)
    assert outcome == Refused("others changed it during each of 5 tries")
    assert await replicas_of(api, CHAT) == 2


async def test_another_count_is_not_written_over(embedded: EmbeddedCluster, api: Api, found: Following) -> None:
    target = found.target("chat")
    await scale(api, CHAT, 7, "kubectl-scale")
    requests = Requests(embedded)
    outcome = await found.scaling.write(target.key, target.replicas, 3)
    assert isinstance(outcome, Overtaken)
    assert (outcome.found, outcome.by) == (7, "kubectl-scale")
    assert requests.seen == ["GET"]
    assert await replicas_of(api, CHAT) == 7
    assert found.current("chat") == 7
    assert found.holds() == ["replicas 2 -> 7 were set by another (kubectl-scale); respected for 60s"]


async def test_nothing_is_remembered_of_a_workload_that_goes_while_its_writer_is_asked_for(
    api: Api, found: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = found.target("chat")
    await scale(api, CHAT, 7, "kubectl-scale")

    async def meanwhile(_: object) -> str:
        found.inventory.drop_target(target.key.uid)
        found.writers.forget(target.key.uid)
        return "kubectl-scale"

    monkeypatch.setattr(Scaling, "_manager", lambda _, key: meanwhile(key))
    assert isinstance(await found.scaling.write(target.key, 2, 3), Overtaken)
    assert found.writers._records == {}


async def test_what_is_gone_is_not_scaled(api: Api, found: Following) -> None:
    target = found.target("chat")
    await api.request("DELETE", CHAT)
    assert await found.scaling.write(target.key, target.replicas, 3) == Gone()
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 2))
    assert await found.scaling.write(target.key, target.replicas, 3) == Gone()
    assert await replicas_of(api, CHAT) == 2


async def test_a_count_that_is_refused_says_why(found: Following) -> None:
    outcome = await found.write("chat", -1)
    assert isinstance(outcome, Refused)
    assert "must be greater than or equal to 0" in outcome.reason


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_what_we_may_not_do_says_so(embedded: EmbeddedCluster, found: Following, method: str) -> None:
    embedded.faults.forbid = lambda asked, path: asked == method and path.endswith("/scale")
    assert await found.write("chat", 3) == Refused(f"forbidden: you may not {method} here")


@pytest.mark.parametrize(("method", "unknown"), [("GET", False), ("PATCH", True)])
async def test_a_server_in_trouble_is_no_refusal(
    embedded: EmbeddedCluster,
    found: Following,
    method: str,
    unknown: bool,  # noqa: FBT001
) -> None:
    embedded.faults.refuse = lambda asked, path: asked == method and path.endswith("/scale")
    outcome = await found.write("chat", 3)
    assert outcome == Failed("the server is currently unable to handle the request", unknown)


@pytest.mark.parametrize("told", [True, False], ids=["by its manager", "by its count"])
async def test_a_write_whose_answer_is_lost_is_still_known_as_ours(
    embedded: EmbeddedCluster,
    found: Following,
    monkeypatch: pytest.MonkeyPatch,
    told: bool,  # noqa: FBT001
) -> None:
    if not told:  # as where an API server keeps no managed fields
        monkeypatch.setattr(cluster, "manager_of_replicas", lambda _: "")
    embedded.faults.lose_answer = lambda method, path: method == "PATCH" and path.endswith("/scale")
    outcome = await found.write("chat", 3)
    assert isinstance(outcome, Failed)
    assert outcome.unknown
    await until(lambda: found.current("chat") == 3)
    assert found.holds() == []


async def test_who_may_write_no_more_when_the_turn_comes_writes_nothing(
    embedded: EmbeddedCluster, api: Api, found: Following
) -> None:
    requests = Requests(embedded)
    found.scaling.left_s = lambda: 0.0
    outcome = await found.write("chat", 3)
    assert isinstance(outcome, Failed)
    assert (outcome.unknown, "another autoscaler leads" in outcome.reason) == (False, True)
    assert requests.seen == ["GET"]
    assert await replicas_of(api, CHAT) == 2


async def test_nothing_is_written_once_it_is_only_observed_not_even_after_the_read(
    embedded: EmbeddedCluster, found: Following
) -> None:
    requests = Requests(embedded)
    # The mode changes while the scale is being read.
    found.scaling.observed = lambda _: bool(requests.seen)
    assert await found.write("chat", 3) == Withheld("it is only observed by now")
    assert requests.seen == ["GET"]
    assert found.target("chat").replicas == 2


async def test_a_conflict_is_not_tried_again_once_it_is_only_observed(
    embedded: EmbeddedCluster, found: Following
) -> None:
    requests = Requests(embedded, disturbances=9)
    found.scaling.observed = lambda _: requests.seen.count("PATCH") >= 2
    assert isinstance(await found.write("chat", 3), Withheld)
    assert requests.seen == ["GET", "PATCH", "GET", "PATCH", "GET"]
