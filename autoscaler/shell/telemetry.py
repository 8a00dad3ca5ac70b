"""What does the autoscaler say of itself? Metrics for Prometheus, and the standing decisions as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from autoscaler.core.model import Decision, WorkloadKey

    Standing = Mapping[WorkloadKey, Decision]

_BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0)


class Telemetry:
    """The autoscaler's metrics, in a registry of their own; what changes by itself is read at each scrape.

    `standing` has the standing decisions, and `gauges` writes their numbers as Prometheus' text; `wrong` tells how many
    problems each object has that has any, `kinds` how many workloads there are of each kind, and `refused` which kinds
    cannot be followed, and why.
    """

    def __init__(
        self,
        standing: Standing,
        gauges: Callable[[], str],
        wrong: Callable[[], Mapping[str, int]],
        kinds: Callable[[], Mapping[str, int]],
        refused: Callable[[], Mapping[str, str]],
    ) -> None:
        self._standing = standing
        self._gauges = gauges
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(wrong, kinds, refused))
        self.leader = Gauge(
            "plimsoll_autoscaler_leader",
            "1: this autoscaler holds the lease and writes; 0: it follows, decides the same and writes nothing.",
            registry=self._registry,
        )
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
        self.fits = Counter(
            "plimsoll_autoscaler_fits_questions_total",
            "Questions to the extender how many replicas can be placed, by result: answered, refused (such pods are "
            "never placed, or their template is not known), failed; without an answer nothing is limited.",
            ["result"],
            registry=self._registry,
        )
        self.deletion_costs = Counter(
            "plimsoll_autoscaler_deletion_costs_total",
            "Pods whose deletion cost was to be written or removed, by result: written, removed, kept (it is gone, or "
            "somebody else gave it a cost), failed.",
            ["result"],
            registry=self._registry,
        )

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return self._gauges().encode() + generate_latest(self._registry)

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


def by_result(counter: Counter) -> Callable[[str], None]:
    """Return what counts one more of a result."""
    return lambda result: counter.labels(result).inc()


class _Collector(Collector):
    """What others keep, read at each scrape."""

    def __init__(
        self,
        wrong: Callable[[], Mapping[str, int]],
        kinds: Callable[[], Mapping[str, int]],
        refused: Callable[[], Mapping[str, str]],
    ) -> None:
        self._wrong = wrong
        self._kinds = kinds
        self._refused = refused

    def collect(self) -> Iterator[Metric]:
        problems = GaugeMetricFamily(
            "plimsoll_autoscaler_configuration_problems",
            "Values that break their rule, by object; the last good configuration is in force.",
            labels=["object"],
        )
        workloads = GaugeMetricFamily(
            "plimsoll_autoscaler_workloads", "Labelled objects of each kind that can be scaled.", labels=["kind"]
        )
        refused = GaugeMetricFamily(
            "plimsoll_autoscaler_kind_refused", "1: this kind cannot be followed; the log says why.", labels=["kind"]
        )
        for name, count in sorted(self._wrong().items()):
            problems.add_metric([name], count)
        for kind, count in sorted(self._kinds().items()):
            workloads.add_metric([kind], count)
        for kind in sorted(self._refused()):
            refused.add_metric([kind], 1.0)
        yield from (problems, workloads, refused)
