"""A latency target is kept through the real programs: replicas rise when requests queue, and fall when none do.

The servers are a model: each works on a few requests at a time, the others wait in one queue, and pages tell what
vLLM's would. Nothing here is timed closely; the law itself is tested on the queueing model.
"""

from __future__ import annotations

import threading
import time
import urllib.request
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods
from tests.e2e.load import Load
from tests.e2e.test_autoscaling import NAME, create_workload, decision
from tests.e2e.test_explain import plimsoll

if TYPE_CHECKING:
    from deploy.local import LocalCluster

TARGET_S, WINDOW_S = 4.0, 8
SERVICE_S, SLOTS = 1.0, 4  # a replica ends four requests a second at most
BOUNDS_S = (0.5, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 30.0, 60.0, inf)
MOST = 8
HISTOGRAM = "vllm:e2e_request_latency_seconds"


@dataclass
class Ended:
    """What one server counted: its requests, their latencies, and how many ended within each bound."""

    count: float = 0.0
    seconds: float = 0.0
    within: list[float] = field(default_factory=lambda: [0.0] * len(BOUNDS_S))

    def add(self, count: float, waited_s: float) -> None:
        """Let requests end that waited so long and then took half as long to half as long again."""
        self.count += count
        self.seconds += count * (waited_s + SERVICE_S)
        for number, bound_s in enumerate(BOUNDS_S):
            self.within[number] += count * min(max((bound_s - waited_s) / SERVICE_S - 0.5, 0.0), 1.0)


class Servers(Load):
    """The ready pods of a namespace as servers that `arrivals` requests a second are sent to."""

    def __init__(self, cluster: LocalCluster, namespace: str) -> None:
        super().__init__(cluster, namespace)
        self.arrivals = 0.0
        self._lock = threading.Lock()  # pages are read several at a time
        self._queue, self._busy, self._now_s = 0.0, 0.0, time.monotonic()
        self._counted: dict[str, Ended] = {}

    def page(self, pod: str) -> str:
        """Return the metrics page of a pod as of now."""
        with self._lock:
            self._pass()
            shown = max(1, len(self._shown))
            ended = self._counted.setdefault(pod, Ended())
            lines = [
                f"vllm:num_requests_running {self._busy / shown}",
                f"vllm:num_requests_waiting {self._queue / shown}",
                f"{HISTOGRAM}_count {ended.count}",
                f"{HISTOGRAM}_sum {ended.seconds}",
            ]
            for bound_s, count in zip(BOUNDS_S, ended.within, strict=True):
                lines.append(f'{HISTOGRAM}_bucket{{le="{"+Inf" if bound_s == inf else bound_s}"}} {count}')
        return "\n".join(lines) + "\n"

    def _pass(self) -> None:
        """Let the time go by since the last page."""
        now_s = time.monotonic()
        passed_s, self._now_s = now_s - self._now_s, now_s
        here = self._shown
        if not here or passed_s <= 0:
            return
        pace = len(here) * SLOTS / SERVICE_S
        came = self.arrivals * passed_s
        ends = min(self._queue + came, pace * passed_s)
        self._queue += came - ends
        self._busy = ends / passed_s * SERVICE_S
        for name in here:
            self._counted.setdefault(name, Ended()).add(ends / len(here), self._queue / pace)


@pytest.fixture(autouse=True)
def running_programs(cluster: LocalCluster) -> None:
    """Run both programs."""
    for name, start in (("extender", cluster.start_extender), ("autoscaler", cluster.start_autoscaler)):
        if cluster.pid(name) is None:
            start()


def latency_s(cluster: LocalCluster, namespace: str) -> float | None:
    """Return the latency that the autoscaler exports, None where it exports none."""
    with urllib.request.urlopen(f"{cluster.autoscaler_url}/metrics") as answer:  # noqa: S310  our own loopback address
        lines = answer.read().decode().splitlines()
    start = f'plimsoll_autoscaler_latency_seconds{{namespace="{namespace}",'
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(start)), None)


def test_a_queue_raises_replicas_until_the_target_is_kept_and_its_end_lowers_them_to_no_less_than_one(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    def asked_for() -> int:
        return pods.replicas(cluster, managed_namespace, NAME)

    def told_s() -> float:
        return latency_s(cluster, managed_namespace) or inf

    create_workload(
        cluster,
        managed_namespace,
        {
            "plimsoll.dev/metric": "latency",
            "plimsoll.dev/latency-target-ms": str(round(1000 * TARGET_S)),
            "autoscaling.knative.dev/window": f"{WINDOW_S}s",
            "autoscaling.knative.dev/max-scale": str(MOST),
        },
    )
    with Servers(cluster, managed_namespace) as servers:
        servers.arrivals = 2.0
        pods.wait_until("a latency within the target", lambda: told_s() < TARGET_S)
        standing = settled(cluster, managed_namespace)
        assert standing["desired"] == 1, f"half of what it can is no reason to rise: {standing}"

        servers.arrivals = 10.0
        pods.wait_until("the target is missed", lambda: TARGET_S < told_s() < inf)
        pods.wait_until("what ten requests a second need", lambda: asked_for() >= 3)
        pods.wait_until("the target is kept again", lambda: told_s() < TARGET_S, seconds=180.0)
        explained = plimsoll("explain", f"{managed_namespace}/{NAME}", "--server", cluster.decisions_address, "-v")
        assert "p95 " in explained
        assert "target 4s" in explained
        most = asked_for()
        assert most <= MOST

        servers.arrivals = 0.5
        pods.wait_until("fewer replicas", lambda: asked_for() < most, seconds=400.0)
        servers.arrivals = 0.0
        pods.wait_until("no latency without requests", lambda: latency_s(cluster, managed_namespace) is None)
        assert asked_for() >= 1


def settled(cluster: LocalCluster, namespace: str) -> dict[str, Any]:
    """Return the first decision that says what a replica may carry."""
    found: dict[str, Any] = {}

    def says() -> bool:
        found.update(decision(cluster, namespace))
        return " a replica: " in found.get("reason", "")

    pods.wait_until("what a replica may carry", says)
    return found
