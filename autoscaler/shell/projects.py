"""Which project does each namespace belong to? Its label, followed as long as we may list namespaces.

Without that right pods count for the project of their own label, or for none: it is told once, and tried again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from autoscaler.shell.cluster import PROJECT
from kube.objects import Namespace
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch

if TYPE_CHECKING:
    from autoscaler.core.targets.holdings import Holdings
    from kube.client import Api, ApiError

_log = logging.getLogger("autoscaler")

_NOT_FOR_US = (403, 404, 405)
_AGAIN_S = 60.0


class _NotForUs(Exception):  # noqa: N818  the server's word, not our error
    """Namespaces cannot be listed by us."""


async def follow_projects(api: Api, holdings: Holdings) -> None:
    """Keep the projects of namespaces up to date, without end."""
    outage = Outage("the list of namespaces", "their projects stay as they were", _log)
    told = ""

    def hear(error: ApiError | None) -> None:
        if error is not None and error.status in _NOT_FOR_US:
            raise _NotForUs(error.message)
        outage.hear(error)

    while True:
        try:
            async for change in watch(api, "/api/v1/namespaces", Namespace, on_trouble=hear):
                match change:
                    case Relisted(found):
                        holdings.only_projects({one.metadata.name: _project(one) for one in found})
                        told = ""
                    case Put(one):
                        holdings.put_project(one.metadata.name, _project(one))
                    case Gone(one):
                        holdings.put_project(one.metadata.name, "")
        except _NotForUs as refusal:
            if told != str(refusal):
                told = str(refusal)
                _log.warning("namespaces cannot be listed: GPU-minutes count for the projects of pods' own labels",
                             extra={"error": told})  # fmt: skip
        await asyncio.sleep(_AGAIN_S)


def _project(namespace: Namespace) -> str:
    return (namespace.metadata.labels or {}).get(PROJECT, "")
