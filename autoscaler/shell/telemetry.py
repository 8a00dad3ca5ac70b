"""What does the autoscaler say of itself? Metrics for Prometheus, and the standing decisions as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from autoscaler.core.model import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from autoscaler.core.model import Decision, WorkloadKey

    Standing = Mapping[WorkloadKey, Decision]

_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0)
_WORKLOAD = ("namespace", "workload", "kind")


class Telemetry:
    """The autoscaler's metrics, in a registry of their own; what changes by itself is read at each scrape.

    `standing` has the standing decisions, `decided_at_ms` tells when the law decided last on a workload (None: not
    yet), `kinds` how many workloads there are of each kind, and `refused` which kinds cannot be followed, and why.
    """

    def __init__(
        self,
        standing: Standing,
        decided_at_ms: Callable[[WorkloadKey], int | None],
        kinds: Callable[[], Mapping[str, int]],
        refused: Callable[[], Mapping[str, str]],
    ) -> None:
        self._standing = standing
        self._registry = CollectorRegistry()
        self._registry.register(_DecisionCollector(standing, decided_at_ms))
        self._registry.register(_KindCollector(kinds, refused))
        self.query_seconds = Histogram(
            "plimsoll_autoscaler_query_duration_seconds",
            "Time of all queries of one tick for the load of all workloads.",
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.query_errors = Counter(
            "plimsoll_autoscaler_query_errors_total",
            "Queries without a usable answer, by preset (own: a workload's own query): decisions were held.",
            ["preset", "metric"],
            registry=self._registry,
        )
        self.tick_seconds = Histogram(
            "plimsoll_autoscaler_tick_duration_seconds",
            "Time of one tick: queries and decisions.",
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.last_tick = Gauge(
            "plimsoll_autoscaler_last_tick_timestamp_seconds",
            "When the last tick ended (Unix time); ticks are two seconds apart.",
            registry=self._registry,
        )
        self.writes = Counter(
            "plimsoll_autoscaler_scale_writes_total",
            "Replica counts to be written, by result: written, unchanged (it stood there already), overtaken (another "
            "changed it meanwhile), gone, refused, failed.",
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
                "kind": key.kind,
                "ready": decision.inputs.ready,
                "current": decision.inputs.current,
                "desired": decision.desired,
                "wanted": decision.wanted,
                "metric": decision.inputs.policy.metric.value,
                "stable": decision.inputs.stable,
                "panic": decision.inputs.panic,
                "mode": decision.mode.value,
                "reason": decision.reason,
                "decided_at": decision.inputs.at_ms / 1000,
            }
            for key, decision in sorted(self._standing.items(), key=lambda item: str(item[0]))
        ]
        return msgspec.json.encode({"workloads": workloads})


class _DecisionCollector(Collector):
    def __init__(self, standing: Standing, decided_at_ms: Callable[[WorkloadKey], int | None]) -> None:
        self._standing = standing
        self._decided_at_ms = decided_at_ms

    def collect(self) -> Iterator[Metric]:
        desired = _family("desired_replicas", "Replicas decided.")
        requested = _family("requested_replicas", "Replicas that the workload asks for.")
        ready = _family("ready_replicas", "Replicas that are ready.")
        load = _family(
            "load", "Average over the window: requests that run and wait, or per second.", "window", "metric"
        )
        target = _family("target_load", "What one replica should carry.", "metric")
        excess = _family("excess_burst_capacity", "Load that the ready replicas can take beyond the burst capacity.")
        mode = _family("mode", "1 for the mode of the standing decision (stable, panic, held).", "mode")
        decided = _family("decided_timestamp_seconds", "When it was decided last and not held (Unix time).")
        for key, decision in self._standing.items():
            labels, inputs = (key.namespace, key.name, key.kind), decision.inputs
            metric = inputs.policy.metric.value
            desired.add_metric(labels, decision.desired)
            requested.add_metric(labels, inputs.current)
            ready.add_metric(labels, inputs.ready)
            target.add_metric((*labels, metric), inputs.policy.target)
            for window, average in (("stable", inputs.stable), ("panic", inputs.panic)):
                if average is not None:
                    load.add_metric((*labels, window, metric), average)
            if decision.excess_burst_capacity is not None:
                excess.add_metric(labels, decision.excess_burst_capacity)
            for one in Mode:
                mode.add_metric((*labels, one.value), float(decision.mode is one))
            at_ms = self._decided_at_ms(key)
            if at_ms is not None:
                decided.add_metric(labels, at_ms / 1000)
        yield from (desired, requested, ready, load, target, excess, mode, decided)


class _KindCollector(Collector):
    def __init__(self, kinds: Callable[[], Mapping[str, int]], refused: Callable[[], Mapping[str, str]]) -> None:
        self._kinds = kinds
        self._refused = refused

    def collect(self) -> Iterator[Metric]:
        workloads = GaugeMetricFamily(
            "plimsoll_autoscaler_workloads", "Labelled objects of each kind that can be scaled.", labels=["kind"]
        )
        refused = GaugeMetricFamily(
            "plimsoll_autoscaler_kind_refused", "1: this kind cannot be followed; the log says why.", labels=["kind"]
        )
        for kind, count in sorted(self._kinds().items()):
            workloads.add_metric([kind], count)
        for kind in sorted(self._refused()):
            refused.add_metric([kind], 1.0)
        yield from (workloads, refused)


def _family(name: str, says: str, *more: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"plimsoll_autoscaler_{name}", says, labels=(*_WORKLOAD, *more))
