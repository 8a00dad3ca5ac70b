"""Where do the claims about scheduling hold? Where the scheduler named plimsoll asks an extender of the test."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from kube.client import Api
from plimsoll.embedded import EmbeddedCluster
from tests.contract.scheduler.extending import RecordingExtender
from tests.contract.scheduler.scheduled import Pods

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from deploy.local import LocalCluster


@pytest.fixture
async def extender(request: pytest.FixtureRequest, on_real: bool) -> AsyncIterator[RecordingExtender]:  # noqa: FBT001
    """What the scheduler named plimsoll asks."""
    port = 0
    if on_real:
        cluster: LocalCluster = request.getfixturevalue("cluster")
        if cluster.pid("extender") is not None:
            cluster.stop("extender")
        port = cluster.addresses.ports["extender"]
    async with RecordingExtender(port) as running:
        yield running


@pytest.fixture
async def api(
    request: pytest.FixtureRequest,
    on_real: bool,  # noqa: FBT001
    extender: RecordingExtender,
) -> AsyncIterator[Api]:
    """The admin's connection to a cluster whose scheduler asks this extender."""
    async with AsyncExitStack() as stack:
        if on_real:
            kubeconfig = request.getfixturevalue("cluster").admin_kubeconfig
        else:
            embedded = EmbeddedCluster(nodes=4, gpus_per_node=4, extender_url=extender.url)
            kubeconfig = (await stack.enter_async_context(embedded)).admin_kubeconfig
        extender.api = await Api.connect(kubeconfig)
        yield extender.api
        await extender.api.close()


@pytest.fixture
async def pods(api: Api, namespace: str, extender: RecordingExtender, on_real: bool) -> Pods:  # noqa: FBT001
    """The pods of the test; the scheduler has seen everything that was before."""
    created = Pods(api, namespace, extender)
    if on_real:
        # Pods of earlier tests may be going still, and each that goes has rejected ones tried again. The scheduler
        # hears of pods in their order: when it speaks of this one, which suits no node, it has heard of those.
        await created.create("last-of-before", schedulerName="plimsoll", nodeSelector={"no-such": "node"})
        await created.until_told("last-of-before")
    return created
