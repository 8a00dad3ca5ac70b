"""Which series tell the load of which inference server? A table: preset, metric, terms.

The law: the load of a pod (or of a key, where an ingress or a mesh counts) is the sum over the terms of factor times
the gauge's value, or times the counter's rate per second. A counter of summed request seconds is concurrency: by
Little's law, requests in flight = arrivals per second x seconds each. It counts a request when it ends, and so sees a
surge of long requests late; where a server shows gauges, they are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from autoscaler.core.model import Metric, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(Enum):
    """What a metric's value means."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Term:
    """One metric's share of a load.

    `factor` turns its unit into requests (or requests per second). `labels`: of each label the values that count, ""
    being its absence; a label that is not named counts with any value. `everywhere` says that each pod of the server
    shows it, so that a pod without it, beside others with it, is not measured whole. `waiting` says that it counts
    requests that the server has taken and does not work on yet.
    """

    metric: str
    kind: Kind = Kind.GAUGE
    factor: float = 1.0
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    everywhere: bool = True
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Latency:
    """What tells how long requests took: those that `ended`, the `seconds` that they took together, and a histogram.

    `buckets` is None where the server has none: then only the mean is known. `unit_s` turns its bounds into seconds.
    """

    ended: Term
    seconds: Term
    buckets: Term | None = None
    unit_s: float = 1.0


@dataclass(frozen=True, slots=True)
class KeyLabels:
    """Which labels name the workload where series know no pods.

    `namespaces`: the first one that is present counts; none where the series know no namespace.
    """

    key: str
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """What is read of one kind of server.

    `by_key` is None where each series belongs to a pod. `doubt` says to a person what was not checked on a live
    server, "" where the names were; `note` what is good to know.
    """

    name: str
    concurrency: tuple[Term, ...]
    rps: tuple[Term, ...]
    latency: Latency
    by_key: KeyLabels | None = None
    doubt: str = ""
    note: str = ""

    @property
    def verified(self) -> bool:
        """Whether its names were checked in the server's sources or documents."""
        return not self.doubt

    @property
    def in_flight(self) -> bool:
        """Whether it tells what each pod has in flight; a counter tells of it when it has ended."""
        return self.by_key is None and all(term.kind is Kind.GAUGE for term in self.concurrency)

    def terms(self, metric: Metric) -> tuple[Term, ...]:
        """Return what makes up the load in that metric; with the metric latency it is concurrency."""
        return self.rps if metric is Metric.RPS else self.concurrency

    def latency_terms(self, part: Signal) -> tuple[Term, ...]:
        """Return what tells a part of the latency; empty where the server does not."""
        latency = self.latency
        term = {Signal.ENDED: latency.ended, Signal.SECONDS: latency.seconds, Signal.SLOW: latency.buckets}.get(part)
        return (term,) if term else ()

    @property
    def waiting(self) -> tuple[Term, ...]:
        """What of the concurrency waits; empty where the server does not tell."""
        return tuple(term for term in self.concurrency if term.waiting)


