"""A fleet of many rows decides as a plain twin does for one workload after the other, whatever happens beside them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.fleet import Fleet
from autoscaler.core.decisions.look import Look
from autoscaler.core.load.observation import NO_SAMPLES, Samples, Steps
from autoscaler.core.model import (
    SECOND_NS,
    Averaging,
    Decision,
    Estimate,
    Metric,
    Mode,
    Placement,
    Policy,
    Seen,
    Signal,
)
from tests.autoscaler.core.decisions.fleet_twin import FleetTwin

BEGIN_MS = 1_000_000_000
PASSING_MS = {2000: 200, 0: 10, 1: 10, 999: 10, 1000: 10, 3000: 10, 4001: 10, 10_000: 10, 700_000: 2}
SET_BACK_MS = {-1000: 3, -3999: 3, -5000: 3, -6000: 3, -7000: 3, -3_600_000: 2}
STEPS_MS = PASSING_MS | SET_BACK_MS  # by how often
MOST_REPLICAS_OBEYED = 50  # a place each costs the story its time
RECENT_S = 20


@dataclass
class Served:
    """What the cluster shows of one workload."""

    replicas: int
    load: float
    observed: str = ""


class Story:
    """What happens to a fleet and its twin, by chance."""

    def __init__(self, seed: int, rows: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  a story, no secret
        self.room = random.Random(seed)  # noqa: S311
        self.rows = rows
        self.fleet, self.twin = Fleet(), FleetTwin()
        self.now_ms = BEGIN_MS
        self.served: dict[str, Served] = {}
        self.met: Counter[Mode | Seen | str] = Counter()

    def go_on(self) -> None:
        """Let time pass, things change and both decide, and compare."""
        self.now_ms += self.chance.choices(list(STEPS_MS), list(STEPS_MS.values()))[0]
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            self.leave()
        for _ in range(self.chance.choice([0, 1, 3, self.rows // 5])):
            self.join()
        for uid in self.served:
            if self.happens(0.05):
                self.change(uid)
        looks = {uid: self.look(uid) for uid in self.served}
        changed = self.fleet.tick(self.now_ms, looks)
        expected = self.twin.tick(self.now_ms, looks)
        self.compare(expected)
        to_write = [uid for uid, look in looks.items() if not look.observed]
        assert sorted(changed) == sorted(uid for uid in to_write if expected[uid].desired != looks[uid].current)
        anew = {uid for uid in looks.keys() - to_write if 0 < expected[uid].inputs.standing != expected[uid].desired}
        assert sorted(self.fleet.observed_changes()) == sorted(anew)
        self.met["observed"] += len(anew)
        for uid in to_write:
            decision = expected[uid]
            if self.happens(0.5) and not looks[uid].leave and decision.desired <= MOST_REPLICAS_OBEYED:
                self.served[uid].replicas = decision.desired

    def happens(self, probability: float) -> bool:
        return self.chance.random() < probability

    def join(self) -> None:
        if len(self.served) == self.rows:
            return
        # Some were there before.
        uid = self.chance.choice([f"u{number}" for number in range(2 * self.rows) if f"u{number}" not in self.served])
        policy, query = self.policy(), self.query()
        created_s = self.chance.choice([0, self.now_ms // 1000 - 5])
        for each in (self.fleet, self.twin):
            each.follow(uid, policy, self.now_ms, query=query, created_s=created_s)
        self.served[uid] = Served(self.chance.randrange(6), self.chance.uniform(0, 200))
        assert self.fleet.decision(uid) is None

    def leave(self) -> None:
        if not self.served:
            return
        uid = self.chance.choice(list(self.served))
        for each in (self.fleet, self.twin):
            each.forget(uid)
        del self.served[uid]
        assert self.fleet.decision(uid) is None

    def change(self, uid: str) -> None:
        """Change a workload's policy altogether, or only its windows, its delay, its metric or its own query."""
        before = self.twin.workloads[uid]
        policy, query, other = before.policy, before.query, self.policy()
        what = self.chance.choice(["all", "all but metric", "windows", "delay", "metric", "query"])
        if what == "all":
            policy, query = other, self.query()
        elif what == "all but metric":
            policy = replace(other, metric=policy.metric)
        elif what == "windows":
            policy = replace(policy, stable_window_s=other.stable_window_s, panic_window_s=other.panic_window_s)
        elif what == "delay":
            policy = replace(policy, scale_down_delay_s=other.scale_down_delay_s)
        elif what == "metric":
            policy = replace(policy, metric=other.metric)
        else:
            query = self.query()
        other_unit = policy.metric is not before.policy.metric or query != before.query
        self.met["begins anew"] += before.measured.ever and other_unit
        for each in (self.fleet, self.twin):
            each.follow(uid, policy, self.now_ms, query=query)

    def query(self) -> str:
        return self.chance.choice(["", "", "sum(queued)"])

    def policy(self) -> Policy:
        choice = self.chance.choice
        stable_window_s = choice([6, 7, 10, 30, 60])
        return Policy(
            metric=choice([Metric.CONCURRENCY, Metric.RPS]),
            averaging=choice(list(Averaging)),
            target=choice([0.01, 1.0, 7.0, 10.0, 33.3]),
            total=choice([1.0, 10.0, 50.0]),
            target_burst_capacity=choice([-1.0, 0.0, 10.0, 211.0]),
            panic_threshold=choice([1.1, 2.0, 10.0]),
            stable_window_s=stable_window_s,
            panic_window_s=choice([1, 2, 6, stable_window_s]),
            max_scale_up_rate=choice([1.1, 2.0, 1000.0]),
            max_scale_down_rate=choice([1.1, 2.0, 10.0]),
            scale_down_delay_s=choice([0, 0, 1, 2, 3, 10, 30, 61]),
            activation_scale=choice([0, 0, 2, 4]),
            initial_scale=choice([1, 1, 2, 4]),
            min_scale=choice([0, 0, 0, 1, 2, 5]),
            max_scale=choice([0, 0, 0, 3, 10, 50]),
            reachable=self.happens(0.85),
            limit_to_placeable=self.room.random() < 0.3,
            progress_deadline_ns=choice([0, 600]) * SECOND_NS,
            count_starting_replicas=self.happens(0.3),
            load_estimate=choice([Estimate.BACKLOG, Estimate.OFFERED]),
            drain_period_s=choice([1, 10, 60]),
            panic_exit_hold_s=choice([0, 10, 60]),
            rate_period_s=choice([0, 0, 3, 15, 60]),
        )

    def look(self, uid: str) -> Look:
        served = self.served[uid]
        if self.happens(0.1):
            served.load = self.chance.choice([0.0, 1.0, self.chance.uniform(0, 2000)])
        if self.happens(0.1):
            served.replicas = self.chance.randrange(30)
        if self.happens(0.03):
            served.observed = "" if served.observed else "another sets them"
        current = served.replicas
        ready = self.chance.choice([current, current, current, current // 2, 0])
        places = tuple(("ns", f"{uid}-{number}") for number in range(ready))
        return Look(
            current,
            ready,
            self.samples(places, served.load),
            places,
            hold="no good configuration" if self.happens(0.03) else "",
            leave="another scales it" if self.happens(0.03) else "",
            observed=served.observed,
            starting=self.chance.randrange(20) if self.happens(0.3) else 0,
            signals={
                Signal.ENDED: self.samples(places, self.chance.uniform(0, 100)),
                Signal.WAITING: self.samples(places, served.load * self.chance.choice([0.0, 0.3, 1.2])),
            }
            if self.happens(0.95)
            else {},
            placement=self.placement(current) if self.twin.workloads[uid].policy.limit_to_placeable else None,
        )

    def placement(self, current: int) -> Placement | None:
        some = Placement(self.room.randrange(current + 1), self.room.randrange(5), "no room")
        return self.room.choice([None, Placement(0), some, some, some])

    def samples(self, places: tuple[tuple[str, str], ...], load: float) -> Samples:
        """Return a load that is not the same in any two seconds or places; now and then of some places, or of none."""
        answer = self.chance.choices(["all", "part", "none"], [12, 1, 1])[0]
        if answer == "none":
            return NO_SAMPLES
        now = self.now_ms / 1000
        times = [now - back for back in range(RECENT_S, -1, -1)]
        by_place = {}
        for number, place in enumerate(places):
            if answer == "part" and number == 0 and len(places) > 1:
                continue
            loads = [load / len(places) * (1 + 0.1 * ((int(at) * 7 + number) % 5)) for at in times]
            by_place[place] = Steps(times, loads, [1] * len(times), 1, 1.0)
        return Samples(by_place, 1.0)

    def compare(self, expected: dict[str, Decision]) -> None:
        held = sorted(uid for uid, each in expected.items() if each.mode is Mode.HELD and not each.inputs.leave)
        assert sorted(self.fleet.held()) == held
        rising, unplaced = self.fleet.rising(), set(self.fleet.unplaced())
        for uid, each in expected.items():
            free = decide_again(replace(each.inputs, asking=False, placed=0, fits=None, misfit=""))
            limited = each.inputs.policy.limit_to_placeable
            assert uid not in unplaced or (limited and each.inputs.fits is not None and each.desired < free.desired)
            observed = bool(each.inputs.observed)
            assert uid in unplaced or each.desired == free.desired or each.inputs.asking or observed
            assert not (observed and uid in unplaced)
            if uid in rising:
                assert limited
                assert free.desired == rising[uid] > each.inputs.asked_for
            else:
                assert not limited or each.desired == free.desired
        figures = self.fleet.figures()
        assert figures is not None
        decided_ms = dict(zip(figures.uids, figures.decided_ms.tolist(), strict=True))
        assert decided_ms == {uid: self.twin.workloads[uid].decided_ms or 0 for uid in expected}
        for uid, decision in expected.items():
            told = self.fleet.decision(uid)
            assert told is not None
            assert decide_again(told.inputs) == told
            stable, panic = decision.inputs.stable, decision.inputs.panic
            # Sums in another order are not the same to the last bit.
            assert [told.inputs.stable, told.inputs.panic] == pytest.approx([stable, panic], abs=2e-6)
            offered = [decision.inputs.offered_stable, decision.inputs.offered_panic]
            both = zip((told.inputs.offered_stable, told.inputs.offered_panic), offered, strict=True)
            assert all(x == y or x == pytest.approx(y, rel=1e-4, abs=1e-4) for x, y in both)
            inputs = replace(
                told.inputs, stable=stable, panic=panic, offered_stable=offered[0], offered_panic=offered[1]
            )
            assert replace(told, reason="", inputs=inputs) == decision
            self.met.update((told.mode, told.inputs.seen))
            self.met["offered"] += told.inputs.offered_panic is not None
            self.met["rates of a period"] += 0 < told.inputs.fewest < told.inputs.most
            self.met["held after a panic"] += told.inputs.panic_left_at > 0
            self.met["limited"] += told.desired < told.wanted and told.inputs.fits is not None
            self.met["delayed"] += told.wanted == told.inputs.delayed > 0


@pytest.mark.parametrize(
    ("seed", "rows", "ticks"),
    [(1, 15, 120), (2, 15, 120), (3, 15, 120), (4, 15, 120), (5, 100, 25)],  # the last one outgrows the first arrays
)
def test_a_fleet_decides_as_its_twin_does_for_one_workload_after_the_other(seed: int, rows: int, ticks: int) -> None:
    story = Story(seed, rows)
    for _ in range(ticks):
        story.go_on()
    everything = [*Mode, *Seen, "begins anew", "delayed", "offered", "rates of a period", "held after a panic"]
    everything += ["limited", "observed"]
    assert all(story.met[each] for each in everything), "the story is too short to show anything"
    assert len(story.fleet._rows) > 0.8 * rows
