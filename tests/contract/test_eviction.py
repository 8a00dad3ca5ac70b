"""When may a pod be evicted, what does its disruption budget say, and what is written down?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from kube.client import JSON, MERGE_PATCH, Api, ApiError
from tests.contract.asking import decoded, refusal_of
from tests.contract.objects import NOBODY, Object, pod

if TYPE_CHECKING:
    from collections.abc import Callable

ANOTHER_UID = "00000000-0000-0000-0000-000000000000"
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_LIMIT_S = 30.0
_POLL_S = 0.02


class Place:
    """One namespace with pods and disruption budgets; all pods are labelled app=web."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"

    async def pending(self, name: str, annotations: dict[str, str] | None = None) -> None:
        """Create a pod that nobody binds."""
        body = pod(name, {"pod-delete.stage.kwok.x-k8s.io/delay": "1h", **(annotations or {})}, schedulerName=NOBODY)
        body["metadata"]["labels"] = {"app": "web"}
        body["spec"]["terminationGracePeriodSeconds"] = 60
        await self._api.request("POST", self._pods, body=body)

    async def ready(self, *names: str) -> None:
        """Create pods that run, are ready, and go an hour after they were deleted."""
        for name in names:
            await self.pending(name)
            await self._bind(name)
        for name in names:
            await self._until(f"{self._pods}/{name}", lambda found: "Ready" in conditions(found))

    async def unready(self, name: str) -> None:
        """Create a pod that runs and is not ready."""
        await self.pending(name, {"pod-ready.stage.kwok.x-k8s.io/delay": "1h"})
        await self._bind(name)
        await self.patch_status(name, {"phase": "Running"})

    async def _bind(self, name: str) -> None:
        body = {"metadata": {"name": name}, "target": {"kind": "Node", "name": "gpu-00"}}
        await self._api.request("POST", f"{self._pods}/{name}/binding", body=body)

    async def patch_status(self, name: str, status: Object) -> None:
        path = f"{self._pods}/{name}/status"
        await self._api.request("PATCH", path, body={"status": status}, content_type=MERGE_PATCH)

    async def budget(self, *, healthy: int, name: str = "web", **spec: Any) -> None:
        """Create a budget, and wait until it has been told of that many healthy pods."""
        body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec}}
        await self._api.request("POST", self._budgets, body=body)
        await self._until(f"{self._budgets}/{name}", lambda found: seen(found).get("currentHealthy") == healthy)

    async def rebudget(self, allowed: int, **spec: Any) -> None:
        """Change the budget, and wait until it allows that many disruptions."""
        await self._api.request("PATCH", f"{self._budgets}/web", body={"spec": spec}, content_type=MERGE_PATCH)
        await self._until(f"{self._budgets}/web", lambda found: seen(found).get("disruptionsAllowed") == allowed)

    async def status(self) -> Object:
        """Return the counts of the budget."""
        found = decoded(await self._api.request("GET", f"{self._budgets}/web"))["status"]
        counts = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
        return {key: found[key] for key in counts}

    async def disrupted(self) -> list[str]:
        """Return the pods whose eviction the budget has paid for."""
        return sorted(
            decoded(await self._api.request("GET", f"{self._budgets}/web"))["status"].get("disruptedPods", {})
        )

    async def get(self, name: str) -> Object:
        return decoded(await self._api.request("GET", f"{self._pods}/{name}"))

    async def names(self) -> list[str]:
        return [each["metadata"]["name"] for each in decoded(await self._api.request("GET", self._pods))["items"]]

    async def evict(self, name: str, options: Object | None = None, **query: str) -> Object:
        return await self.post(name, {"metadata": {"name": name}, "deleteOptions": options or {}}, **query)

    async def post(self, name: str, body: Object, **query: str) -> Object:
        return decoded(await self._api.request("POST", f"{self._pods}/{name}/eviction", body=body, query=query))

    async def refused(self, name: str) -> tuple[int, Object, str | None]:
        """Try to evict a pod; return HTTP status, Status and the header Retry-After."""
        limits = aiohttp.ClientTimeout(total=10)
        body = {"metadata": {"name": name}}
        response = await self._api._send(
            "POST", f"{self._pods}/{name}/eviction", body=body, content_type=JSON, limits=limits
        )
        return response.status, decoded(await response.read()), response.headers.get("Retry-After")

    async def _until(self, path: str, true: Callable[[Object], bool]) -> None:
        began = time.monotonic()
        while not true(found := decoded(await self._api.request("GET", path))):
            assert time.monotonic() - began < _LIMIT_S, f"waited in vain: {found}"
            await asyncio.sleep(_POLL_S)


