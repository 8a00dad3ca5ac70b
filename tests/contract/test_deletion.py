"""What becomes of a pod that is deleted: when is it gone, and what holds it?"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from kube.client import MERGE_PATCH, Api
from tests.contract.asking import decoded, refusal_of
from tests.contract.objects import NOBODY, Object, pod

ANOTHER_UID = "00000000-0000-0000-0000-000000000000"
STAYS = {"pod-delete.stage.kwok.x-k8s.io/delay": "1h"}
_LIMIT_S = 90.0
_POLL_S = 0.02


class Pods:
    """The pods of one namespace; each is called "one"."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods"

    async def create(self, **metadata: Any) -> Object:
        body = pod("one", STAYS, schedulerName=NOBODY, terminationGracePeriodSeconds=60)
        body["metadata"] |= metadata
        return decoded(await self._api.request("POST", self._path, body=body))

    async def running(self, **metadata: Any) -> Object:
        """Create a pod and let it run on a node that lets it go only after an hour."""
        await self.create(**metadata)
        binding = {"metadata": {"name": "one"}, "target": {"kind": "Node", "name": "gpu-00"}}
        await self._api.request("POST", f"{self._path}/one/binding", body=binding)
        began = time.monotonic()
        while (found := await self.get())["status"]["phase"] != "Running":
            assert time.monotonic() - began < _LIMIT_S
            await asyncio.sleep(_POLL_S)
        return found

    async def get(self) -> Object:
        return decoded(await self._api.request("GET", f"{self._path}/one"))

    async def patch(self, path: str, body: Object) -> Object:
        answer = await self._api.request("PATCH", f"{self._path}/{path}", body=body, content_type=MERGE_PATCH)
        return decoded(answer)

    async def delete(self, options: Object | None = None, **query: str) -> Object:
        return decoded(await self._api.request("DELETE", f"{self._path}/one", body=options, query=query))

    async def gone(self) -> bool:
        return not decoded(await self._api.request("GET", self._path))["items"]


@pytest.fixture
def pods(api: Api, namespace: str) -> Pods:
    return Pods(api, namespace)


def assert_going(found: Object, grace_s: int) -> None:
    """Hold a pod to be deleted in `grace_s` seconds, which is one generation, however often it was asked for."""
    meta = found["metadata"]
    assert meta["deletionGracePeriodSeconds"] == grace_s
    left = (datetime.fromisoformat(meta["deletionTimestamp"]) - datetime.now(UTC)).total_seconds()
    assert grace_s - 10 < left <= grace_s + 1
    assert meta["generation"] == 2


async def test_an_unbound_pod_goes_at_once_and_is_the_answer(pods: Pods) -> None:
    made = await pods.create()
    last = await pods.delete()
    assert (last["kind"], last["metadata"]["uid"]) == ("Pod", made["metadata"]["uid"])
    assert_going(last, 0)
    assert await pods.gone()


async def test_a_pod_that_is_not_there_is_not_found(pods: Pods) -> None:
    assert await refusal_of(pods.delete()) == (404, "NotFound", 'pods "one" not found')


async def test_a_dry_deletion_changes_nothing(pods: Pods) -> None:
    made = await pods.create()
    assert_going(await pods.delete(dryRun="All"), 0)
    assert await pods.get() == made


async def test_a_running_pod_is_told_to_go_within_its_grace_period(pods: Pods) -> None:
    await pods.running()
    assert_going(await pods.delete(), 60)
    assert_going(await pods.get(), 60)


async def test_a_pod_that_is_told_to_go_again_keeps_its_time(pods: Pods) -> None:
    await pods.running()
    first = await pods.delete()
    assert await pods.delete() == first
    assert await pods.delete(gracePeriodSeconds="100") == first


async def test_a_later_deletion_may_shorten_the_grace_period(pods: Pods) -> None:
    await pods.running()
    await pods.delete()
    assert_going(await pods.delete(gracePeriodSeconds="20"), 20)
    assert_going(await pods.delete({"gracePeriodSeconds": 15}), 15)


async def test_the_grace_period_of_the_request_comes_before_the_pods(pods: Pods) -> None:
    await pods.running()
    assert_going(await pods.delete(gracePeriodSeconds="90"), 90)


async def test_a_negative_grace_period_is_one_second(pods: Pods) -> None:
    await pods.running()
    assert_going(await pods.delete(gracePeriodSeconds="-5"), 1)


