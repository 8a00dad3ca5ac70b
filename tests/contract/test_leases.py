"""How is a Lease taken, renewed and taken over?"""

from __future__ import annotations

from typing import Any

import pytest

from kube.client import MERGE_PATCH, Api
from tests.contract.asking import Object, ask, refusal

_TIME = "2024-01-01T00:00:00.000000Z"
_STALE = (
    'Operation cannot be fulfilled on leases.coordination.k8s.io "a": the object has been modified; please apply your '
    "changes to the latest version and try again"
)


@pytest.fixture
def path(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


def lease(name: str = "a", **spec: Any) -> Object:
    held = {"holderIdentity": "one", "leaseDurationSeconds": 15, "acquireTime": _TIME, "renewTime": _TIME}
    return {"metadata": {"name": name}, "spec": {**held, "leaseTransitions": 0, **spec}}


def held_by(lease: Object, holder: str) -> Object:
    return {**lease, "spec": {**lease["spec"], "holderIdentity": holder}}


async def test_a_lease_is_kept_as_it_is_sent(api: Api, path: str) -> None:
    made = await ask(api, "POST", path, lease())
    assert made["spec"] == lease()["spec"]
    assert "generation" not in made["metadata"]


async def test_a_lease_that_says_nothing_has_an_empty_spec(api: Api, path: str) -> None:
    assert (await ask(api, "POST", path, {"metadata": {"name": "a"}}))["spec"] == {}


async def test_a_lease_is_taken_over_with_the_version_that_was_read(api: Api, path: str) -> None:
    made = await ask(api, "POST", path, lease())
    taken = await ask(api, "PUT", f"{path}/a", held_by(made, "two"))
    assert taken["spec"] == held_by(lease(), "two")["spec"]
    assert taken["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]


async def test_only_one_of_two_takes_a_lease_over(api: Api, path: str) -> None:
    made = await ask(api, "POST", path, lease())
    await ask(api, "PUT", f"{path}/a", held_by(made, "two"))
    assert await refusal(api, "PUT", f"{path}/a", held_by(made, "three")) == (409, "Conflict", _STALE)
    assert (await ask(api, "GET", f"{path}/a"))["spec"]["holderIdentity"] == "two"


@pytest.mark.parametrize("version", [{}, {"resourceVersion": ""}, {"resourceVersion": "0"}], ids=["no", "empty", "0"])
async def test_a_lease_is_not_replaced_without_a_version(api: Api, path: str, version: Object) -> None:
    await ask(api, "POST", path, lease())
    sentence = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    answer = (422, "Invalid", f'leases.coordination.k8s.io "a" is invalid: {sentence}')
    assert await refusal(api, "PUT", f"{path}/a", lease() | {"metadata": {"name": "a", **version}}) == answer


async def test_a_put_creates_a_lease(api: Api, path: str) -> None:
    assert (await ask(api, "PUT", f"{path}/a", lease()))["spec"] == lease()["spec"]


async def test_a_put_that_creates_a_lease_does_not_mind_a_version(api: Api, path: str) -> None:
    body = lease() | {"metadata": {"name": "a", "resourceVersion": "5"}}
    assert (await ask(api, "PUT", f"{path}/a", body))["spec"] == lease()["spec"]


async def test_a_put_of_another_name_is_refused(api: Api, path: str) -> None:
    await ask(api, "POST", path, lease())
    sentence = "the name of the object (b) does not match the name on the URL (a)"
    assert await refusal(api, "PUT", f"{path}/a", lease("b")) == (400, "BadRequest", sentence)


async def test_a_lease_is_renewed_by_a_patch(api: Api, path: str) -> None:
    await ask(api, "POST", path, lease())
    renewed = {"renewTime": "2024-01-01T00:00:07.250000Z"}
    assert (await ask(api, "PATCH", f"{path}/a", {"spec": renewed}, MERGE_PATCH))["spec"] == lease(**renewed)["spec"]


async def test_a_leases_times_are_told_in_utc(api: Api, path: str) -> None:
    made = await ask(api, "POST", path, lease(renewTime="2024-01-01T02:00:03.000001+02:00"))
    assert made["spec"]["renewTime"] == "2024-01-01T00:00:03.000001Z"


@pytest.mark.parametrize(
    ("sent", "rest", "wanted"),
    [
        ("2024-01-01T00:00:02Z", "Z", ".000000"),
        ("2024-01-01T00:00:02.123Z", ".123Z", ".000000"),
        ("2024-01-01", "", "T"),
        ("yesterday", "yesterday", "2006"),
    ],
)
async def test_a_leases_times_are_to_the_microsecond(api: Api, path: str, sent: str, rest: str, wanted: str) -> None:
    assert await refusal(api, "POST", path, lease(renewTime=sent)) == (
        400,
        "BadRequest",
        (
            f'Lease in version "v1" cannot be handled as a Lease: parsing time "{sent}" as '
            f'"2006-01-02T15:04:05.000000Z07:00": cannot parse "{rest}" as "{wanted}"'
        ),
    )


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"leaseDurationSeconds": 0}, "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"),
        ({"leaseDurationSeconds": -1}, "spec.leaseDurationSeconds: Invalid value: -1: must be greater than 0"),
        ({"leaseTransitions": -1}, "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"),
    ],
)
async def test_a_lease_of_no_time_is_refused(api: Api, path: str, spec: Object, sentence: str) -> None:
    answer = (422, "Invalid", f'Lease.coordination.k8s.io "a" is invalid: {sentence}')
    assert await refusal(api, "POST", path, lease(**spec)) == answer


async def test_a_lease_is_given_up_with_an_empty_holder(api: Api, path: str) -> None:
    await ask(api, "POST", path, lease())
    given_up = await ask(api, "PATCH", f"{path}/a", {"spec": {"holderIdentity": ""}}, MERGE_PATCH)
    assert given_up["spec"]["holderIdentity"] == ""