@pytest.fixture
def place(api: Api, namespace: str) -> Place:
    return Place(api, namespace)


def conditions(found: Object) -> set[str]:
    return {each["type"] for each in found["status"].get("conditions", ()) if each["status"] == "True"}


def seen(budget: Object) -> Object:
    """Return a budget's status, empty where it is not of the budget's present spec."""
    status: Object = budget.get("status", {})
    return status if status.get("observedGeneration") == budget["metadata"]["generation"] else {}


def causes(answer: Object) -> list[str]:
    assert {each["reason"] for each in answer["details"]["causes"]} == {"DisruptionBudget"}
    return [each["message"] for each in answer["details"]["causes"]]


async def test_a_pod_without_budget_is_evicted_and_says_so(place: Place) -> None:
    await place.ready("one")
    answer = await place.evict("one")
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    going = await place.get("one")
    assert going["metadata"]["deletionGracePeriodSeconds"] == 60
    (condition,) = [each for each in going["status"]["conditions"] if each["type"] == "DisruptionTarget"]
    assert condition.pop("lastTransitionTime")
    assert condition == {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }


async def test_an_eviction_may_bring_its_own_grace_period(place: Place) -> None:
    await place.ready("one")
    await place.evict("one", {"gracePeriodSeconds": 7})
    assert (await place.get("one"))["metadata"]["deletionGracePeriodSeconds"] == 7


async def test_a_pod_that_is_going_may_be_evicted_again(place: Place) -> None:
    await place.ready("one")
    await place.evict("one")
    await place.evict("one")
    assert (await place.get("one"))["metadata"]["generation"] == 2


async def test_a_pod_that_is_not_there_is_not_found(place: Place) -> None:
    assert await refusal_of(place.evict("one")) == (404, "NotFound", 'pods "one" not found')


async def test_an_eviction_names_its_pod(place: Place) -> None:
    await place.pending("one")
    for body in ({}, {"metadata": {"name": "other"}}):
        told = "name in URL does not match name in Eviction object"
        assert await refusal_of(place.post("one", body)) == (400, "BadRequest", told)


async def test_a_dry_eviction_changes_nothing(place: Place) -> None:
    await place.ready("one")
    before = await place.get("one")
    await place.evict("one", dryRun="All")
    await place.evict("one", {"dryRun": ["All"]})
    assert await place.get("one") == before


async def test_an_eviction_of_another_pod_of_that_name_is_refused(place: Place) -> None:
    await place.ready("one")
    uid = (await place.get("one"))["metadata"]["uid"]
    told = (
        f'Operation cannot be fulfilled on Pod "one": the UID in the precondition ({ANOTHER_UID}) does not match the '
        f"UID in record ({uid}). The object might have been deleted and then recreated"
    )
    assert await refusal_of(place.evict("one", {"preconditions": {"uid": ANOTHER_UID}})) == (409, "Conflict", told)
    assert "deletionTimestamp" not in (await place.get("one"))["metadata"]


async def test_an_eviction_of_another_version_is_refused(place: Place) -> None:
    await place.ready("one")
    version = (await place.get("one"))["metadata"]["resourceVersion"]
    told = (
        'Operation cannot be fulfilled on Pod "one": the ResourceVersion in the precondition (1) does not match the '
        f"ResourceVersion in record ({version}). The object might have been modified"
    )
    assert await refusal_of(place.evict("one", {"preconditions": {"resourceVersion": "1"}})) == (409, "Conflict", told)
    await place.evict("one", {"preconditions": {"resourceVersion": version}})


async def test_a_budget_refuses_with_its_counts_and_no_time_to_come_back(place: Place) -> None:
    await place.ready("one", "two")
    await place.budget(healthy=2, minAvailable=2)
    status, answer, retry_after = await place.refused("one")
    assert (status, answer["reason"], answer["message"], retry_after) == (429, "TooManyRequests", REFUSED, None)
    assert causes(answer) == ["The disruption budget web needs 2 healthy pods and has 2 currently"]
    assert "retryAfterSeconds" not in answer["details"]
    assert "deletionTimestamp" not in (await place.get("one"))["metadata"]


