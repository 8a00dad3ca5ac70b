"""What does the extender say of itself to Prometheus?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from extender.core.accounts import accounts
from extender.core.gang.progress import Stage, all_progress
from extender.core.ledger.holding import State
from extender.core.preemption.outstanding import Stage as Under
from extender.core.totals import by_model
from kube.gpus import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

    from extender.core.scheduling import Scheduling

_BUCKETS_S = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

RESULTS = ("ok", "malformed", "cut", "untrusted", "unready", "defect")
"""What becomes of a request; one is cut where who asks ends, or hangs, before all of it is sent."""


class Telemetry:
    """The extender's metrics, in a registry of their own; what changes by itself is read at each scrape.

    `wrong` tells how many values of our ConfigMaps break their rules, `now` the seconds of the core's times.
    """

    def __init__(self, scheduling: Scheduling, wrong: Callable[[], int], now: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(scheduling, wrong, now))
        self.requests = Counter(
            "plimsoll_extender_requests_total",
            f"Requests of kube-scheduler by verb and result ({', '.join(RESULTS)}).",
            ["verb", "result"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "plimsoll_extender_request_duration_seconds",
            "Time from a request's last byte to its answer, waiting for the API server included.",
            ["verb"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.leader = Gauge(
            "plimsoll_extender_leader",
            "1 on the extender that places pods, 0 on those that follow.",
            registry=self._registry,
        )
        self.takeovers = Counter(
            "plimsoll_extender_takeovers_total",
            "How often this extender began to place pods, after it had listed nodes and pods anew.",
            registry=self._registry,
        )
        self.bindings = Counter(
            "plimsoll_extender_bindings_total",
            "Bindings that kube-scheduler asked for, by what became of them (accepted, refused, unknown).",
            ["result"],
            registry=self._registry,
        )
        for result in ("accepted", "refused", "unknown"):
            self.bindings.labels(result)
        self.evictions = Counter(
            "plimsoll_extender_evictions_total",
            "Evictions by cause (device_bound_twice, gang_too_small, preempted) and result (evicted, refused).",
            ["cause", "result"],
            registry=self._registry,
        )
        self.gang_plans = Counter(
            "plimsoll_extender_gang_plans_total",
            "Plans for members of a gang, by what became of them (made, and of those: undone).",
            ["result"],
            registry=self._registry,
        )
        for result in ("made", "undone"):
            self.gang_plans.labels(result)
        self.preemption_plans = Counter(
            "plimsoll_extender_preemption_plans_total",
            "Plans by which train pods leave, by what became of them (made, and of those: undone; observed).",
            ["result"],
            registry=self._registry,
        )
        for result in ("made", "undone", "observed"):
            self.preemption_plans.labels(result)
        self.decision_seconds = Histogram(
            "plimsoll_extender_decision_duration_seconds",
            "Time that a decision alone takes: choosing node and devices, scoring, or what may be bound.",
            ["verb"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Collector(Collector):
    def __init__(self, scheduling: Scheduling, wrong: Callable[[], int], now: Callable[[], float]) -> None:
        self._scheduling = scheduling
        self._ledger = scheduling.ledger
        self._wrong = wrong
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield from self._by_model()
        yield from self._by_project()
        yield from self._of_gangs()
        yield from self._of_preemption()
        holdings = GaugeMetricFamily(
            "plimsoll_extender_holdings", "Pods that hold devices, by how sure that is.", labels=["state"]
        )
        states = [holding.state for holding in self._ledger.holdings() if holding.devices != ()]
        for state in State:
            holdings.add_metric([state.value], states.count(state))
        yield holdings
        since = self._scheduling.explanations.waiting_since()
        for name, says, value in (
            (
                "fragmented_gpus",
                "Fragmentation: free GPUs that the typical pods cannot use, each pod weighed by how often it comes.",
                self._scheduling.packer.fragmentation() / WHOLE,
            ),
            (
                "unmapped_pods",
                "GPU pods on our nodes whose devices nobody knows; each closes its node.",
                self._ledger.unmapped(),
            ),
            (
                "overfull_devices",
                "Devices that hold more than they have; anything but 0 is an alarm.",
                sum(1 for _ in self._ledger.overfull()),
            ),
            (
                "left_out_nodes",
                "Nodes given to Plimsoll whose GPUs it cannot give out; an Event on each says why.",
                len(self._scheduling.left_out),
            ),
            ("waiting_pods", "Pods that were refused for lack of room on GPUs, and wait.", len(since)),
            (
                "longest_wait_seconds",
                "How long ago the first refusal was of the pod that waits longest; 0: none waits.",
                self._now() - min(since) if since else 0.0,
            ),
            (
                "configuration_problems",
                "Values of config-extender and config-projects that break their rule; the last good ones are in force.",
                self._wrong(),
            ),
        ):
            gauge = GaugeMetricFamily(f"plimsoll_extender_{name}", says)
            gauge.add_metric([], value)
            yield gauge

    def _by_model(self) -> Iterator[Metric]:
        devices = GaugeMetricFamily("plimsoll_extender_devices", "GPUs whose sharing is ours.", labels=["model"])
        closed = GaugeMetricFamily(
            "plimsoll_extender_closed_devices", "GPUs that take no new pod whatever is free on them.", labels=["model"]
        )
        held = GaugeMetricFamily(
            "plimsoll_extender_allocated_gpus", "GPUs that pods hold, fractions included.", labels=["model"]
        )
        free = GaugeMetricFamily(
            "plimsoll_extender_free_gpus", "GPUs that a new pod may have, fractions included.", labels=["model"]
        )
        for model, totals in by_model(self._ledger).items():
            label = [model or "unknown"]
            devices.add_metric(label, totals.devices)
            closed.add_metric(label, totals.closed)
            held.add_metric(label, totals.held / WHOLE)
            free.add_metric(label, totals.free / WHOLE)
        yield from (devices, closed, held, free)

    def _of_gangs(self) -> Iterator[Metric]:
        every = tuple(all_progress(self._scheduling.gangs, self._ledger))
        stages = GaugeMetricFamily(
            "plimsoll_extender_gangs",
            f"Gangs, by how far they have come ({', '.join(stage.value for stage in Stage)}).",
            labels=["stage"],
        )
        for stage in Stage:
            stages.add_metric([stage.value], sum(1 for one in every if one.stage is stage))
        pods = GaugeMetricFamily("plimsoll_extender_gang_waiting_pods", "Members of gangs without a place.")
        pods.add_metric([], sum(one.waiting for one in every))
        since = [one.since for one in every if one.stage is Stage.WAITING and one.since is not None]
        longest = GaugeMetricFamily(
            "plimsoll_extender_longest_gang_wait_seconds",
            "How long ago enough members were there of the gang that waits longest for a plan; 0: none waits.",
        )
        longest.add_metric([], self._now() - min(since) if since else 0.0)
        kept = GaugeMetricFamily(
            "plimsoll_extender_kept_nodes",
            "Nodes that are kept for a gang: pods that come after it get no room there, whatever is free.",
        )
        kept.add_metric([], sum(len(one.kept) for one in every))
        yield from (stages, pods, longest, kept)

    def _of_preemption(self) -> Iterator[Metric]:
        preemptions = self._scheduling.preemptions
        stages = [one.stage(self._ledger) for one in preemptions.plans()]
        plans = GaugeMetricFamily(
            "plimsoll_extender_preemptions",
            f"Plans by which train pods leave, by how far they have come ({', '.join(one.value for one in Under)}).",
            labels=["stage"],
        )
        for stage in Under:
            plans.add_metric([stage.value], stages.count(stage))
        oldest = GaugeMetricFamily(
            "plimsoll_extender_oldest_preemption_seconds",
            "How long ago the oldest plan was made whose pods do not run yet; 0: there is none.",
        )
        made = [one.made_at for one in preemptions.plans()]
        oldest.add_metric([], self._now() - min(made) if made else 0.0)
        needless = CounterMetricFamily(
            "plimsoll_extender_needless_evictions",
            "Pods that were evicted for somebody who never came to run; anything but 0 is an alarm.",
        )
        needless.add_metric([], preemptions.needless)
        yield from (plans, oldest, needless)

    def _by_project(self) -> Iterator[Metric]:
        quota = GaugeMetricFamily("plimsoll_extender_project_quota_gpus", "Quota of each project.", labels=["project"])
        used = GaugeMetricFamily(
            "plimsoll_extender_project_used_gpus",
            "GPUs that the pods of each project hold or are promised, by kind; train may exceed the quota.",
            labels=["project", "kind"],
        )
        pods = GaugeMetricFamily(
            "plimsoll_extender_project_waiting_pods", "Pods of each project without a place.", labels=["project"]
        )
        gpus = GaugeMetricFamily(
            "plimsoll_extender_project_waiting_gpus", "GPUs that those pods ask for at most.", labels=["project"]
        )
        for account in accounts(self._scheduling):
            label = [account.project.name]
            quota.add_metric(label, account.project.quota / WHOLE)
            pods.add_metric(label, account.waiting_pods)
            gpus.add_metric(label, account.waiting / WHOLE)
            for kind, milli in account.held.items():
                used.add_metric([*label, kind.value], milli / WHOLE)
        yield from (quota, used, pods, gpus)
