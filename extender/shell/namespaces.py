"""What do the labels of namespaces say? Whose pods admission makes ours, and which project is chosen for them.

As long as namespaces are not listed, or we may not list them, nobody's pods are said not to be ours.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from extender.core.quota.projects import LABEL
from kube.objects import Namespace
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kube.client import Api

MANAGED = ("plimsoll.dev/managed", "true")

_log = logging.getLogger("extender")


class Namespaces:
    """The namespaces' labels as the API server shows them; `take` hears what those of projects say.

    It is handed the project of each namespace that has the label, whenever one of them changes.
    """

    def __init__(self, api: Api, take: Callable[[Mapping[str, str]], None] = lambda _: None) -> None:
        self._api = api
        self._take = take
        self._managed: set[str] | None = None
        self._projects: dict[str, str] = {}
        self._outage = Outage("the list of namespaces", "those known last count as managed; without any, all", _log)

    async def run(self) -> None:
        """Follow namespaces, without end."""
        async for change in watch(self._api, "/api/v1/namespaces", Namespace, on_trouble=self._outage.hear):
            projects = dict(self._projects)
            match change:
                case Relisted(namespaces):
                    self._managed = {one.metadata.name for one in namespaces if _is_managed(one)}
                    projects = {one.metadata.name: _project(one) for one in namespaces if _project(one)}
                case Put(namespace) if self._managed is not None:
                    name = namespace.metadata.name
                    (self._managed.add if _is_managed(namespace) else self._managed.discard)(name)
                    projects[name] = _project(namespace)
                case Gone(namespace) if self._managed is not None:
                    self._managed.discard(namespace.metadata.name)
                    projects.pop(namespace.metadata.name, None)
            projects = {name: project for name, project in projects.items() if project}
            if projects != self._projects:
                self._projects = projects
                self._take(projects)

    @property
    def listed(self) -> bool:
        """Whether the namespaces are known."""
        return self._managed is not None

    def refusal(self, namespace: str) -> str:
        """Return why we place no pod of a namespace, "" where we do; no namespace is any."""
        if not namespace or self._managed is None or namespace in self._managed:
            return ""
        return f"namespace {namespace}: Plimsoll places pods only where the namespace is labelled {'='.join(MANAGED)}"


def _is_managed(namespace: Namespace) -> bool:
    return (namespace.metadata.labels or {}).get(MANAGED[0]) == MANAGED[1]


def _project(namespace: Namespace) -> str:
    return (namespace.metadata.labels or {}).get(LABEL, "")
