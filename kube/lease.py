"""How does a program hold a Lease? It looks, takes and renews (`election` says when), and says until when it may act.

A `Right` is what it then has, whoever's Lease that comes from (`followed_lease` is the other way). The clock is
CLOCK_BOOTTIME: it goes on while the process is stopped, and while the machine sleeps. What leads asks `may_write` as
late as it can, after every wait.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import time
import uuid
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from kube import election
from kube.client import ApiError
from kube.election import Candidate, Found
from kube.objects import Lease as LeaseObject
from kube.objects import LeaseSpec
from kube.outage import Outage
from kube.reading import decoded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kube.client import Api

_log = logging.getLogger(__name__)

_ABSENT, _CONFLICT = 404, 409
_REQUEST_S = 2.0  # a renewal that takes longer is asked for again, as long as the deadline lasts
_RELEASE_S = 1.0  # our end waits no longer for the lease to be given back


def now_s() -> float:
    """Return the time since boot in seconds, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Standing(Protocol):
    """What `election` and `following` know of a Lease."""

    @property
    def identity(self) -> str:
        """The name under which we lead."""

    @property
    def seen(self) -> Found | None:
        """The lease as it stood last."""

    @property
    def term(self) -> int:
        """How often we began to lead."""

    @property
    def others_until_s(self) -> float:
        """When nobody who led before us acts any more."""

    def leads_until_s(self) -> float | None:
        """Return until when we may act, None where we may not."""


class Right(ABC):
    """The right to act as the leader, by one Lease."""

    def __init__(self, api: Api, namespace: str, name: str, clock: Callable[[], float]) -> None:
        self._api = api
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self._clock = clock
        self._led = False
        self._ended = False
        self._outage = Outage(f"the lease {namespace}/{name}", "whoever cannot renew it writes nothing", _log)

    @property
    @abstractmethod
    def _standing(self) -> Standing:
        """What is known of the lease."""

    @abstractmethod
    async def run(self) -> None:
        """Look after the right, without end."""

    @property
    def identity(self) -> str:
        """The name under which we lead."""
        return self._standing.identity

    @property
    def holder(self) -> str:
        """Who held the lease when we looked last, "" for nobody."""
        seen = self._standing.seen
        return seen.holder if seen else ""

    @property
    def term(self) -> int:
        """How often we began to lead; in between others may have led."""
        return self._standing.term

    def left_s(self) -> float:
        """Return for how many seconds we may still act as the leader, 0 where we may not."""
        until_s = self._standing.leads_until_s()
        return 0.0 if until_s is None or self._ended else max(0.0, until_s - self._clock())

    def may_write(self) -> bool:
        """Tell whether we may act as the leader at this moment."""
        return self.left_s() > 0

    def others_s(self) -> float:
        """Return for how many seconds whoever led before us may still act, 0 where nobody may."""
        return max(0.0, self._standing.others_until_s - self._clock())

    async def _look(self) -> Found | None:
        """Return the lease as it stands, None where there is none.

        Raises:
            ApiError: the API server did not answer, said no, or said what is no Lease.
        """
        try:
            answer = await self._api.request("GET", f"{self._collection}/{self._name}", timeout_s=_REQUEST_S)
        except ApiError as error:
            if error.status == _ABSENT:
                return None
            raise
        return _found(answer)

    async def _hear(self, step: Awaitable[None]) -> None:
        """Take one step; a failure of it is told, and the next one comes."""
        try:
            await step
        except ApiError as error:
            self._outage.failed(error.message)
        else:
            self._outage.ended()

    def _tell(self) -> None:
        leads = self.may_write()
        if leads != self._led:
            said = "leads" if leads else "leads no more: writes nothing"
            _log.info(said, extra={"lease": self._name, "identity": self.identity, "holder": self.holder})
        self._led = leads


