"""Whatever happens, in whatever order, no device is given twice and nobody waits for room that is there.

The extender as it is, an API server, controllers and a scheduler: `--seed` chooses another story, `--operations` a
longer one. A failure tells what happened before it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from extender.core import binding
from extender.core.inventory.gpus import gpus_of
from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode
from extender.core.packing.packer import Packer
from extender.shell.cluster import seen_pod
from extender.shell.inventory import facts
from kube.gpus import Malformed, Unmapped
from plimsoll.embedded import EmbeddedCluster
from tests.story.operations import Story
from tests.story.programs import a_listener, url_of

if TYPE_CHECKING:
    from extender.app import Extender
    from extender.shell.pods import Pod
    from kube.gpus import Placement
    from kube.objects import Node


REST_S = 30.0  # longer than the longest back-off, and than the extender needs to settle a Binding


@pytest.fixture(autouse=True)
def quickly_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no Binding be waited for longer than this API server may take."""
    monkeypatch.setattr(binding, "SETTLING_S", 1.0)


async def test_no_device_is_given_twice_and_nobody_waits_in_vain(pytestconfig: pytest.Config) -> None:
    seed, operations = pytestconfig.getoption("seed"), pytestconfig.getoption("operations")
    with a_listener() as listener:
        async with EmbeddedCluster(nodes=4, gpus_per_node=4, extender_url=url_of(listener), seed=seed) as cluster:
            story = Story(cluster, listener, random.Random(seed))  # noqa: S311  a story, not a secret
            try:
                await story.begin()
                for _ in range(operations):
                    await story.one()
                    assert fullest(await story.pods()) <= 1000
                story.told.append("all is well again")
                cluster.faults.clear()
                await at_rest(story)
            except AssertionError as error:
                told = "\n".join(story.told[-40:])
                raise AssertionError(
                    f"{error}\n--- seed {seed}, after {len(story.told)} operations:\n{told}"
                ) from error
            finally:
                await story.extender_ends()


async def at_rest(story: Story) -> None:
    """Wait until every pod that fits is placed, and the extender knows of each pod what the API server knows."""
    ends = time.monotonic() + REST_S
    while True:
        pods = await story.pods()
        assert fullest(pods) <= 1000
        vain = waiting_in_vain(pods, await story.nodes())
        busy = story.cluster.busy()
        unknown = unknown_to(story.extender, pods)
        if not vain and not busy and not unknown:
            break
        waiting = f"waiting {vain}, busy {busy}, not as the extender has it {unknown}"
        assert time.monotonic() < ends, f"{REST_S:g} s after the last operation: {waiting}"
        await asyncio.sleep(0.02)


def unknown_to(extender: Extender | None, pods: list[Pod]) -> set[str]:
    """Return the UIDs of pods that are placed and not held, or held and not placed."""
    assert extender is not None
    bound = {pod.metadata.uid for pod in pods if placed(pod) is not None}
    held = {holding.pod.uid for holding in extender.scheduling.ledger.holdings() if holding.state is State.BOUND}
    return bound ^ held


def placed(pod: Pod) -> Placement | None:
    """Return what a bound pod was given."""
    return seen_pod(pod).placed if pod.spec.node_name else None


def fullest(pods: list[Pod]) -> int:
    """Return the milli-GPU given on the fullest device, as the pods' own annotations say."""
    given: Counter[tuple[str, str]] = Counter()
    for pod in pods:
        placement = placed(pod)
        if placement is not None:
            given.update({(pod.spec.node_name, device): int(placement.milli) for device in placement.devices})
    return max(given.values(), default=0)


def waiting_in_vain(pods: list[Pod], nodes: list[Node]) -> list[str]:
    """Return the pods that have no node although one has room for them, by a ledger of our own."""
    ledger = Ledger()
    for node in nodes:
        known = gpus_of(facts(node, (), 0.0), 0.0, enforcement_required=False)
        if isinstance(known, GpuNode):
            ledger.put_node(known)
    open_nodes = [node.metadata.name for node in nodes if not node.spec.unschedulable]
    for pod in pods:
        placement = placed(pod)
        if placement is not None:
            key = seen_pod(pod).key
            ledger.hold(Holding(key, pod.spec.node_name, placement.devices, placement.milli, State.BOUND))
    waiting = [seen for pod in pods if not (seen := seen_pod(pod)).node and pod.metadata.deletion_timestamp is None]
    return [
        seen.key.name
        for seen in waiting
        if seen.request is not None
        and not isinstance(seen.request, Malformed | Unmapped)
        and Packer(ledger).choose(seen.shape(), open_nodes) is not None
    ]
