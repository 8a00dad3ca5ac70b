"""The fleet scales by latency: what it sees, holds, names, tells and takes back, on the queueing model."""

from __future__ import annotations

import random
from dataclasses import replace
from math import inf, isnan

import msgspec
import pytest

from autoscaler.core.decisions.by_latency import LatencyDecided, again, recalled, told
from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.explanation import chain
from autoscaler.core.decisions.record import Record
from autoscaler.core.law.latency import MOST_TIMES
from autoscaler.core.law.latency_terms import Memory, Phase
from autoscaler.core.load.observation import NO_SAMPLES
from autoscaler.core.model import MOST_REPLICAS, Decision, Mode, Signal
from autoscaler.shell.gauges import gauges
from autoscaler.shell.messages import from_message, to_message
from autoscaler.shell.record_text import read, written
from autoscaler.v1 import autoscaler_pb2 as v1
from tests.autoscaler.recorded import KEY
from tests.benchmarks.latency_fleet import BEGIN_S, Law, policy
from tests.benchmarks.queueing import VLLM_BUCKETS_S, Disturbance, Plant, Queueing, Request, Routing, run

AIM_S = 5.0


def requests(rate: float, until_s: float, *, from_s: float = 0.0, seed: int = 1) -> list[Request]:
    """Requests that come by chance and take 2 s on average."""
    draw, at_s, found = random.Random(seed), from_s, []  # noqa: S311  a seed, for the same requests each time
    while (at_s := at_s + draw.expovariate(rate)) < until_s:
        found.append(Request(at_s, draw.gammavariate(2.0, 1.0)))
    return found


def played(
    arrivals: list[Request], until_s: float, *, replicas: int = 1, plant: Plant | None = None, by_mean: bool = False
) -> tuple[Queueing, Law, list[tuple[float, int]], list[Decision]]:
    """Return what came of a run, and every decision."""
    law = Law(replace(policy(AIM_S), latency_by_mean=by_mean), VLLM_BUCKETS_S)
    queueing, decisions = Queueing(plant or Plant(), arrivals, replicas), []

    def decide(now: Queueing) -> int | None:
        wanted = law.decide(now)
        if wanted is not None and law.decision is not None:
            decisions.append(law.decision)
        return wanted

    return queueing, law, run(queueing, decide, until_s, every_s=1.0), decisions


def share_slow(queueing: Queueing, from_s: float) -> float:
    late = [one.latency_s > AIM_S for one in queueing.ended if one.at_s >= from_s]
    return sum(late) / len(late)


@pytest.mark.parametrize("by_mean", [False, True], ids=["by a percentile", "by the mean"])
def test_the_target_is_reached_where_replicas_help(by_mean: bool) -> None:  # noqa: FBT001
    queueing, _, changes, _ = played(requests(6.0, 1500), 1500, by_mean=by_mean)
    assert share_slow(queueing, 600) < 0.05
    assert 3 <= changes[-1][1] <= 9


def test_without_requests_the_replicas_stay_and_are_never_none() -> None:
    _, _, changes, decisions = played([], 900, replicas=2)
    assert changes == [(0.0, 2)]
    assert "no request ended" in decisions[-1].reason


def test_after_the_last_request_one_replica_stays() -> None:
    _, _, changes, _ = played(requests(6.0, 900), 2700)
    assert changes[-1][1] == 1


