"""What does the extender say of itself to Prometheus?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from extender.core.ledger.holding import State
from kube.gpus import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from extender.core.ledger.ledger import Ledger

_BUCKETS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Telemetry:
    """The extender's metrics, in a registry of their own."""

    def __init__(self, ledger: Ledger) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_LedgerCollector(ledger))
        self.requests = Counter(
            "plimsoll_extender_requests_total",
            "Requests of kube-scheduler by verb and result (ok, malformed, unready, defect).",
            ["verb", "result"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "plimsoll_extender_request_duration_seconds",
            "Time from a request's last byte to its answer.",
            ["verb"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _LedgerCollector(Collector):
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[Metric]:
        nodes = list(self._ledger.nodes())
        devices = GaugeMetricFamily("plimsoll_extender_devices", "GPUs whose sharing is ours.")
        devices.add_metric([], sum(len(node.devices) for node in nodes))
        yield devices
        free = GaugeMetricFamily("plimsoll_extender_free_gpus", "Free GPUs, in whole GPUs, fractions included.")
        free.add_metric([], sum(int(self._ledger.room(node.name).sum()) for node in nodes) / WHOLE)
        yield free
        holdings = GaugeMetricFamily(
            "plimsoll_extender_holdings", "Pods that hold devices, by how sure that is.", labels=["state"]
        )
        states = [holding.state for holding in self._ledger.holdings() if holding.devices != ()]
        for state in State:
            holdings.add_metric([state.value], states.count(state))
        yield holdings
        unmapped = GaugeMetricFamily(
            "plimsoll_extender_unmapped_pods", "GPU pods on our nodes whose devices nobody knows; each closes its node."
        )
        unmapped.add_metric([], self._ledger.unmapped())
        yield unmapped
        overfull = GaugeMetricFamily(
            "plimsoll_extender_overfull_devices", "Devices that hold more than they have; anything but 0 is an alarm."
        )
        overfull.add_metric([], sum(1 for _ in self._ledger.overfull()))
        yield overfull