def _counter(metric: str, factor: float = 1.0, labels: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Term:
    return Term(metric, Kind.COUNTER, factor, labels)


def _histogram(name: str, unit_s: float = 1.0, labels: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Latency:
    return Latency(
        ended=_counter(f"{name}_count", labels=labels),
        seconds=_counter(f"{name}_sum", unit_s, labels),
        buckets=_counter(f"{name}_bucket", labels=labels),
        unit_s=unit_s,
    )


_MICROSECONDS, _MILLISECONDS = 1e-6, 1e-3

# Every rank of a tensor-parallel or pipeline-parallel engine shows the same requests; the request counter has no rank.
_FIRST_RANK = (("tp_rank", ("0", "")), ("pp_rank", ("0", "")))

# A request between two meshed pods is reported by both sides.
_AT_DESTINATION = (("reporter", ("destination",)),)

_ONLY_ENDED = "Requests count when they end: a surge of long requests is seen late."
_UNSCRAPED = (
    "The metric names were taken from documentation and not checked on a live server: compare them with a page of "
    "yours before you rely on it."
)

_ALL = (
    Preset(
        "vllm",
        concurrency=(Term("vllm:num_requests_running"), Term("vllm:num_requests_waiting", waiting=True)),
        rps=(_counter("vllm:request_success_total"),),
        latency=_histogram("vllm:e2e_request_latency_seconds"),
        note="Several engines of a pod add up.",
    ),
    Preset(
        "sglang",
        concurrency=(
            Term("sglang:num_running_reqs", labels=_FIRST_RANK),
            Term("sglang:num_queue_reqs", labels=_FIRST_RANK, waiting=True),
        ),
        rps=(_counter("sglang:num_requests_total", labels=_FIRST_RANK),),
        latency=_histogram("sglang:e2e_request_latency_seconds", labels=_FIRST_RANK),
        note="Needs --enable-metrics. Of the ranks of an engine only the first counts, as all show the same requests.",
    ),
    Preset(
        "tgi",
        concurrency=(Term("tgi_batch_current_size"), Term("tgi_queue_size", waiting=True)),
        rps=(_counter("tgi_request_count"),),
        latency=_histogram("tgi_request_duration"),
    ),
    Preset(
        "triton",
        # Not nv_inference_request_duration_us: it spans the wait that the pending gauge shows too.
        concurrency=(
            Term("nv_inference_pending_request_count", waiting=True),
            _counter("nv_inference_compute_input_duration_us", _MICROSECONDS),
            _counter("nv_inference_compute_infer_duration_us", _MICROSECONDS),
            _counter("nv_inference_compute_output_duration_us", _MICROSECONDS),
        ),
        rps=(_counter("nv_inference_request_success"),),
        latency=Latency(
            ended=_counter("nv_inference_request_success"),
            seconds=_counter("nv_inference_request_duration_us", _MICROSECONDS),
        ),
        note="Waiting requests are counted by a gauge, executing ones by their summed compute time. An ensemble and "
        "its models count separately; decoupled models report no compute time worth the name: use a query of your own.",
    ),
    Preset(
        "torchserve",
        # Spans the wait in the queue: ts_queue_latency_microseconds on top would count it twice.
        concurrency=(_counter("ts_inference_latency_microseconds", _MICROSECONDS),),
        rps=(_counter("ts_inference_requests_total"),),
        latency=Latency(
            ended=_counter("ts_inference_requests_total"),
            seconds=_counter("ts_inference_latency_microseconds", _MICROSECONDS),
        ),
        doubt=_UNSCRAPED,
        note=_ONLY_ENDED + " A pod is measured from its second request on.",
    ),
    Preset(
        "tf-serving",
        concurrency=(_counter(":tensorflow:serving:request_latency_sum", _MICROSECONDS),),
        rps=(_counter(":tensorflow:serving:request_count"),),
        latency=_histogram(":tensorflow:serving:request_latency", _MICROSECONDS),
        doubt=_UNSCRAPED,
        note=_ONLY_ENDED + " Needs a monitoring configuration with Prometheus enabled.",
    ),
    Preset(
        "ray-serve",
        # A queue stands where a handle is: on a proxy's pod or that of a caller, and not on each.
        concurrency=(
            Term("ray_serve_replica_processing_queries"),
            Term("ray_serve_deployment_queued_queries", everywhere=False, waiting=True),
        ),
        rps=(_counter("ray_serve_deployment_request_counter_total"),),
        latency=_histogram("ray_serve_deployment_processing_latency_ms", _MILLISECONDS),
        note="Queues at handles on pods outside the workload (a head node's proxy) do not count for it; a request "
        "that one deployment passes on to another counts where it runs and where it is awaited.",
    ),
    Preset(
        "kserve",
        concurrency=(_counter("request_predict_seconds_sum"),),
        rps=(_counter("request_predict_seconds_count"),),
        latency=_histogram("request_predict_seconds"),
        doubt=_UNSCRAPED,
        note=_ONLY_ENDED,
    ),
    Preset(
        "knative",
        # Not kn_serving_queue_depth: it is set when a request arrives, and so stays up when traffic ends; and it is
        # missing without a concurrency limit.
        concurrency=(_counter("kn_serving_invocation_duration_seconds_sum"),),
        rps=(_counter("kn_serving_invocation_duration_seconds_count"),),
        latency=_histogram("kn_serving_invocation_duration_seconds"),
        doubt=_UNSCRAPED,
        note=_ONLY_ENDED + " Requests that wait in the queue-proxy are not counted.",
    ),
    Preset(
        "istio",
        concurrency=(_counter("istio_request_duration_milliseconds_sum", _MILLISECONDS, _AT_DESTINATION),),
        rps=(_counter("istio_requests_total", labels=_AT_DESTINATION),),
        latency=_histogram("istio_request_duration_milliseconds", _MILLISECONDS, _AT_DESTINATION),
        by_key=KeyLabels("destination_workload", ("destination_workload_namespace",)),
        doubt=_UNSCRAPED,
        note=_ONLY_ENDED + " Only what the destination reports counts, so that no request counts twice.",
    ),
    Preset(
        "nginx-ingress",
        concurrency=(_counter("nginx_ingress_controller_request_duration_seconds_sum"),),
        rps=(_counter("nginx_ingress_controller_requests"),),
        latency=_histogram("nginx_ingress_controller_request_duration_seconds"),
        # `namespace` is the controller's own, unless the scrape honours labels; then there is no exported_namespace.
        by_key=KeyLabels("ingress", ("exported_namespace", "namespace")),
        doubt=_UNSCRAPED,
        note=_ONLY_ENDED,
    ),
    Preset(
        "envoy",
        concurrency=(
            Term("envoy_cluster_upstream_rq_active"),
            Term("envoy_cluster_upstream_rq_pending_active", waiting=True),
        ),
        rps=(_counter("envoy_cluster_upstream_rq_total"),),
        latency=_histogram("envoy_cluster_upstream_rq_time", _MILLISECONDS),
        by_key=KeyLabels("envoy_cluster_name"),
        doubt=_UNSCRAPED,
        note="Envoy knows no namespaces: the name of an upstream cluster must be unique wherever Prometheus looks.",
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})
"""Every preset by the name that users write in `plimsoll.dev/metrics-preset`."""
