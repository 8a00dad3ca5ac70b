"""How is one ConfigMap followed? Each state of it is handed over, and also that there is none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kube.objects import ConfigMap, ObjectReference
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from kube.client import Api

_log = logging.getLogger(__name__)


async def follow(
    api: Api, namespace: str, name: str, *, take: Callable[[ConfigMap], None], drop: Callable[[], None]
) -> None:
    """Call `take` with every state of a map, and `drop` where there is none, without end."""
    path, query = f"/api/v1/namespaces/{namespace}/configmaps", {"fieldSelector": f"metadata.name={name}"}
    outage = Outage(name, "the last good configuration stays in force", _log)
    async for change in watch(api, path, ConfigMap, query=query, on_trouble=outage.hear):
        match change:
            case Relisted(objects):
                for found in objects:
                    take(found)
                if not objects:
                    drop()
            case Put(found):
                take(found)
            case Gone(_):
                drop()


def reference(found: ConfigMap) -> ObjectReference:
    """Return what an Event about a ConfigMap points at."""
    meta = found.metadata
    return ObjectReference(api_version="v1", kind="ConfigMap", namespace=meta.namespace, name=meta.name, uid=meta.uid)