class Lease(Right):
    """One Lease that this process wants to hold under a name that no other process has."""

    def __init__(self, api: Api, namespace: str, name: str, *, clock: Callable[[], float] = now_s) -> None:
        super().__init__(api, namespace, name, clock)
        self._namespace = namespace
        self._me = Candidate(f"{socket.gethostname()}_{uuid.uuid4()}")
        self._acquired = ""

    @property
    def _standing(self) -> Candidate:
        return self._me

    async def run(self) -> None:
        """Want the lease, without end; when this is cancelled it is given back."""
        try:
            while True:
                began_s = self._clock()
                await self._step()
                self._tell()
                # No secret: candidates that began at once are to be kept apart.
                pause_s = election.pause_s(self._me, began_s, self._clock(), random.random())  # noqa: S311
                await asyncio.sleep(pause_s)
        finally:
            self._ended = True
            await self._release()

    async def _step(self) -> None:
        """Look where that is needed, and take or renew the lease where it is free."""
        await self._hear(self._tried())

    async def _tried(self) -> None:
        if not await self._try():
            # It stands otherwise than we thought, perhaps by a renewal of our own whose answer was lost.
            await self._try()

    async def _try(self) -> bool:
        """Do one step; tell whether the lease stood as it was thought to.

        Raises:
            ApiError: the API server did not answer, said no, or said what is no Lease.
        """
        if self._me.asked_s is None or self._me.seen is None:
            self._me = election.looked(self._me, await self._look(), self._clock())
        if election.free(self._me, self._clock()):
            try:
                await self._take()
            except ApiError as error:
                if error.status != _CONFLICT:
                    raise
                self._me = election.refused(self._me)
                return False
        return True

    async def _take(self) -> None:
        seen = self._me.seen
        asked_s, moment = self._clock(), _moment()
        renews = seen is not None and seen.holder == self._me.identity
        if not renews:
            self._acquired = moment
        spec = LeaseSpec(
            holder_identity=self._me.identity,
            lease_duration_seconds=round(self._me.timing.duration_s),
            acquire_time=self._acquired or moment,
            renew_time=moment,
            # A first holder is no transition, as client-go counts.
            lease_transitions=(seen.transitions + (not renews)) if seen is not None else 0,
        )
        answer = await self._put(spec, seen)
        self._me = election.took(self._me, _found(answer), asked_s, self._clock())

    async def _put(self, spec: LeaseSpec, seen: Found | None, timeout_s: float = _REQUEST_S) -> bytes:
        body = {
            "metadata": {"name": self._name, "namespace": self._namespace}
            | ({"resourceVersion": seen.version} if seen else {}),
            "spec": spec,
        }
        method, path = ("PUT", f"{self._collection}/{self._name}") if seen else ("POST", self._collection)
        return await self._api.request(method, path, body=body, timeout_s=timeout_s)

    async def _release(self) -> None:
        """Give the lease back, if it is ours and the API server answers soon."""
        seen = self._me.seen
        if self._me.asked_s is None or seen is None or seen.holder != self._me.identity:
            return
        moment = _moment()
        spec = LeaseSpec(
            holder_identity="",
            lease_duration_seconds=1,
            acquire_time=moment,
            renew_time=moment,
            lease_transitions=seen.transitions,
        )
        try:
            await asyncio.shield(self._put(spec, seen, timeout_s=_RELEASE_S))
        except ApiError as error:
            _log.warning("the lease is not given back, and runs out by itself", extra={"error": error.message})
        else:
            _log.info("gave the lease back", extra={"lease": self._name})


class Alone:
    """Stands where no Lease does: the only one of its kind, that may always write."""

    identity = holder = ""
    term = 1

    def others_s(self) -> float:
        """Return that nobody led before us."""
        return 0.0

    def left_s(self) -> float:
        """Return for how long we may write: for ever."""
        return float("inf")

    def may_write(self) -> bool:
        """Tell that we may."""
        return True

    async def run(self) -> None:
        """Nothing has to be done for it."""


def _moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _found(answer: bytes) -> Found:
    lease: LeaseObject = decoded(LeaseObject, answer)
    spec = lease.spec
    return Found(
        spec.holder_identity or "",
        float(spec.lease_duration_seconds or 0),
        spec.renew_time or "",
        spec.lease_transitions or 0,
        lease.metadata.resource_version,
    )
