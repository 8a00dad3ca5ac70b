"""Whose pods does admission make ours? Those of the namespaces that are labelled as managed, followed.

As long as namespaces are not listed, or we may not list them, nobody's pods are said not to be ours.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kube.objects import Namespace
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch

if TYPE_CHECKING:
    from kube.client import Api

MANAGED = ("plimsoll.dev/managed", "true")

_log = logging.getLogger("extender")


class Namespaces:
    """Which namespaces are managed, as the API server shows them."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._managed: set[str] | None = None
        self._outage = Outage("the list of namespaces", "those known last count as managed; without any, all", _log)

    async def run(self) -> None:
        """Follow namespaces, without end."""
        async for change in watch(self._api, "/api/v1/namespaces", Namespace, on_trouble=self._outage.hear):
            match change:
                case Relisted(namespaces):
                    self._managed = {one.metadata.name for one in namespaces if _is_managed(one)}
                case Put(namespace) if self._managed is not None:
                    name = namespace.metadata.name
                    (self._managed.add if _is_managed(namespace) else self._managed.discard)(name)
                case Gone(namespace) if self._managed is not None:
                    self._managed.discard(namespace.metadata.name)

    def refusal(self, namespace: str) -> str:
        """Return why we place no pod of a namespace, "" where we do; no namespace is any."""
        if not namespace or self._managed is None or namespace in self._managed:
            return ""
        return f"namespace {namespace}: Plimsoll places pods only where the namespace is labelled {'='.join(MANAGED)}"


def _is_managed(namespace: Namespace) -> bool:
    return (namespace.metadata.labels or {}).get(MANAGED[0]) == MANAGED[1]
