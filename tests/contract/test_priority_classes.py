"""What is a PriorityClass, and what of it can change?"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING

import pytest

from kube.client import MERGE_PATCH, Api, ApiError
from tests.contract.asking import Object, ask, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"


@pytest.fixture
async def name(api: Api) -> AsyncIterator[str]:
    """The name of a class that is gone afterwards, if it was there."""
    unique = f"class-{uuid.uuid4().hex[:8]}"
    yield unique
    with contextlib.suppress(ApiError):
        await api.request("DELETE", f"{_CLASSES}/{unique}")


def invalid(name: str, sentence: str) -> tuple[int, str, str]:
    return 422, "Invalid", f'PriorityClass.scheduling.k8s.io "{name}" is invalid: {sentence}'


async def test_a_priority_class_has_its_defaults(api: Api, name: str) -> None:
    made = await ask(api, "POST", _CLASSES, {"metadata": {"name": name}})
    assert (made["value"], made["preemptionPolicy"]) == (0, "PreemptLowerPriority")
    assert made["metadata"]["generation"] == 1
    assert "globalDefault" not in made


async def test_a_priority_classs_description_may_change(api: Api, name: str) -> None:
    await ask(api, "POST", _CLASSES, {"metadata": {"name": name}, "value": -5})
    patched = await ask(api, "PATCH", f"{_CLASSES}/{name}", {"description": "d"}, MERGE_PATCH)
    assert (patched["description"], patched["value"], patched["metadata"]["generation"]) == ("d", -5, 1)


@pytest.mark.parametrize(
    ("patch", "sentence"),
    [
        ({"value": 6}, "value: Forbidden: may not be changed in an update."),
        ({"preemptionPolicy": "Never"}, 'preemptionPolicy: Invalid value: "Never": field is immutable'),
    ],
    ids=["value", "policy"],
)
async def test_a_priority_class_ranks_as_it_ever_did(api: Api, name: str, patch: Object, sentence: str) -> None:
    await ask(api, "POST", _CLASSES, {"metadata": {"name": name}, "value": 5})
    assert await refusal(api, "PATCH", f"{_CLASSES}/{name}", patch, MERGE_PATCH) == invalid(name, sentence)


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        (
            {"value": 1_000_000_001},
            "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
        ),
        (
            {"preemptionPolicy": "X"},
            'preemptionPolicy: Unsupported value: "X": supported values: "PreemptLowerPriority", "Never"',
        ),
    ],
    ids=["too high", "an unknown policy"],
)
async def test_a_bad_priority_class_is_refused(api: Api, name: str, rest: Object, sentence: str) -> None:
    body = {"metadata": {"name": name}, **rest}
    assert await refusal(api, "POST", _CLASSES, body) == invalid(name, sentence)


async def test_the_systems_names_are_the_systems(api: Api) -> None:
    sentence = (
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: "
        "system-x is not a known system priority class"
    )
    body = {"metadata": {"name": "system-x"}, "value": 5}
    assert await refusal(api, "POST", _CLASSES, body) == invalid("system-x", sentence)


async def test_there_is_one_global_default(api: Api, name: str, namespace: str) -> None:
    made = {"metadata": {"name": name}, "value": 5, "globalDefault": True}
    await ask(api, "POST", _CLASSES, made)
    # Admission goes by what it has heard of, a moment later on the real one.
    async with asyncio.timeout(30.0):
        while (await a_pods_priority(api, namespace)) != 5:  # noqa: ASYNC110  asked of the API server
            await asyncio.sleep(0.02)
    second = {**made, "metadata": {"name": f"{name}-b"}}
    status, reason, message = await refusal(api, "POST", _CLASSES, second)
    assert (status, reason) == (403, "Forbidden")
    assert message == (
        f'priorityclasses.scheduling.k8s.io "{name}-b" is forbidden: '
        f"PriorityClass {name} is already marked as default. Only one default can exist"
    )


async def a_pods_priority(api: Api, namespace: str) -> int:
    body = {"metadata": {"name": "asked"}, "spec": {"containers": [{"name": "main", "image": "none"}]}}
    made = await ask(api, "POST", f"/api/v1/namespaces/{namespace}/pods", body, dryRun="All")
    return int(made["spec"]["priority"])


@pytest.mark.parametrize(
    ("name", "value"), [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)]
)
async def test_the_systems_priority_classes_are_there(api: Api, name: str, value: int) -> None:
    assert (await ask(api, "GET", f"{_CLASSES}/{name}"))["value"] == value
