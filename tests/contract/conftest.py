"""Where do the claims hold? On an embedded cluster of their own, or with `--cluster real` on the real control plane.

Both have four nodes of four GPUs, "gpu-00" to "gpu-03", a scheduler named default-scheduler, and Plimsoll's manifests.
"""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import yaml

from kube.client import Api
from plimsoll.embedded import EmbeddedCluster
from tests.contract.wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from deploy.local import LocalCluster

REAL = "real"


@pytest.fixture
def on_real(pytestconfig: pytest.Config) -> bool:
    """Whether this is the real control plane."""
    return bool(pytestconfig.getoption("cluster") == REAL)


@pytest.fixture
async def admin_kubeconfig(request: pytest.FixtureRequest, on_real: bool) -> AsyncIterator[Path]:  # noqa: FBT001
    """The kubeconfig of somebody who may do everything."""
    async with AsyncExitStack() as stack:
        if on_real:
            cluster: LocalCluster = request.getfixturevalue("cluster")
            yield cluster.admin_kubeconfig
        else:
            yield (await stack.enter_async_context(EmbeddedCluster(nodes=4, gpus_per_node=4))).admin_kubeconfig


@pytest.fixture
async def api(admin_kubeconfig: Path) -> AsyncIterator[Api]:
    """The admin's connection."""
    connected = await Api.connect(admin_kubeconfig)
    yield connected
    await connected.close()


@pytest.fixture
def wire(admin_kubeconfig: Path, namespace: str) -> Wire:
    """The admin's way to the API server without a client library between."""
    return Wire(yaml.safe_load(admin_kubeconfig.read_text()), namespace)


@pytest.fixture
async def namespace(api: Api) -> AsyncIterator[str]:
    """A fresh namespace that has not opted in."""
    async with _namespace(api, {}) as name:
        yield name


@pytest.fixture
async def managed_namespace(api: Api) -> AsyncIterator[str]:
    """A fresh namespace that has opted in."""
    async with _namespace(api, {"plimsoll.dev/managed": "true"}) as name:
        yield name


@pytest.fixture
async def knative_namespace(api: Api) -> AsyncIterator[str]:
    """A fresh namespace that has opted in, and whose Knative revisions are gangs."""
    async with _namespace(api, {"plimsoll.dev/managed": "true", "plimsoll.dev/knative-gangs": "true"}) as name:
        yield name


@asynccontextmanager
async def _namespace(api: Api, labels: dict[str, str]) -> AsyncIterator[str]:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name, "labels": labels}})
    yield name
    await api.request("DELETE", f"/api/v1/namespaces/{name}")
    # The namespace goes on its own time; its pods must not hold room that the next test needs.
    await api.request("DELETE", f"/api/v1/namespaces/{name}/pods", query={"gracePeriodSeconds": "0"})
