"""What does the autoscaler say of itself? Metrics for Prometheus, and the standing decisions as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from autoscaler.core.model import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from autoscaler.core.model import Decision, WorkloadKey

    Standing = Mapping[WorkloadKey, Decision]

_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0)
_WORKLOAD = ("namespace", "workload")


class Telemetry:
    """The autoscaler's metrics, in a registry of their own; `standing` is read at each scrape."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._registry = CollectorRegistry()
        self._registry.register(_DecisionCollector(standing))
        self.query_seconds = Histogram(
            "plimsoll_autoscaler_query_duration_seconds",
            "Time of one query for the load of all workloads.",
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.query_errors = Counter(
            "plimsoll_autoscaler_query_errors_total",
            "Queries without a usable answer: decisions were held.",
            registry=self._registry,
        )
        self.tick_seconds = Histogram(
            "plimsoll_autoscaler_tick_duration_seconds",
            "Time of one tick: query, decisions and writes.",
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.writes = Counter(
            "plimsoll_autoscaler_scale_writes_total",
            "Replica counts written, by result (ok, error).",
            ["result"],
            registry=self._registry,
        )
        self.problems = Gauge(
            "plimsoll_autoscaler_configuration_problems",
            "Values that break their rule, by object; the last good configuration is in force.",
            ["object"],
            registry=self._registry,
        )

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def decisions(self) -> bytes:
        """Return the standing decision of every workload as JSON."""
        workloads = [
            {
                "namespace": key.namespace,
                "name": key.name,
                "ready": decision.ready,
                "current": decision.current,
                "desired": decision.desired,
                "wanted": decision.wanted,
                "concurrency_stable": decision.stable,
                "concurrency_panic": decision.panic,
                "mode": decision.mode.value,
                "reason": decision.reason,
                "decided_at": decision.at,
            }
            for key, decision in sorted(self._standing.items(), key=lambda item: str(item[0]))
        ]
        return msgspec.json.encode({"workloads": workloads})


class _DecisionCollector(Collector):
    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        def family(name: str, says: str, *more: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(f"plimsoll_autoscaler_{name}", says, labels=(*_WORKLOAD, *more))

        desired = family("desired_replicas", "Replicas decided.")
        requested = family("requested_replicas", "Replicas that the workload asks for.")
        ready = family("ready_replicas", "Replicas that are ready.")
        load = family("concurrency", "Requests that run and wait, average over the window.", "window")
        mode = family("mode", "1 for the mode of the standing decision (stable, panic, held).", "mode")
        decided = family("decided_timestamp_seconds", "When the standing decision was made (Unix time).")
        for key, decision in self._standing.items():
            labels = (key.namespace, key.name)
            desired.add_metric(labels, decision.desired)
            requested.add_metric(labels, decision.current)
            ready.add_metric(labels, decision.ready)
            for window, average in (("stable", decision.stable), ("panic", decision.panic)):
                if average is not None:
                    load.add_metric((*labels, window), average)
            for one in Mode:
                mode.add_metric((*labels, one.value), float(decision.mode is one))
            decided.add_metric(labels, decision.at)
        yield from (desired, requested, ready, load, mode, decided)