async def test_without_grace_a_running_pod_goes_at_once(pods: Pods) -> None:
    await pods.running()
    assert_going(await pods.delete(gracePeriodSeconds="0"), 0)
    assert await pods.gone()


async def test_a_pod_that_is_going_goes_at_once_without_grace(pods: Pods) -> None:
    await pods.running()
    await pods.delete()
    assert_going(await pods.delete(gracePeriodSeconds="0"), 0)
    assert await pods.gone()


async def test_a_finished_pod_goes_at_once(pods: Pods) -> None:
    await pods.running()
    await pods.patch("one/status", {"status": {"phase": "Failed"}})
    assert_going(await pods.delete(), 0)
    assert await pods.gone()


async def test_a_pod_that_finishes_while_it_goes_keeps_its_time(pods: Pods) -> None:
    await pods.running()
    await pods.delete()
    await pods.patch("one/status", {"status": {"phase": "Succeeded"}})
    assert_going(await pods.delete(), 60)
    assert_going(await pods.get(), 60)


async def test_finalizers_hold_a_pod_until_the_last_is_gone(pods: Pods) -> None:
    await pods.create(finalizers=["example.com/a", "example.com/b"])
    held = await pods.delete()
    assert_going(held, 0)
    assert await pods.delete() == held
    assert_going(await pods.patch("one", {"metadata": {"finalizers": ["example.com/b"]}}), 0)
    assert not await pods.gone()
    assert_going(await pods.patch("one", {"metadata": {"finalizers": None}}), 0)
    assert await pods.gone()


async def test_finalizers_hold_a_running_pod_beyond_its_grace(pods: Pods) -> None:
    await pods.running(finalizers=["example.com/a"])
    assert_going(await pods.delete(gracePeriodSeconds="0"), 0)
    assert_going(await pods.get(), 0)
    await pods.patch("one", {"metadata": {"finalizers": None}})
    assert await pods.gone()


async def test_what_is_going_gets_no_new_finalizers(pods: Pods) -> None:
    await pods.running()
    await pods.delete()
    told = (
        'Pod "one" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being '
        'deleted, found new finalizers []string{"example.com/a", "example.com/b"}'
    )
    body = {"metadata": {"finalizers": ["example.com/b", "example.com/a"]}}
    assert await refusal_of(pods.patch("one", body)) == (422, "Invalid", told)


async def test_annotations_of_a_pod_that_is_going_may_change(pods: Pods) -> None:
    await pods.running()
    await pods.delete()
    assert_going(await pods.patch("one", {"metadata": {"annotations": {"a": "b"}}}), 60)


async def test_a_deletion_of_another_pod_of_that_name_is_refused(pods: Pods) -> None:
    uid = (await pods.create())["metadata"]["uid"]
    told = (
        f'Operation cannot be fulfilled on Pod "one": the UID in the precondition ({ANOTHER_UID}) does not match the '
        f"UID in record ({uid}). The object might have been deleted and then recreated"
    )
    assert await refusal_of(pods.delete({"preconditions": {"uid": ANOTHER_UID}})) == (409, "Conflict", told)
    await pods.delete({"preconditions": {"uid": uid}})
    assert await pods.gone()


async def test_a_deletion_of_another_version_is_refused(pods: Pods) -> None:
    version = (await pods.create())["metadata"]["resourceVersion"]
    told = (
        'Operation cannot be fulfilled on Pod "one": the ResourceVersion in the precondition (1) does not match the '
        f"ResourceVersion in record ({version}). The object might have been modified"
    )
    assert await refusal_of(pods.delete({"preconditions": {"resourceVersion": "1"}})) == (409, "Conflict", told)
    await pods.delete({"preconditions": {"resourceVersion": version}})
    assert await pods.gone()


async def test_a_grace_period_that_is_no_number_cannot_be_read(pods: Pods) -> None:
    await pods.create()
    told = 'strconv.ParseInt: parsing "abc": invalid syntax'
    assert await refusal_of(pods.delete(gracePeriodSeconds="abc")) == (400, "BadRequest", told)


async def test_only_delete_options_delete(pods: Pods) -> None:
    await pods.create()
    status, reason, told = await refusal_of(pods.delete({"kind": "Pod", "apiVersion": "v1"}))
    assert (status, reason) == (400, "BadRequest")
    assert told.startswith('no kind "Pod" is registered for version "v1"')
    await pods.delete({"kind": "DeleteOptions", "apiVersion": "v1"})
    assert await pods.gone()
