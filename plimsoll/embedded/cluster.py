"""How is the embedded cluster put together? API server, controllers and schedulers on the loop that runs already.

```python
async with EmbeddedCluster(nodes=4, gpus_per_node=4, extender_url="http://127.0.0.1:8900") as cluster:
    api = await cluster.connect()
```
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import socket
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from deploy.local import configurations, manifests, nodes
from deploy.local.kubeconfigs import write_kubeconfig
from deploy.local.places import DEPLOY
from kube.client import Api
from kube.http import server_of
from plimsoll.embedded.core.rules.priorities import SYSTEM
from plimsoll.embedded.shell.controllers.controllers import Controllers
from plimsoll.embedded.shell.direct import DirectApi
from plimsoll.embedded.shell.faults import Faults
from plimsoll.embedded.shell.http import Asgi
from plimsoll.embedded.shell.scheduling.scheduler import Scheduler
from plimsoll.embedded.shell.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_SYSTEM_CLASSES = {
    "system-node-critical": "Used for system critical pods that must not be moved from their current node.",
    "system-cluster-critical": (
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
    ),
}
# Who may do what, and the admission policy, which is built in: the embedded cluster has neither kind.
_LEFT_OUT = {
    "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding",
    "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
}  # fmt: skip
_POLL_S = 0.005


class EmbeddedCluster:
    """A small Kubernetes cluster in this process; nothing of it is left after the `async with` block.

    `extender_url` is where the scheduler named "plimsoll" finds its extender; without one there is no such scheduler.
    `seed` decides names, UIDs and ties. `faults` says what goes wrong between the API server and its HTTP clients.
    """

    def __init__(  # noqa: PLR0913  what a cluster is made of, all by name
        self,
        *,
        nodes: int = 4,
        gpus_per_node: int = 4,
        gpu_product: str = "NVIDIA-A100-SXM4-80GB",
        gpu_memory_mib: int = 81_920,
        extender_url: str | None = None,
        seed: int = 0,
    ) -> None:
        self._nodes = (nodes, gpus_per_node, gpu_product, gpu_memory_mib)
        self._extender_url = extender_url
        self._seed = seed
        self._serving = Serving(random.Random(seed))  # noqa: S311  names of objects, no secrets
        self._token = secrets.token_urlsafe(24)
        self.faults = Faults()
        self.api: Api = DirectApi(self._serving, "kubectl")
        """The admin's way to the API server, without a socket."""
        self._stack = contextlib.AsyncExitStack()  # what is up, to be ended in turn

    async def __aenter__(self) -> Self:
        """Bring everything up; return when the nodes are ready."""
        async with contextlib.AsyncExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plimsoll-embedded-")))
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self.admin_kubeconfig = directory / "admin.kubeconfig"
            self.write_kubeconfig(self.admin_kubeconfig, user="admin")
            server = server_of(Asgi(self._serving, self._token, self.faults))
            await stack.enter_async_context(server.serving(listener))
            stack.callback(self._serving.close)
            await self._create_objects()
            self.controllers = Controllers(DirectApi(self._serving, "kube-controller-manager"), seed=self._seed)
            self.schedulers = {
                configuration["profiles"][0]["schedulerName"]: Scheduler(
                    DirectApi(self._serving, "kube-scheduler"), configuration, seed=self._seed
                )
                for configuration in self._scheduler_configurations()
            }
            self._parts = {name: asyncio.create_task(part.run()) for name, part in self._running().items()}
            for task in self._parts.values():
                stack.push_async_callback(_end, task)
            await self._until_nodes_are_ready()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        """End everything."""
        await self._stack.aclose()

    async def connect(self) -> Api:
        """Return a connection of the admin over HTTP; the caller closes it."""
        return await Api.connect(self.admin_kubeconfig)

    def write_kubeconfig(self, path: Path, *, user: str) -> None:
        """Write a kubeconfig for `user`; everybody may do everything here."""
        write_kubeconfig(path, server=self.url, certificate_authority=None, user=user, token=self._token)

    def busy(self) -> list[str]:
        """Return the parts that have something left to do now."""
        return [name for name, part in self._running().items() if not part.settled()]

    def ended(self) -> list[str]:
        """Return the parts that have ended by themselves: each is a defect."""
        return [name for name, task in self._parts.items() if task.done()]

    def compact(self) -> None:
        """Forget the past, as etcd does every five minutes."""
        self._serving.server.compact()

    def restart_api_server(self) -> None:
        """Cut every watch and forget the past, as a restart of the API server does; objects stay."""
        self.compact()
        self._serving.cut_watches()

    def _running(self) -> dict[str, Controllers | Scheduler]:
        return {"controllers": self.controllers, **self.schedulers}

    def _scheduler_configurations(self) -> Iterator[dict[str, Any]]:
        nowhere = self.admin_kubeconfig  # named in the files of the real programs; here nobody reads it
        yield configurations.default_scheduler(kubeconfig=nowhere)
        if self._extender_url is not None:
            yield configurations.own_scheduler(kubeconfig=nowhere, extender_url=self._extender_url)

    async def _create_objects(self) -> None:
        for name in _NAMESPACES:
            await self.api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
        for name, value in SYSTEM.items():
            body = {"metadata": {"name": name}, "value": value, "description": _SYSTEM_CLASSES[name]}
            await self.api.request("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", body=body)
        await manifests.apply(self.api, _shipped())
        count, gpus, product, memory_mib = self._nodes
        width = max(2, len(str(count - 1)))
        names = [f"gpu-{number:0{width}}" for number in range(count)]
        made = [nodes.gpu_node(name, gpus=gpus, product=product, memory_mib=memory_mib) for name in names]
        await nodes.create(self.api, made)

    async def _until_nodes_are_ready(self) -> None:
        while not self.controllers.settled():  # noqa: ASYNC110  it is this loop that makes them ready
            await asyncio.sleep(_POLL_S)


@cache
def _shipped() -> list[dict[str, Any]]:
    """Return the manifests of deploy/ that have a meaning here."""
    shipped = manifests.load(DEPLOY / "base" / "kustomization.yaml")
    return manifests.without_processes(each for each in shipped if each["kind"] not in _LEFT_OUT)


async def _end(task: asyncio.Task[None]) -> None:
    """End a part of the cluster; what it failed with is raised."""
    if not task.done():
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
