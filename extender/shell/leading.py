"""May this extender act? Where it has the right, nobody before it may act any more, and it has listed everything since.

Whoever follows keeps its ledger by the same watches, so that a take-over is one more list.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from kube.client import ApiError
from kube.followed_lease import FollowedLease
from kube.lease import Alone, Lease
from kube.outage import Outage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from kube.client import Api
    from kube.lease import Right

_log = logging.getLogger("extender")

LEASE = "plimsoll-extender"
"""The Lease of extenders that no kube-scheduler runs beside; it stands in our namespace."""

UNLISTED = "the ledger is not built yet: nodes and pods are still being listed"

_LOOK_S = 0.05
_AGAIN_S = 2.0  # after a list that failed: each is of all pods and nodes


def right_of(flags: argparse.Namespace, api: Api) -> Right | Alone:
    """Return the right to act that the flags ask for."""
    if flags.follow_lease:
        return FollowedLease(api, *flags.follow_lease)
    return Lease(api, flags.namespace, LEASE) if flags.leader_elect else Alone()


class Leading:
    """Takes over whenever the right is ours anew, by `list_anew`; wants it once `listed` tells that everything is.

    `took_over` hears of each time.
    """

    def __init__(
        self,
        right: Right | Alone,
        list_anew: Callable[[], Awaitable[None]],
        listed: Callable[[], bool],
        took_over: Callable[[], None],
    ) -> None:
        self._right = right
        self._list_anew = list_anew
        self._listed = listed
        self._took_over = took_over
        self._term = 0
        self._outage = Outage("the list of nodes and pods", "no verb is answered: others may have bound pods", _log)

    def left_s(self) -> float:
        """Return for how many seconds we may still act, 0 where we may not."""
        return self._right.left_s() if self._term == self._right.term else 0.0

    def leads(self) -> bool:
        """Tell whether we may act at this moment."""
        return self.left_s() > 0

    def refusal(self) -> str:
        """Return why we may not act, "" where we may."""
        if not self._listed():
            return UNLISTED
        if self.leads():
            return ""
        if not self._right.may_write():
            return f"follows: {self._right.holder or 'nobody yet'} leads, and no other may place pods"
        if (left_s := self._right.others_s()) > 0:
            return f"takes over in {left_s:.1f} s: a Binding of who led before may arrive until then"
        return "takes over: nodes and pods are being listed anew"

    def unready(self) -> str:
        """Return why callers should not come here, "" where they should.

        A neighbour calls us whoever leads, and a pod of it is well; all others are to find the one that leads.
        """
        beside = isinstance(self._right, FollowedLease)
        return ("" if self._listed() else UNLISTED) if beside else self.refusal()

    async def run(self) -> None:
        """Want the right once everything is listed, and take over, without end."""
        # Whoever cannot list yet must not keep the lease from one that could.
        while not self._listed():  # noqa: ASYNC110  several watches make it true
            await asyncio.sleep(_LOOK_S)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._right.run())
            tasks.create_task(self._take_over())

    async def _take_over(self) -> None:
        while True:
            if self._right.may_write() and self._term != self._right.term:
                await self._begin(self._right.term)
            await asyncio.sleep(_LOOK_S)

    async def _begin(self, term: int) -> None:
        await asyncio.sleep(self._right.others_s())
        if self._right.others_s() > 0:
            return
        try:
            # Asked for when no Binding of anybody else can arrive any more: what is not in it will never be.
            await self._list_anew()
        except ApiError as error:
            self._outage.hear(error)
            await asyncio.sleep(_AGAIN_S)
            return
        self._outage.hear(None)
        self._term = term
        if self.leads():
            self._took_over()
            _log.info("took over: places pods from now on", extra={"term": term})
