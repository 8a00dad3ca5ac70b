"""The metrics page says of each workload what its standing decision says, and nothing of one that is gone."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from autoscaler.core.decisions.fleet import Fleet
from autoscaler.core.decisions.look import Look
from autoscaler.core.load.gathering import gather
from autoscaler.core.load.observation import NO_SAMPLES
from autoscaler.core.load.queries import Selection
from autoscaler.core.model import Metric, Mode, Policy, Question, WorkloadKey
from autoscaler.core.targets.holdings import GpuUse
from autoscaler.shell.gauges import gauges, gpu_gauges
from autoscaler.shell.telemetry import Telemetry

NOW_MS = 1_700_000_000_000
KINDS = {
    "busy": "Deployment",
    "left": "StatefulSet",
    "unseen": 'A "Kind"\\',
    "gone": "Deployment",
    "observed": "Deployment",
}
KEYS = {name: WorkloadKey(name, "ns", name, kind=kind) for name, kind in KINDS.items()}
KEYS_HERE = {uid: key for uid, key in KEYS.items() if uid != "gone"}
Page = dict[str, dict[tuple[str, ...], float]]


def fleet(pods: tuple[tuple[str, str], ...] = (("ns", "p"),)) -> Fleet:
    """Return a fleet after one tick: one decided on, one left alone, one observed, two of which nothing is known."""
    result = Fleet()
    for uid in KEYS:
        result.follow(uid, Policy(metric=Metric.RPS, target=10.0), NOW_MS)
    times = tuple((NOW_MS / 1000 - 3 + i, 4.5 * i) for i in range(4))
    name = {"__name__": "vllm:request_success_total", "namespace": "ns", "pod": "p"}
    samples = gather(Selection.of(Question(Metric.RPS)), [(name, times)])
    result.tick(
        NOW_MS + 1000,
        {
            "busy": Look(2, 1, samples, pods),
            "left": Look(7, 6, NO_SAMPLES, (), leave="an autoscaler"),
            "unseen": Look(3, 0, NO_SAMPLES, ()),
            "gone": Look(1, 1, NO_SAMPLES, ()),
            "observed": Look(5, 5, NO_SAMPLES, (), observed="an autoscaler"),
        },
    )
    return result


def page(fleet: Fleet) -> Page:
    """Return the page's samples of workloads, by family without its prefix, and by labels in order."""
    telemetry = Telemetry({}, lambda: gauges(fleet.figures(), KEYS_HERE.get), dict, dict, dict)
    return {
        family.name.removeprefix("plimsoll_autoscaler_"): {
            tuple(sample.labels.values()): sample.value for sample in family.samples if "namespace" in sample.labels
        }
        for family in text_string_to_metric_families(telemetry.exposition().decode())
    }


def test_the_page_says_what_the_standing_decisions_say() -> None:
    decided = fleet()
    shown = page(decided)
    for uid in ("busy", "left", "unseen"):
        key, decision = KEYS[uid], decided.decision(uid)
        assert decision is not None
        labels = (key.namespace, key.name, key.kind)
        assert shown["desired_replicas"][labels] == decision.desired
        assert shown["requested_replicas"][labels] == decision.inputs.current
        assert shown["ready_replicas"][labels] == decision.inputs.ready
        assert shown["target_load"][*labels, "rps"] == decision.inputs.policy.target
        assert shown["load"].get((*labels, "rps", "stable")) == decision.inputs.stable
        assert shown["load"].get((*labels, "rps", "panic")) == decision.inputs.panic
        assert shown["excess_burst_capacity"].get(labels) == decision.excess_burst_capacity
    busy = decided.decision("busy")
    assert busy is not None
    assert busy.mode is not Mode.HELD
    assert shown["decided_timestamp_seconds"] == {("ns", "busy", "Deployment"): busy.inputs.at_ms / 1000}


def test_a_mode_says_whether_a_workload_is_held_or_left_to_somebody_else() -> None:
    shown = page(fleet())["mode"]
    assert len(shown) == 4 * 4
    modes = {labels[1]: labels[3] for labels, value in shown.items() if value}
    assert modes == {"busy": "panic", "left": "left", "unseen": "held", "observed": "held"}


def test_what_is_wanted_is_told_where_it_was_decided() -> None:
    decided = fleet()
    busy = decided.decision("busy")
    assert busy is not None
    assert page(decided)["wanted_replicas"] == {("ns", "busy", "Deployment"): busy.wanted}


def test_a_workload_of_which_some_pods_sent_no_samples_is_named() -> None:
    assert set(page(fleet())["partly_measured"].values()) == {0.0}
    part = fleet(pods=(("ns", "p"), ("ns", "silent")))
    assert {labels[1]: value for labels, value in page(part)["partly_measured"].items()}["busy"] == 1.0


def test_what_is_observed_is_told_from_what_is_carried_out() -> None:
    shown = page(fleet())["observing"]
    assert {labels[1]: value for labels, value in shown.items()} == {"busy": 0, "left": 0, "unseen": 0, "observed": 1}


def test_of_a_workload_that_is_gone_there_is_no_series() -> None:
    decided = fleet()
    assert not any("gone" in labels for family in page(decided).values() for labels in family)
    decided.forget("busy")
    assert not any("busy" in labels for family in page(decided).values() for labels in family)


def test_before_the_first_tick_there_is_a_page_without_workloads() -> None:
    assert page(Fleet())["scale_writes"] == {}


def test_the_page_says_what_workloads_hold_of_gpus_and_held_so_far_by_project() -> None:
    uses = {
        "busy": GpuUse({"": 500, 'a "b"': 2000}, {"": 3000, 'a "b"': 1}, 2000),
        "gone": GpuUse({"": 1000}, {"": 1000}, 1000),
    }
    text = gpu_gauges(uses, KEYS_HERE.get)
    assert "# TYPE plimsoll_autoscaler_gpu_minutes_total counter\n" in text
    found = {
        family.name.removeprefix("plimsoll_autoscaler_"): {
            (sample.labels["workload"], sample.labels.get("project")): sample.value for sample in family.samples
        }
        for family in text_string_to_metric_families(text)
    }
    assert found == {
        "held_gpus": {("busy", ""): 0.5, ("busy", 'a "b"'): 2.0},
        "gpus_per_replica": {("busy", None): 2.0},
        "gpu_minutes": {("busy", ""): 3.0, ("busy", 'a "b"'): 0.001},
    }