@pytest.mark.parametrize("by_mean", [False, True], ids=["by a percentile", "by the mean"])
def test_once_no_request_ended_within_a_stable_window_there_is_no_latency(by_mean: bool) -> None:  # noqa: FBT001
    _, law, _, decisions = played(requests(6.0, 300), 420, by_mean=by_mean)
    shown = {one.inputs.at_ms // 1000 - BEGIN_S: one.inputs.latency.get("percentile_s") for one in decisions}
    figures = law.figures()
    assert figures is not None
    assert shown[320] is not None
    assert shown[420] is None
    assert isnan(figures.latency[0])
    assert "plimsoll_autoscaler_latency_seconds{" not in gauges(figures, lambda _: KEY)


def test_a_few_requests_at_night_are_no_reason_to_rise() -> None:
    _, _, changes, _ = played([Request(600.0 + 200.0 * n, 20.0) for n in range(3)], 1800)
    assert changes == [(0.0, 1)]


@pytest.mark.parametrize("missing", [Signal.SLOW, Signal.ENDED, Signal.SECONDS])
def test_what_is_not_measured_whole_is_held_and_said(missing: Signal, monkeypatch: pytest.MonkeyPatch) -> None:
    law = Law(policy(AIM_S), VLLM_BUCKETS_S)
    whole = law._signals

    def with_a_hole() -> object:
        return whole() | ({missing: NO_SAMPLES} if queueing.now_s > 600 else {})

    monkeypatch.setattr(law, "_signals", with_a_hole)
    queueing = Queueing(Plant(), [*requests(6.0, 600), *requests(1.0, 1800, from_s=600)], 1)
    run(queueing, law.decide, 600, every_s=1.0)
    before = queueing.requested
    changes = run(queueing, law.decide, 1800, every_s=1.0)
    decision = law.decision
    assert decision is not None
    assert [count for _, count in changes] == [before]
    assert (decision.mode, decision.reason) == (Mode.HELD, "held: latency was not measured whole")


@pytest.mark.parametrize(
    ("bounds_s", "ends"),
    [((0.1, 0.25, inf), "ends at 0.25s"), ((inf,), "has no bound but +Inf")],
    ids=["below the target", "no finite bound"],
)
def test_a_histogram_that_ends_below_the_target_holds_and_says_what_to_do(
    bounds_s: tuple[float, ...], ends: str
) -> None:
    law, queueing = Law(policy(AIM_S), bounds_s), Queueing(Plant(buckets_s=bounds_s), requests(6.0, 1200), 8)
    changes = run(queueing, law.decide, 1200, every_s=1.0)
    decision = law.decision
    assert decision is not None
    assert [count for _, count in changes] == [8]
    assert (decision.mode, decision.unhelped, law.unhelped_since_s) == (Mode.HELD, False, None)
    assert decision.reason.startswith(f"held: the target is 5s and the server's histogram {ends}: ")
    assert "lower latency-target-ms" in decision.reason
    assert decision.inputs.latency == {"short_s": max((bound for bound in bounds_s if bound < inf), default=0.0)}
    assert decide_again(decision.inputs) == decision
    assert any(decision.reason.removeprefix("held: ") in step.says for step in chain(decision))
    assert "plimsoll_autoscaler_latency_seconds{" not in gauges(law.figures(), lambda _: KEY)


def test_a_histogram_that_ends_at_the_target_is_enough() -> None:
    bounds_s = (1.0, AIM_S, inf)
    law, queueing = Law(policy(AIM_S), bounds_s), Queueing(Plant(buckets_s=bounds_s), requests(6.0, 600), 8)
    run(queueing, law.decide, 600, every_s=1.0)
    assert law.decision is not None
    assert law.decision.mode is not Mode.HELD


def test_a_count_beyond_all_measure_ends_at_the_most_and_costs_no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    law, queueing = Law(policy(AIM_S), VLLM_BUCKETS_S), Queueing(Plant(), requests(6.0, 120), 1)
    run(queueing, law.decide, 120, every_s=1.0)
    monkeypatch.setattr("autoscaler.core.decisions.decision.decided_on", lambda _: LatencyDecided(Memory(), 10**30))
    assert law.decide(queueing) == MOST_REPLICAS


def test_one_bad_pod_is_named_and_replicas_stay_within_the_bound() -> None:
    plant = Plant(routing=Routing.ROUND_ROBIN, disturbance=Disturbance(from_s=900, bad_pod=0))
    _, _, changes, decisions = played(requests(6.0, 2100), 2100, replicas=4, plant=plant)
    before = max(count for at_s, count in changes if at_s < 900)
    assert max(count for _, count in changes) <= MOST_TIMES * before
    assert any(one.inputs.slowest == "0" and "only 0 is slow" in one.reason for one in decisions)


def test_what_replicas_do_not_cure_is_said_within_ten_windows() -> None:
    plant = Plant(disturbance=Disturbance(from_s=900, slower=3.0))
    _, law, _, decisions = played(requests(6.0, 2100), 2100, replicas=4, plant=plant)
    assert law.unhelped_since_s is not None
    assert 900 < law.unhelped_since_s <= 900 + 660
    said = next(one for one in decisions if one.unhelped)
    assert "more replicas do not help" in said.reason


def test_the_same_inputs_give_the_same_decision_and_lead_to_it() -> None:
    plant = Plant(disturbance=Disturbance(from_s=400, until_s=700, extra_s=15.0))
    _, _, _, decisions = played(requests(6.0, 1200), 1200, plant=plant)
    assert len({one.desired for one in decisions}) > 2
    for decision in decisions:
        assert decide_again(decision.inputs) == decision
        assert chain(decision)[-1].replicas == decision.desired
        assert "report with the record" not in chain(decision)[-1].says


def test_whoever_takes_over_goes_on_as_if_nothing_had_been() -> None:
    """What is told after a tick is enough: a fleet that recalls it decides the same from then on."""
    arrivals = requests(6.0, 1500)
    _, _, whole, _ = played(arrivals, 1500)
    law, queueing = Law(policy(AIM_S), VLLM_BUCKETS_S), Queueing(Plant(), arrivals, 1)
    changes = run(queueing, law.decide, 240, every_s=1.0)
    other = Law(policy(AIM_S), VLLM_BUCKETS_S)
    other.take_over(law)
    changes += run(queueing, other.decide, 1500, every_s=1.0)[1:]
    assert changes == whole


def test_of_a_memory_of_long_ago_what_was_learned_stays_and_no_judgement() -> None:
    memory = Memory(
        at_s=100.0, phase=Phase.TRIED, per_replica=1.5, service_s=2.0, ceiling=3.0, debt=4.0, window=7, ready=4,
        missed_since_s=90.0, trial_per_replica=2.5, pressed_s=9.0, raised_s=80.0,
    )  # fmt: skip
    kept = recalled(told(memory)).learned()
    assert kept == Memory(per_replica=2.5, service_s=2.0, ceiling=3.0, window=7, raised_s=80.0)


def test_that_more_replicas_did_not_help_lasts() -> None:
    assert recalled(told(Memory(phase=Phase.GIVEN_UP))).learned().phase is Phase.GIVEN_UP
    assert recalled(told(Memory(phase=Phase.MISSED))).learned().phase is Phase.KEPT


def test_every_memory_is_told_and_recalled() -> None:
    _, _, _, decisions = played(requests(6.0, 900), 900, plant=Plant(disturbance=Disturbance(from_s=300, slower=4.0)))
    phases = set()
    for decision in decisions:
        memory = again(decision.inputs).memory
        phases.add(memory.phase)
        assert told(memory) == decision.inputs.learned
        assert recalled(told(memory)) == memory
        assert all(value > 0 for value in decision.inputs.learned.values())
    assert Phase.MISSED in phases


def test_a_follower_that_never_was_told_learns_anew_and_takes_nothing_away_before() -> None:
    arrivals = requests(6.0, 1500)
    law, queueing = Law(policy(AIM_S), VLLM_BUCKETS_S), Queueing(Plant(), arrivals, 1)
    run(queueing, law.decide, 700, every_s=1.0)
    standing = queueing.requested
    other = Law(policy(AIM_S), VLLM_BUCKETS_S)
    changes = run(queueing, other.decide, 820, every_s=1.0)
    assert min(count for _, count in changes) == standing


def test_times_are_those_of_the_ticks() -> None:
    _, _, _, decisions = played(requests(6.0, 60), 60)
    assert decisions[0].inputs.at_ms == 1000 * (BEGIN_S + 2)


def test_a_decision_by_latency_crosses_processes_and_is_written_and_read_as_it_was() -> None:
    plant = Plant(routing=Routing.ROUND_ROBIN, disturbance=Disturbance(from_s=300, bad_pod=0))
    _, _, _, decisions = played(requests(6.0, 600), 600, replicas=4, plant=plant)
    for decision in decisions[::20]:
        record = Record(KEY, decision)
        assert from_message(v1.Record.FromString(to_message(record).SerializeToString())) == record
        assert read(msgspec.json.decode(msgspec.json.encode(written(record)))) == record


def test_the_metrics_say_latency_target_and_whether_replicas_help() -> None:
    plant = Plant(disturbance=Disturbance(from_s=0, slower=6.0))
    _, law, _, decisions = played(requests(3.0, 1200), 1200, replicas=8, plant=plant)
    page = gauges(law.figures(), lambda _: KEY)
    shown = {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in page.splitlines() if line[0] != "#"}
    assert shown["plimsoll_autoscaler_latency_target_seconds"] == AIM_S
    assert shown["plimsoll_autoscaler_latency_seconds"] > AIM_S
    assert shown["plimsoll_autoscaler_latency_not_load_related"] == decisions[-1].unhelped == 1
    assert "plimsoll_autoscaler_excess_burst_capacity" not in shown
    assert 'what="latency_per_replica"' in page
