"""How does a program act under the Lease of its neighbour, which another takes and renews? It looks; it writes nothing.

`following` says what the looks give; the clock is the one of `lease`.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from kube import following
from kube.following import Follower
from kube.lease import Right, now_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from kube.client import Api


class FollowedLease(Right):
    """The Lease of the kube-scheduler that runs on this host: in a pod, beside us."""

    def __init__(
        self, api: Api, namespace: str, name: str, *, host: str = "", clock: Callable[[], float] = now_s
    ) -> None:
        super().__init__(api, namespace, name, clock)
        self._me = Follower(host or socket.gethostname())

    @property
    def _standing(self) -> Follower:
        return self._me

    async def run(self) -> None:
        """Look again and again, without end."""
        try:
            while True:
                await self._hear(self._step())
                self._tell()
                await asyncio.sleep(following.LOOK_S)
        finally:
            self._ended = True

    async def _step(self) -> None:
        asked_s = self._clock()
        found = await self._look()
        self._me = following.looked(self._me, found, asked_s, self._clock())
