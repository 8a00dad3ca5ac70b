from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.demo.core.arrivals import Arrival, peak, service_s
from plimsoll.demo.core.story import (
    GPUS_PER_NODE,
    NODES,
    TRACE_S,
    TRAINING,
    WORKLOADS,
    Load,
    Workload,
    generated_load,
    inference,
    namespace,
    out_tokens,
    traced_load,
    training,
    whole,
)


def in_service_at_the_peak(load: Load, workload: Workload) -> float:
    scale = load.time_scale[workload.name]
    return peak(load.arrivals, lambda each: scale * service_s(each.in_tokens, out_tokens(workload, each)))


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_the_peak_fits_the_most_replicas_and_needs_many_of_them(seed: int) -> None:
    load = generated_load(seed)
    for workload in WORKLOADS:
        needed = in_service_at_the_peak(load, workload) / workload.slots
        assert workload.most / 2 < needed < workload.most


@given(
    st.lists(st.tuples(st.floats(0, 10_000), st.integers(0, 5000), st.integers(0, 2000)), min_size=2, max_size=300),
    st.integers(0, 100),
)
def test_any_trace_fits_the_most_replicas_and_the_time(rows: list[tuple[float, int, int]], seed: int) -> None:
    trace = tuple(sorted((Arrival(*row) for row in rows), key=lambda arrival: arrival.at_s))
    load = traced_load(trace, whole(trace), seed)
    assert all(0 <= arrival.at_s <= TRACE_S for arrival in load.arrivals)
    for workload in WORKLOADS:
        assert in_service_at_the_peak(load, workload) <= workload.most * workload.slots


def test_phases_follow_each_other() -> None:
    load = generated_load(1)
    assert [load.phase(at_s) for at_s in (0, 24.9, 25, 99, 100, 500)] == [
        "calm",
        "calm",
        "burst",
        "burst",
        "calm again",
        "calm again",
    ]


def test_a_short_trace_is_not_slowed_down() -> None:
    assert whole((Arrival(5, 1, 1), Arrival(6, 1, 1))) == 1.0


def test_all_pods_have_room_on_the_cluster_only_because_they_share() -> None:
    gpus = NODES * GPUS_PER_NODE
    training_gpus = TRAINING.pods * TRAINING.gpus
    assert training_gpus + sum(-(-each.most * each.milli // 1000) for each in WORKLOADS) <= gpus
    assert training_gpus + sum(each.most for each in WORKLOADS) > gpus


def test_manifests_carry_what_plimsoll_reads() -> None:
    assert namespace()["metadata"]["labels"] == {"plimsoll.dev/managed": "true"}
    chat = inference(WORKLOADS[0])
    assert chat["metadata"]["labels"]["plimsoll.dev/autoscale"] == "true"
    assert chat["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] == "12"
    assert chat["spec"]["template"]["metadata"]["annotations"] == {"gpu-fraction": "0.25"}
    (container,) = training(TRAINING)["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {"limits": {"nvidia.com/gpu": "3"}}
    assert "plimsoll.dev/autoscale" not in training(TRAINING)["metadata"]["labels"]
