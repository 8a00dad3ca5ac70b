"""How do these tests follow targets on an embedded cluster? As the program does, with the Events at hand."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from autoscaler.core.targets.inventory import Inventory
from autoscaler.core.targets.writers import Writers
from autoscaler.shell.scaling import Scaling
from autoscaler.shell.targets import Targets
from kube.client import MERGE_PATCH
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from autoscaler.core.targets.target import Sight, Target
    from autoscaler.core.targets.writing import Outcome
    from kube.client import Api
    from kube.events import Notice

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
REPLICA_SETS = "/apis/apps/v1/namespaces/default/replicasets"
LABEL = {"plimsoll.dev/autoscale": "true"}


@dataclass
class Following:
    """Everything that follows and writes, wired as in the program; `now_ms` stands still unless it is set."""

    api: Api
    inventory: Inventory = field(default_factory=Inventory)
    writers: Writers = field(default_factory=Writers)
    notices: list[Notice] = field(default_factory=list)
    now_ms: int = 1_000_000

    def __post_init__(self) -> None:
        self.targets = Targets(self.api, self.inventory, self.writers, self.notices.append, lambda: self.now_ms)
        self.scaling = Scaling(self.api, self.inventory, self.writers, self.notices.append, lambda: self.now_ms)

    def target(self, name: str) -> Target:
        return next(one for one in self.inventory.targets.values() if one.key.name == name)

    async def write(self, name: str, desired: int) -> Outcome:
        """Write a count over the one that is known."""
        target = self.target(name)
        return await self.scaling.write(target.key, target.replicas, desired)

    def sight(self, name: str) -> Sight | None:
        return next((one for one in self.inventory.sights().values() if one.name == name), None)

    def current(self, name: str) -> int | None:
        sight = self.sight(name)
        return None if sight is None else sight.current

    def ready(self, name: str) -> int:
        sight = self.sight(name)
        return -1 if sight is None else len(sight.ready)

    def holds(self) -> list[str]:
        return sorted(self.scaling.holds(lambda _: 60).values())

    def told(self) -> list[tuple[str, str]]:
        return [(notice.reason, notice.message) for notice in self.notices]


@asynccontextmanager
async def following(api: Api) -> AsyncIterator[Following]:
    """Follow the targets of a cluster until the block ends."""
    followed = Following(api)
    task = asyncio.create_task(followed.targets.run())
    try:
        await until(lambda: followed.targets.ready() or task.done())
        yield followed
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def replicated(
    name: str,
    replicas: int | None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    pod_labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return a Deployment or a ReplicaSet that wants to be autoscaled."""
    template = {
        "metadata": {"labels": {"app": name, **(pod_labels or {})}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    count = {} if replicas is None else {"replicas": replicas}
    meta = {"name": name, "labels": LABEL if labels is None else labels, "annotations": annotations or {}}
    return {"metadata": meta, "spec": {**count, "selector": {"matchLabels": {"app": name}}, "template": template}}


async def scale(api: Api, path: str, replicas: int, manager: str) -> None:
    """Set a count as another writer does."""
    body = {"spec": {"replicas": replicas}}
    query = {"fieldManager": manager}
    await api.request("PATCH", f"{path}/scale", body=body, query=query, content_type=MERGE_PATCH)


async def replicas_of(api: Api, path: str) -> int:
    """Return the count that stands there."""
    found: dict[str, Any] = msgspec.json.decode(await api.request("GET", path))
    return int(found["spec"]["replicas"])
