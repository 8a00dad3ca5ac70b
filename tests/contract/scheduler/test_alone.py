"""Where does a scheduler place pods of which it asks nobody?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.scheduler.scheduled import NODES, PREEMPTION

if TYPE_CHECKING:
    from tests.contract.scheduler.scheduled import Pods


async def test_the_default_scheduler_binds_by_itself_and_says_so(pods: Pods) -> None:
    await pods.create("plain")
    node = await pods.until_bound("plain")
    (event,) = await pods.events("plain", "Scheduled")
    assert event["type"] == "Normal"
    assert event["message"] == f"Successfully assigned {pods.namespace}/plain to {node}"


_PINNED = {"key": "metadata.name", "operator": "In", "values": ["gpu-02"]}
_HOSTNAME = {"kubernetes.io/hostname": "gpu-02"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"cpu": "97"}, "4 Insufficient cpu."),
        ({"cpu": "97", "nvidia.com/gpu": "9"}, "4 Insufficient cpu, 4 Insufficient nvidia.com/gpu."),
        ({"nodeSelector": {"a": "b"}}, "4 node(s) didn't match Pod's node affinity/selector."),
        (
            {"nodeSelector": _HOSTNAME, "cpu": "97"},
            "1 Insufficient cpu, 3 node(s) didn't match Pod's node affinity/selector.",
        ),
        (
            {"matchFields": [_PINNED], "cpu": "97"},
            "1 Insufficient cpu, 3 node(s) didn't satisfy plugin(s) [NodeAffinity].",
        ),
    ],
)
async def test_a_pod_that_fits_nowhere_is_told_why_by_the_count_of_nodes(
    pods: Pods, spec: dict[str, Any], message: str
) -> None:
    limits = {key: value for key, value in spec.items() if key in ("cpu", "nvidia.com/gpu")}
    wanted: dict[str, Any] = {"containers": [{"name": "main", "image": "x", "resources": {"limits": limits}}]}
    if "nodeSelector" in spec:
        wanted["nodeSelector"] = spec["nodeSelector"]
    if "matchFields" in spec:
        terms = {"nodeSelectorTerms": [{"matchFields": spec["matchFields"]}]}
        wanted["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    await pods.create("large", **wanted)
    told = f"0/4 nodes are available: {message} {PREEMPTION} 4 Preemption is not helpful for scheduling."
    assert await pods.until_told("large") == ("Unschedulable", told)


async def test_a_pod_that_waits_for_room_is_bound_when_another_leaves(pods: Pods) -> None:
    large = {"containers": [{"name": "main", "image": "x", "resources": {"limits": {"cpu": "60"}}}]}
    for number in range(4):
        await pods.create(f"there-{number}", **large)
    places = {await pods.until_bound(f"there-{number}") for number in range(4)}
    assert places == set(NODES)
    await pods.create("waiting", **large)
    await pods.until_told("waiting")
    left = await pods.until_bound("there-1")
    await pods.delete("there-1")
    assert await pods.until_bound("waiting") == left


async def test_a_small_pod_goes_to_the_emptiest_node(pods: Pods) -> None:
    def asking(cpu: str) -> dict[str, Any]:
        return {"containers": [{"name": "main", "image": "x", "resources": {"limits": {"cpu": cpu}}}]}

    for number, cpu in enumerate(("40", "30", "20")):
        await pods.create(f"there-{number}", nodeName=NODES[number], **asking(cpu))
    await asyncio.sleep(0.3)  # all schedulers have seen them
    await pods.create("small", **asking("1"))
    assert await pods.until_bound("small") == "gpu-03"
