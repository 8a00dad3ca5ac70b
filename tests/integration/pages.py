"""What do the metrics pages of inference servers look like? Written down from their documents, one a preset.

`served` seconds after its start a server has answered ten requests each second, each half a second long, and five are
there at any moment: so a rate of 10 and a concurrency of 5, whichever way the preset takes.
"""

from __future__ import annotations

RATE, CONCURRENCY = 10.0, 5.0


def pages(seconds: float) -> dict[str, str]:
    """Return the page of each server that has served for so long."""
    requests, busy = RATE * seconds, CONCURRENCY * seconds
    return {
        "vllm": f"""
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="m"}} 2
vllm:num_requests_running{{engine="1",model_name="m"}} 1
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="m"}} 2
vllm:num_requests_waiting{{engine="1",model_name="m"}} 0
# TYPE vllm:request_success_total counter
vllm:request_success_total{{engine="0",finished_reason="stop",model_name="m"}} {requests / 2}
vllm:request_success_total{{engine="1",finished_reason="length",model_name="m"}} {requests / 2}
# TYPE vllm:e2e_request_latency_seconds histogram
vllm:e2e_request_latency_seconds_bucket{{engine="0",le="0.3",model_name="m"}} 0
vllm:e2e_request_latency_seconds_bucket{{engine="0",le="0.5",model_name="m"}} {requests}
vllm:e2e_request_latency_seconds_bucket{{engine="0",le="+Inf",model_name="m"}} {requests}
vllm:e2e_request_latency_seconds_count{{engine="0",model_name="m"}} {requests}
vllm:e2e_request_latency_seconds_sum{{engine="0",model_name="m"}} {busy}
""",
        "sglang": f"""
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{{engine_type="unified",model_name="m",pp_rank="0",tp_rank="0"}} 4
sglang:num_running_reqs{{engine_type="unified",model_name="m",pp_rank="0",tp_rank="1"}} 4
# TYPE sglang:num_queue_reqs gauge
sglang:num_queue_reqs{{engine_type="unified",model_name="m",pp_rank="0",tp_rank="0"}} 1
sglang:num_queue_reqs{{engine_type="unified",model_name="m",pp_rank="0",tp_rank="1"}} 1
# TYPE sglang:num_requests_total counter
sglang:num_requests_total{{model_name="m"}} {requests}
""",
        "tgi": f"""
# TYPE tgi_batch_current_size gauge
tgi_batch_current_size 3
# TYPE tgi_queue_size gauge
tgi_queue_size 2
# TYPE tgi_request_count counter
tgi_request_count {requests}
""",
        "triton": f"""
# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{{model="m",version="1"}} 1
# TYPE nv_inference_request_success counter
nv_inference_request_success{{model="m",version="1"}} {requests}
# TYPE nv_inference_request_duration_us counter
nv_inference_request_duration_us{{model="m",version="1"}} {busy * 1e6}
# TYPE nv_inference_compute_input_duration_us counter
nv_inference_compute_input_duration_us{{model="m",version="1"}} {busy / 5 * 1e6}
# TYPE nv_inference_compute_infer_duration_us counter
nv_inference_compute_infer_duration_us{{model="m",version="1"}} {busy / 5 * 2e6}
# TYPE nv_inference_compute_output_duration_us counter
nv_inference_compute_output_duration_us{{model="m",version="1"}} {busy / 5 * 1e6}
""",
        "torchserve": f"""
# TYPE ts_inference_requests_total counter
ts_inference_requests_total{{model_name="m",model_version="default",hostname="h",}} {requests}
# TYPE ts_inference_latency_microseconds counter
ts_inference_latency_microseconds{{model_name="m",model_version="default",hostname="h",}} {busy * 1e6}
# TYPE ts_queue_latency_microseconds counter
ts_queue_latency_microseconds{{model_name="m",model_version="default",hostname="h",}} {busy / 5 * 1e6}
""",
        "tf-serving": f"""
# TYPE :tensorflow:serving:request_count counter
:tensorflow:serving:request_count{{model_name="m",status="OK"}} {requests}
# TYPE :tensorflow:serving:request_latency histogram
:tensorflow:serving:request_latency_bucket{{model_name="m",API="predict",entrypoint="REST",le="+Inf"}} {requests}
:tensorflow:serving:request_latency_sum{{model_name="m",API="predict",entrypoint="REST"}} {busy * 1e6}
:tensorflow:serving:request_latency_count{{model_name="m",API="predict",entrypoint="REST"}} {requests}
""",
        "ray-serve": f"""
# TYPE ray_serve_replica_processing_queries gauge
ray_serve_replica_processing_queries{{application="a",deployment="d",replica="1"}} 3
# TYPE ray_serve_deployment_queued_queries gauge
ray_serve_deployment_queued_queries{{application="a",deployment="d",handle="h"}} 2
# TYPE ray_serve_deployment_request_counter_total counter
ray_serve_deployment_request_counter_total{{application="a",deployment="d",replica="1",route="/"}} {requests}
""",
        "kserve": _histogram("request_predict_seconds", 'model_name="m"', requests, busy),
        "knative": """
# TYPE kn_serving_queue_depth gauge
kn_serving_queue_depth{kn_revision_name="r"} 7
"""
        + _histogram("kn_serving_invocation_duration_seconds", 'kn_revision_name="r"', requests, busy),
        "istio": "".join(
            f"""
istio_requests_total{{{labels}}} {requests}
istio_request_duration_milliseconds_sum{{{labels}}} {busy * 1000}
"""
            for reporter in ("destination", "source")
            for labels in [
                f'reporter="{reporter}",destination_workload="key",destination_workload_namespace="ns",response_code="200"'
            ]
        ),
        "nginx-ingress": f"""
nginx_ingress_controller_requests{{ingress="key",namespace="ns",service="s",status="200"}} {requests}
"""
        + _histogram(
            "nginx_ingress_controller_request_duration_seconds", 'ingress="key",namespace="ns"', requests, busy
        ),
        "envoy": f"""
# TYPE envoy_cluster_upstream_rq_active gauge
envoy_cluster_upstream_rq_active{{envoy_cluster_name="key"}} 4
# TYPE envoy_cluster_upstream_rq_pending_active gauge
envoy_cluster_upstream_rq_pending_active{{envoy_cluster_name="key"}} 1
# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{{envoy_cluster_name="key"}} {requests}
""",
    }


def _histogram(name: str, labels: str, count: float, total: float) -> str:
    return f"""
# TYPE {name} histogram
{name}_bucket{{{labels},le="+Inf"}} {count}
{name}_sum{{{labels}}} {total}
{name}_count{{{labels}}} {count}
"""
