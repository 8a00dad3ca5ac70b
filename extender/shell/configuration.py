"""How does a ConfigMap of ours come into force? What is wrong with it is told, and it changes nothing then."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from extender.config.cluster import settings
from extender.config.projects import projects
from extender.core.quota.projects import Projects
from extender.core.settings import Settings
from kube.config_maps import follow, reference
from kube.events import Notice, in_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kube.client import Api
    from kube.events import EventWriter
    from kube.objects import ConfigMap
    from kube.problem import Problem

_log = logging.getLogger("extender")

Value = TypeVar("Value")

_IN_FORCE = "; what was in force stays in force"


@dataclass(frozen=True, slots=True)
class Map(Generic[Value]):
    """A ConfigMap: its name, what is in force without it, and how its data are read."""

    name: str
    default: Value
    read: Callable[[Mapping[str, str]], tuple[Value, tuple[Problem, ...]]]


SETTINGS = Map("config-extender", Settings(), settings)
PROJECTS = Map("config-projects", Projects(), projects)


class Configuration(Generic[Value]):
    """Follows a map in one namespace and hands each new state of what it says to `take`."""

    def __init__(
        self, api: Api, namespace: str, events: EventWriter, followed: Map[Value], take: Callable[[Value], None]
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._events = events
        self._map = followed
        self._take = take
        self._in_force = followed.default
        self._told: tuple[Problem, ...] = ()
        self.listed = False
        """Whether the map was looked for yet."""

    @property
    def problems(self) -> int:
        """How many values of the map as it is break their rules."""
        return len(self._told)

    async def run(self) -> None:
        """Follow the map, without end."""
        await follow(self._api, self._namespace, self._map.name, take=self._seen, drop=self._gone)

    def _seen(self, found: ConfigMap) -> None:
        self.listed = True
        read, problems = self._map.read(found.data or {})
        if problems and problems != self._told:
            for message in in_messages(map(str, problems), _IN_FORCE):
                self._events.write(Notice(reference(found), "BadConfiguration", message, "Warning"))
            _log.warning(
                "configuration refused", extra={"map": self._map.name, "problems": [str(each) for each in problems]}
            )
        self._told = problems
        if not problems:
            self._put(read, "configuration taken over")

    def _gone(self) -> None:
        self.listed = True
        self._told = ()
        self._put(self._map.default, "there is no such map: the built-in defaults are in force")

    def _put(self, now: Value, sentence: str) -> None:
        if now != self._in_force:
            self._in_force = now
            self._take(now)
            _log.info(sentence, extra={"map": self._map.name, "settings": str(now)})
