"""The users: each arrival sends real HTTP requests to the front, at its time, whatever became of those before."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from plimsoll.demo.core.picture import Answer, Traffic
from plimsoll.demo.core.story import WORKLOADS, Workload, out_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plimsoll.demo.core.arrivals import Arrival


class Users:
    """Sends the questions of all arrivals; `answers` fills while they run."""

    def __init__(self, front_url: str, now_s: Callable[[], float]) -> None:
        self._front_url = front_url
        self._now_s = now_s
        self._sent: deque[float] = deque()
        self._in_flight = 0
        self._served = 0
        self.answers: list[Answer] = []

    async def ask(self, arrivals: Iterable[Arrival]) -> None:
        """Send every request at its time from now on, and wait for the last answer."""
        start = self._now_s()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )
        async with session, asyncio.TaskGroup() as group:
            for arrival in arrivals:
                await asyncio.sleep(start + arrival.at_s - self._now_s())
                for workload in WORKLOADS:
                    group.create_task(self._ask(session, workload, arrival))

    def traffic(self) -> Traffic:
        """Return the requests so far, and those of the last second."""
        now = self._now_s()
        while self._sent and self._sent[0] < now - 1:
            self._sent.popleft()
        failed = len(self.answers) - self._served
        return Traffic(per_s=len(self._sent), in_flight=self._in_flight, served=self._served, failed=failed)

    async def _ask(self, session: aiohttp.ClientSession, workload: Workload, arrival: Arrival) -> None:
        question = {"in_tokens": arrival.in_tokens, "out_tokens": out_tokens(workload, arrival)}
        sent = self._now_s()
        self._sent.append(sent)
        self._in_flight += 1
        served = False
        try:
            url = f"{self._front_url}/{workload.name}/v1/completions"
            async with session.post(url, data=msgspec.json.encode(question)) as answer:
                await answer.read()
                served = answer.status == 200
        except aiohttp.ClientError:
            pass  # it counts as failed
        finally:
            self._in_flight -= 1
        self._served += served
        self.answers.append(Answer(workload.name, sent, self._now_s() - sent, served))
