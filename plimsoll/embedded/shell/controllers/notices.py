"""What do the controllers tell a person? Events, in the names of kube-controller-manager's controllers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kube.events import EventWriter, Notice
from kube.objects import ObjectReference
from plimsoll.embedded.core import kinds

if TYPE_CHECKING:
    from kube.client import Api
    from plimsoll.embedded.core.controllers.view import View
    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object

DEPLOYMENTS, REPLICA_SETS, BUDGETS = "deployment-controller", "replicaset-controller", "controllermanager"


class Notices:
    """Writes Events about objects; none into a namespace that is ending, which takes none."""

    def __init__(self, api: Api, view: View) -> None:
        self._view = view
        self._writers = {name: EventWriter(api, name) for name in (DEPLOYMENTS, REPLICA_SETS, BUDGETS)}

    def tell(  # noqa: PLR0913  an Event has these parts
        self, component: str, kind: Kind, thing: Object, reason: str, message: str, *, warning: bool = False
    ) -> None:
        """Write an Event about an object."""
        meta = thing["metadata"]
        namespace = self._view.named(kinds.NAMESPACES, "", meta["namespace"])
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        about = ObjectReference(
            api_version=kind.api_version,
            kind=kind.name,
            namespace=meta["namespace"],
            name=meta["name"],
            uid=meta["uid"],
        )
        self._writers[component].write(Notice(about, reason, message, "Warning" if warning else "Normal"))

    async def run(self) -> None:
        """Write without end."""
        async with asyncio.TaskGroup() as group:
            for writer in self._writers.values():
                group.create_task(writer.run())
