"""What may be asked of every test run, and which clusters stand ready: an embedded one a test, one real one for all."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from deploy.local import ClusterSpec, LocalCluster
from plimsoll.embedded import EmbeddedCluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from kube.client import Api

# How long an example takes is the machine's business: no test is about time.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write what the scenarios give into their files")
    parser.addoption(
        "--cluster",
        choices=("embedded", "real"),
        default="embedded",
        help="where the contract tests run (tests/contract)",
    )
    parser.addoption("--seed", type=int, default=1, help="of the random story (tests/story), of random pods (e2e)")
    parser.addoption("--operations", type=int, default=1000, help="how long the random story is")


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """Give back what a program takes for itself of the process that it starts in: its log, and when garbage goes."""
    root = logging.getLogger()
    level, handlers, threshold = root.level, root.handlers[:], gc.get_threshold()
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    gc.set_threshold(*threshold)


@pytest.fixture
async def embedded() -> AsyncIterator[EmbeddedCluster]:
    """An embedded cluster of two nodes with two GPUs each, whose scheduler knows no extender."""
    async with EmbeddedCluster(nodes=2, gpus_per_node=2) as cluster:
        yield cluster


@pytest.fixture
async def api(embedded: EmbeddedCluster) -> AsyncIterator[Api]:
    """The admin's connection to it, over HTTP."""
    connected = await embedded.connect()
    yield connected
    await connected.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """A real control plane with 4 nodes of 4 GPUs; neither the extender nor the autoscaler runs yet."""
    with LocalCluster.start(ClusterSpec(name="e2e", nodes=4, gpus_per_node=4), progress=print) as running:
        yield running
