from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler import config
from plimsoll.demo.core.arrivals import Arrival, peak, service_s
from plimsoll.demo.core.story import (
    BRIEF,
    GPUS_PER_NODE,
    NODES,
    TRAINING,
    UNHURRIED,
    WORKLOADS,
    Load,
    Tempo,
    Workload,
    generated_load,
    inference,
    namespace,
    out_tokens,
    traced_load,
    training,
    whole,
)

tempos = pytest.mark.parametrize("tempo", [UNHURRIED, BRIEF], ids=["unhurried", "brief"])


def in_service_at_the_peak(load: Load, workload: Workload) -> float:
    scale = load.time_scale[workload.name]
    return peak(load.arrivals, lambda each: scale * service_s(each.in_tokens, out_tokens(workload, each)))


@tempos
@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_the_peak_fits_the_most_replicas_and_needs_many_of_them(tempo: Tempo, seed: int) -> None:
    load = generated_load(seed, tempo)
    for workload in WORKLOADS:
        needed = in_service_at_the_peak(load, workload) / workload.slots
        assert workload.most / 2 < needed < workload.most


@tempos
@given(
    rows=st.lists(
        st.tuples(st.floats(0, 10_000), st.integers(0, 5000), st.integers(0, 2000)), min_size=2, max_size=300
    ),
    seed=st.integers(0, 100),
)
def test_any_trace_fits_the_most_replicas_and_the_time(
    tempo: Tempo, rows: list[tuple[float, int, int]], seed: int
) -> None:
    trace = tuple(sorted((Arrival(*row) for row in rows), key=lambda arrival: arrival.at_s))
    load = traced_load(trace, whole(trace, tempo), seed, tempo=tempo)
    assert all(0 <= arrival.at_s <= tempo.load_s for arrival in load.arrivals)
    for workload in WORKLOADS:
        assert in_service_at_the_peak(load, workload) <= workload.most * workload.slots


@pytest.mark.parametrize(
    ("tempo", "burst_s", "calm_s", "end_s"), [(UNHURRIED, 25.0, 100.0, 130.0), (BRIEF, 8.0, 30.0, 38.0)]
)
def test_phases_follow_each_other(tempo: Tempo, burst_s: float, calm_s: float, end_s: float) -> None:
    load = generated_load(1, tempo)
    assert [phase.at_s for phase in load.phases] == [0.0, burst_s, calm_s]
    assert [load.phase(at_s) for at_s in (0.0, burst_s - 0.1, burst_s, calm_s - 0.1, calm_s, 500.0)] == [
        "calm",
        "calm",
        "burst",
        "burst",
        "calm again",
        "calm again",
    ]
    assert tempo.load_s == end_s
    assert calm_s < load.arrivals[-1].at_s < end_s


@tempos
def test_the_autoscaler_takes_the_windows_that_a_tempo_means(tempo: Tempo) -> None:
    for workload in WORKLOADS:
        annotations = inference(workload, tempo)["metadata"]["annotations"]
        resolved, problems = config.resolve(
            config.Defaults(), config.DeploymentDefaults(), annotations, name=workload.name
        )
        policy = resolved.policy
        assert problems == ()
        assert (policy.stable_window_s, policy.panic_window_s) == (tempo.window_s, tempo.panic_window_s)


def test_a_short_trace_is_not_slowed_down() -> None:
    assert whole((Arrival(5, 1, 1), Arrival(6, 1, 1)), UNHURRIED) == 1.0


def test_all_pods_have_room_on_the_cluster_only_because_they_share() -> None:
    gpus = NODES * GPUS_PER_NODE
    training_gpus = TRAINING.pods * TRAINING.gpus
    assert training_gpus + sum(-(-each.most * each.milli // 1000) for each in WORKLOADS) <= gpus
    assert training_gpus + sum(each.most for each in WORKLOADS) > gpus


def test_manifests_carry_what_plimsoll_reads() -> None:
    assert namespace()["metadata"]["labels"] == {"plimsoll.dev/managed": "true"}
    chat = inference(WORKLOADS[0], UNHURRIED)
    assert chat["metadata"]["labels"]["plimsoll.dev/autoscale"] == "true"
    assert chat["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] == "12"
    assert chat["spec"]["template"]["metadata"]["annotations"] == {"gpu-fraction": "0.25"}
    (container,) = training(TRAINING)["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {"limits": {"nvidia.com/gpu": "3"}}
    assert "plimsoll.dev/autoscale" not in training(TRAINING)["metadata"]["labels"]