async def test_a_budget_refuses_a_dry_eviction_too(place: Place) -> None:
    await place.ready("one")
    await place.budget(healthy=1, minAvailable=1)
    assert await refusal_of(place.evict("one", dryRun="All")) == (429, "TooManyRequests", REFUSED)


async def test_a_budget_is_charged_at_once(place: Place) -> None:
    await place.ready("one", "two", "three")
    await place.budget(healthy=3, minAvailable=3)
    await place.rebudget(1, minAvailable=2)
    answers = await asyncio.gather(*(place.evict(name) for name in ("one", "two", "three")), return_exceptions=True)
    assert [each.status for each in answers if isinstance(each, ApiError)] == [429, 429]
    going = [name for name in await place.names() if "deletionTimestamp" in (await place.get(name))["metadata"]]
    assert len(going) == 1


async def test_a_dry_eviction_is_not_charged(place: Place) -> None:
    await place.ready("one", "two")
    await place.budget(healthy=2, minAvailable=1)
    await place.evict("one", dryRun="All")
    counts = {"currentHealthy": 2, "desiredHealthy": 1, "disruptionsAllowed": 1, "expectedPods": 2}
    assert await place.status() == counts
    assert not await place.disrupted()


async def test_an_eviction_that_a_precondition_refuses_is_charged_all_the_same(place: Place) -> None:
    await place.ready("one", "two")
    await place.budget(healthy=2, minAvailable=1)
    status, _, _ = await refusal_of(place.evict("one", {"preconditions": {"uid": ANOTHER_UID}}))
    assert status == 409
    assert await place.disrupted() == ["one"]
    assert await refusal_of(place.evict("two")) == (429, "TooManyRequests", REFUSED)


async def test_a_budget_that_is_not_of_these_pods_says_nothing(place: Place) -> None:
    await place.ready("one")
    await place.budget(healthy=0, minAvailable=1, selector={"matchLabels": {"app": "other"}})
    await place.evict("one")


async def test_a_budget_in_percent_of_pods_that_nobody_manages_allows_none(place: Place) -> None:
    await place.ready("one", "two")
    await place.budget(healthy=2, maxUnavailable="50%")
    status, answer, _ = await place.refused("one")
    assert status == 429
    assert causes(answer) == ["The disruption budget web does not allow evicting pods currently"]


async def test_a_pod_of_two_budgets_is_not_evicted(place: Place) -> None:
    await place.ready("one")
    await place.budget(healthy=1, minAvailable=0)
    await place.budget(healthy=1, minAvailable=0, name="more")
    told = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    assert await refusal_of(place.evict("one")) == (500, "", told)


async def test_a_pending_pod_goes_whatever_its_budget_says(place: Place) -> None:
    await place.pending("one")
    await place.budget(healthy=0, maxUnavailable=0)
    await place.evict("one")
    assert await place.names() == []


async def test_a_finished_pod_goes_whatever_its_budget_says(place: Place) -> None:
    await place.ready("one")
    await place.budget(healthy=1, minAvailable=1)
    await place.patch_status("one", {"phase": "Failed"})
    await place.evict("one")
    assert await place.names() == []


async def test_an_unready_pod_goes_while_enough_others_are_healthy(place: Place) -> None:
    await place.ready("one")
    await place.unready("two")
    await place.budget(healthy=1, minAvailable=1)
    assert await refusal_of(place.evict("one")) == (429, "TooManyRequests", REFUSED)
    await place.evict("two")
    assert not await place.disrupted()


async def test_an_unready_pod_stays_while_too_few_others_are_healthy(place: Place) -> None:
    await place.ready("one")
    await place.unready("two")
    await place.budget(healthy=1, minAvailable=2)
    _, answer, _ = await place.refused("two")
    assert causes(answer) == ["The disruption budget web needs 2 healthy pods and has 1 currently"]


async def test_an_unready_pod_stays_where_no_pod_need_be_healthy_and_none_is(place: Place) -> None:
    await place.unready("one")
    await place.budget(healthy=0, minAvailable=0)
    _, answer, _ = await place.refused("one")
    assert causes(answer) == ["The disruption budget web needs 0 healthy pods and has 0 currently"]


async def test_an_unready_pod_always_goes_where_the_budget_says_so(place: Place) -> None:
    await place.ready("one")
    await place.unready("two")
    await place.budget(healthy=1, minAvailable=2, unhealthyPodEvictionPolicy="AlwaysAllow")
    await place.evict("two")
