"""What does Prometheus say about the load? One query for all workloads, raw samples with their own times."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import requests
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect
from urllib3.util import Retry

from autoscaler.core.observation import Samples, Series, gather

if TYPE_CHECKING:
    from collections.abc import Sequence

VLLM = ("vllm:num_requests_running", "vllm:num_requests_waiting")
"""The concurrency of a vLLM server: gauges of requests that run and that wait; a pod's load is their sum."""

_LOOKBACK_S = 40  # two samples even at a scrape interval of 15 s
_TIMEOUT_S = 1.6  # a tick is 2 s


class PrometheusError(Exception):
    """Prometheus refused, or did not answer."""


class Prometheus:
    """One Prometheus, asked from a thread of its own: the client is synchronous."""

    def __init__(self, url: str, metrics: Sequence[str] = VLLM) -> None:
        # No retries: the next tick is the retry, and a late answer is worth nothing.
        self._connection = PrometheusConnect(url=url.rstrip("/"), retry=Retry(total=0), timeout=_TIMEOUT_S)
        self._query = f'{{__name__=~"{"|".join(metrics)}",namespace!="",pod!=""}}[{_LOOKBACK_S}s]'
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prometheus")

    async def samples(self) -> Samples:
        """Return the newest samples of the load of every pod.

        Raises:
            PrometheusError: there was no usable answer.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask)

    def close(self) -> None:
        """Wait for nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _ask(self) -> Samples:
        try:
            answer = self._connection.custom_query(self._query)
            return gather(_series(one) for one in answer)
        except (requests.RequestException, PrometheusApiClientException) as error:
            raise PrometheusError(str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise PrometheusError(f"its answer is not one of Prometheus' query API: {error!r}") from error


def _series(one: dict[str, Any]) -> Series:
    labels = one["metric"]
    samples = tuple((float(time), float(value)) for time, value in one["values"])
    return Series(labels["namespace"], labels["pod"], samples)
