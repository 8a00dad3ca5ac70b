"""How do our ConfigMaps come into force? A watch a map; what is wrong with one is told, and it changes nothing."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from autoscaler.config.in_force import AUTOSCALER_MAP, MAPS
from autoscaler.shell.announcer import BRAKED, HELD, IN_FORCE
from kube.config_maps import follow, reference

if TYPE_CHECKING:
    from autoscaler.config.in_force import InForce
    from autoscaler.shell.announcer import Announcer
    from kube.client import Api
    from kube.objects import ConfigMap

_log = logging.getLogger("autoscaler")


class Configuration:
    """Follows our ConfigMaps in one namespace; `uids` are theirs."""

    def __init__(self, api: Api, namespace: str, in_force: InForce, announcer: Announcer) -> None:
        self._api = api
        self._namespace = namespace
        self._in_force = in_force
        self._announcer = announcer
        self._unlisted = set(MAPS)
        self.uids: dict[str, str] = {}

    def unlisted(self) -> frozenset[str]:
        """Return which maps were not looked for yet."""
        return frozenset(self._unlisted)

    async def run(self) -> None:
        """Follow both maps, without end."""
        async with asyncio.TaskGroup() as tasks:
            for name in MAPS:
                taken, dropped = partial(self._take, name), partial(self._drop, name)
                tasks.create_task(follow(self._api, self._namespace, name, take=taken, drop=dropped))

    def _take(self, name: str, found: ConfigMap) -> None:
        self._unlisted.discard(name)
        self.uids[name] = found.metadata.uid
        before = self._in_force.age
        problems = self._in_force.put_map(name, found.data or {})
        braked = name == AUTOSCALER_MAP and self._in_force.braked
        meanwhile = HELD if self._in_force.unproven(name) else BRAKED if braked else IN_FORCE
        self._announcer.problems(reference(found), problems, meanwhile, one_of_many=False)
        if not problems and self._in_force.age != before:
            in_force = {"defaults": str(self._in_force.defaults), "deployment": str(self._in_force.deployment)}
            _log.info("configuration taken over", extra={"map": name, **in_force})

    def _drop(self, name: str) -> None:
        self._unlisted.discard(name)
        self.uids.pop(name, None)
        self._in_force.drop_map(name)
        _log.info("there is no such map: the built-in defaults are in force", extra={"map": name})
