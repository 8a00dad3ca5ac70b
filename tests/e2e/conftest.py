"""What do the end-to-end tests run in? A fresh namespace for each, on the real control plane of tests/conftest.py.

After each of them no program of ours may have met a defect of its own.
"""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local import nodes
from deploy.local.places import clusters_directory
from kube.client import ApiError
from tests.e2e.logs import Logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.local import LocalCluster
    from kube.client import Api


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    """What our programs log: those of clusters, and those that tests start beside them."""
    return Logs((clusters_directory(), "e2e*/logs/*.log"), (tmp_path_factory.getbasetemp(), "**/*.log"))


@pytest.fixture(autouse=True)
def no_defect(logs: Logs) -> Iterator[None]:
    """Look, when a test and its clean-up are over, for defects that our programs met: they go on after one."""
    yield
    assert logs.defects() == []


@pytest.fixture
def add_nodes(cluster: LocalCluster) -> Iterator[Callable[[int, int], None]]:
    """Give what adds so many nodes with so many GPUs each; they go afterwards."""
    names: list[str] = []
    spec = cluster.spec

    def add(count: int, gpus: int) -> None:
        made = [f"more-{number}" for number in range(len(names), len(names) + count)]
        names.extend(made)
        product, memory = spec.gpu_product, spec.gpu_memory_mib
        more = [nodes.gpu_node(name, gpus=gpus, product=product, memory_mib=memory) for name in made]
        cluster.call(lambda api: nodes.create(api, more))

    yield add

    async def remove(api: Api) -> None:
        for name in names:
            with contextlib.suppress(ApiError):  # a test may have deleted it
                await api.request("DELETE", f"/api/v1/nodes/{name}")

    cluster.call(remove)


@pytest.fixture
def managed_namespace(cluster: LocalCluster) -> Iterator[str]:
    """A new namespace that opted in."""
    yield from _namespace(cluster, {"plimsoll.dev/managed": "true"})


@pytest.fixture
def plain_namespace(cluster: LocalCluster) -> Iterator[str]:
    """A new namespace that did not opt in."""
    yield from _namespace(cluster, {})


def _namespace(cluster: LocalCluster, labels: dict[str, str]) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"

    async def create(api: Api) -> None:
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        await api.request("POST", "/api/v1/namespaces", body=body)

    async def delete(api: Api) -> None:
        await api.request("DELETE", f"/api/v1/namespaces/{name}")
        # The namespace goes on its own time; its pods must not hold GPUs of the next test. None can come any more.
        path, query = f"/api/v1/namespaces/{name}/pods", {"gracePeriodSeconds": "0"}
        await api.request("DELETE", path, query=query, timeout_s=60.0)  # hundreds, on a busy machine

    cluster.call(create)
    yield name
    cluster.call(delete)
