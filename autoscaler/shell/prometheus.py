"""What does Prometheus say about the load? One query for all workloads, raw samples with their own times."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Any

import requests
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect
from urllib3.util import Retry

from autoscaler.core.observation import Samples, Series, gather, lookback_s
from autoscaler.shell.source import SamplesError

if TYPE_CHECKING:
    from collections.abc import Sequence

VLLM = ("vllm:num_requests_running", "vllm:num_requests_waiting")
"""The concurrency of a vLLM server: gauges of requests that run and that wait; a pod's load is their sum."""

_TIMEOUT_S = 1.6  # a tick is 2 s
_MOST_UNANSWERED = 4


class Prometheus:
    """One Prometheus, asked from threads: the client is synchronous, and its time-out is that of each read.

    A question that takes longer than a tick is left behind with its thread and connection; a few of them at most.
    """

    name = "Prometheus"

    def __init__(self, url: str, metrics: Sequence[str] = VLLM) -> None:
        self._url = url.rstrip("/")
        self._selector = f'{{__name__=~"{"|".join(metrics)}",namespace!="",pod!=""}}'
        self._lookback_s = lookback_s(None)
        self._connection = self._connect()
        self._unanswered: set[Thread] = set()

    async def samples(self) -> Samples:
        """Return the newest samples of the load of every pod.

        Raises:
            SamplesError: there was no usable answer in time.
        """
        self._unanswered = {thread for thread in self._unanswered if thread.is_alive()}
        if len(self._unanswered) >= _MOST_UNANSWERED:
            raise SamplesError(f"{len(self._unanswered)} earlier questions are still being answered")
        answer: Future[Samples] = Future()
        thread = Thread(target=self._ask, args=(self._connection, answer), name="prometheus", daemon=True)
        thread.start()
        try:
            samples = await asyncio.wait_for(asyncio.wrap_future(answer), _TIMEOUT_S)
        except TimeoutError:
            self._unanswered.add(thread)
            self._connection = self._connect()
            raise SamplesError(f"no whole answer within {_TIMEOUT_S} s") from None
        self._lookback_s = lookback_s(samples.interval_s)
        return samples

    async def run(self) -> None:
        """Nothing goes on between two questions: Prometheus itself scrapes and remembers."""

    def _connect(self) -> PrometheusConnect:
        # No retries: the next tick is the retry, and a late answer is worth nothing.
        return PrometheusConnect(url=self._url, retry=Retry(total=0), timeout=_TIMEOUT_S)

    def _ask(self, connection: PrometheusConnect, answer: Future[Samples]) -> None:
        try:
            found = gather(_series(one) for one in connection.custom_query(f"{self._selector}[{self._lookback_s}s]"))
        except (requests.RequestException, PrometheusApiClientException) as error:
            _finish(answer, SamplesError(str(error)[:500]))
        except (KeyError, TypeError, ValueError) as error:
            _finish(answer, SamplesError(f"its answer is not one of Prometheus' query API: {error!r}"[:500]))
        else:
            _finish(answer, found)


def _finish(answer: Future[Samples], found: Samples | SamplesError) -> None:
    if not answer.set_running_or_notify_cancel():
        return  # nobody waits any more
    if isinstance(found, SamplesError):
        answer.set_exception(found)
    else:
        answer.set_result(found)


def _series(one: dict[str, Any]) -> Series:
    labels = one["metric"]
    samples = tuple((float(time), float(value)) for time, value in one["values"])
    return Series(labels["namespace"], labels["pod"], samples)
