"""The latency law reaches a target where replicas help, and stops where they do not: on a queueing model."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.law.latency import MOST_TIMES, bound, decide
from autoscaler.core.law.latency_terms import Aim, Memory, Phase, Seen
from tests.benchmarks.latency import Law, outcome, target_of, turns
from tests.benchmarks.queueing import Disturbance, Plant, Queueing, Request, Routing, run

LIMIT = 4
UNTIL_S = 2700.0


def requests(rate: float, until_s: float = UNTIL_S, seed: int = 1) -> list[Request]:
    """Poisson arrivals of requests that take 2 s on average."""
    draw, at_s, found = random.Random(seed), 0.0, []  # noqa: S311  a seed, for the same requests each time
    while (at_s := at_s + draw.expovariate(rate)) < until_s:
        found.append(Request(at_s, draw.gammavariate(2.0, 1.0)))
    return found


def played(
    arrivals: list[Request], replicas: int, wrong: Disturbance | None = None, routing: Routing = Routing.ONE_QUEUE
) -> tuple[Queueing, Law, list[tuple[float, int]]]:
    plant = Plant(limit=LIMIT, routing=routing, disturbance=wrong or Disturbance())
    queueing, law = Queueing(plant, arrivals, replicas), Law(target_of(requests(5.0)), 0)
    changes = run(queueing, law.decide, UNTIL_S)
    return queueing, law, changes


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("replicas", [1, 12])
def test_the_target_is_reached_from_too_few_and_from_too_many(replicas: int, seed: int) -> None:
    arrivals = requests(5.0, seed=seed)  # ten at once on average: three replicas at the very least
    queueing, _, changes = played(arrivals, replicas)
    assert outcome(queueing, target_of(arrivals), UNTIL_S).within > 0.85
    # Many idle ones go slowly: what was never saturated says little of what it could carry.
    assert 3 <= changes[-1][1] <= max(6, 0.8 * replicas)
    assert turns(changes, 300.0) <= 1


def test_a_load_that_doubles_is_followed_and_what_it_needed_goes_again() -> None:
    twice = [Request(1200.0 + one.at_s, one.service_s) for one in requests(5.0, until_s=400.0, seed=2)]
    arrivals = sorted([*requests(5.0), *twice], key=lambda request: request.at_s)
    _, _, changes = played(arrivals, 4)
    before = [count for at_s, count in changes if at_s < 1200][-1]
    at_most = max(count for at_s, count in changes if at_s >= 1200)
    assert before < at_most <= 3 * before
    assert changes[-1][1] < at_most


def test_what_was_carried_before_a_miss_that_was_not_the_load_is_gone_back_to() -> None:
    arrivals = requests(5.0, until_s=4500.0)
    queueing = Queueing(Plant(limit=LIMIT, disturbance=Disturbance(900.0, 1800.0, slower=3.0)), arrivals, 5)
    law = Law(target_of(requests(5.0)), 0)
    changes = run(queueing, law.decide, 4500.0)
    before = [count for at_s, count in changes if at_s < 900][-1]
    assert Phase.GIVEN_UP in {phase for _, phase in law.phases}
    assert max(count for _, count in changes) > before
    assert changes[-1][1] <= before + 1


def test_where_nothing_ever_ends_nothing_is_added_and_it_is_said() -> None:
    _, law, changes = played(requests(5.0), 4, Disturbance(extra_s=1e5))
    assert [count for _, count in changes] == [4]
    assert [phase for _, phase in law.phases] == [Phase.GIVEN_UP]
    assert law.phases[0][0] < 60 * 15


@pytest.mark.parametrize("wrong", [Disturbance(slower=10.0), Disturbance(extra_s=60.0)], ids=["model", "dependency"])
def test_a_target_that_was_never_met_has_a_bound_too(wrong: Disturbance) -> None:
    _, law, changes = played(requests(5.0), 5, wrong)
    assert 0 < max(count for _, count in changes) <= law.bound


def test_replicas_that_start_for_long_are_neither_asked_for_twice_nor_said_to_be_no_help() -> None:
    later = [Request(900.0 + one.at_s, one.service_s) for one in requests(15.0, until_s=1800.0, seed=2)]
    arrivals = sorted([*requests(3.0), *later], key=lambda request: request.at_s)
    queueing = Queueing(Plant(limit=LIMIT, cold_start_s=780.0), arrivals, 4)
    law = Law(target_of(requests(5.0)), 0)
    changes = run(queueing, law.decide, UNTIL_S)
    assert Phase.GIVEN_UP not in {phase for at_s, phase in law.phases if at_s < 900.0 + 780.0}
    assert max(count for _, count in changes) <= 2.5 * 18 * 2 / LIMIT  # 18 a second of 2 s


def test_who_begins_anew_keeps_what_was_learned_of_replicas_and_demand() -> None:
    memory = Memory(at_s=5.0, phase=Phase.TRIED, per_replica=2.0, proven=3.0, service_s=1.5, trial_per_replica=4.0)
    memory.peaks = (*memory.peaks[1:], 6.0)
    anew = memory.learned()
    # A trial that was not judged is taken back.
    assert (anew.per_replica, anew.proven, anew.service_s, anew.peaks) == (4.0, 3.0, 1.5, memory.peaks)
    assert (anew.at_s, anew.phase, anew.trial_per_replica) == (0.0, Phase.KEPT, 0.0)
    assert bound(anew) == bound(memory) > 0


@pytest.mark.parametrize(
    ("routing", "wrong"),
    [
        (Routing.ONE_QUEUE, Disturbance(from_s=900.0, slower=3.0)),
        (Routing.ROUND_ROBIN, Disturbance(from_s=900.0, bad_pod=0)),
        (Routing.ONE_QUEUE, Disturbance(from_s=900.0, extra_s=12.0, holds_slot=False)),
    ],
    ids=["the model is slow", "one pod is bad", "a dependency is down"],
)
def test_what_replicas_do_not_cure_ends_at_the_bound_in_time_and_is_said(routing: Routing, wrong: Disturbance) -> None:
    _, law, changes = played(requests(5.0), 5, wrong, routing)
    proven = max(count for at_s, count in changes if at_s < 900)
    # Of what the demand needed while the target was kept, which chance may have made one more than it was.
    assert max(count for _, count in changes) <= MOST_TIMES * (proven + 1)
    said = [at_s for at_s, phase in law.phases if phase is Phase.GIVEN_UP and at_s > 900]
    assert said
    assert said[0] < 900 + 60 * 15


def test_where_nothing_is_known_the_replicas_stay() -> None:
    queueing, _, changes = played([], 3)
    assert changes == [(0.0, 3)]
    assert queueing.requested == 3


AIM = Aim(target_s=2.0, share=0.05, stable_s=60, panic_s=6, least=2, most=9)
SEEN = Seen(
    at_ms=10**9,
    ended=5.0,
    grown=0.0,
    slow=0.0,
    duration=5.0,
    ended_now=5.0,
    grown_now=0.0,
    in_flight=5.0,
    ready=3,
    current=3,
)
rates = st.floats(0, 1e4)


@given(
    st.lists(
        st.builds(
            Seen,
            at_ms=st.just(0),
            ended=rates,
            grown=st.floats(-1e3, 1e3),
            slow=rates,
            duration=rates,
            ended_now=rates,
            grown_now=st.floats(-1e3, 1e3),
            in_flight=rates,
            ready=st.integers(0, 50),
            current=st.integers(1, 50),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_whatever_is_seen_replicas_are_within_their_bounds_and_never_none(looks: list[Seen]) -> None:
    memory = Memory()
    for number, seen in enumerate(looks):
        memory, wanted = decide(memory, AIM, replace(seen, at_ms=10**9 + 2000 * number))
        if memory.per_replica > 0:
            assert AIM.least <= wanted <= AIM.most
        else:
            assert wanted == seen.current  # nothing is known yet


def test_the_same_memory_decides_the_same_and_stays_as_it_is() -> None:
    memory = Memory()
    for second in range(0, 400, 2):
        memory, _ = decide(memory, AIM, replace(SEEN, at_ms=10**9 + 1000 * second))
    before = replace(memory)
    later = replace(SEEN, at_ms=10**9 + 402_000, slow=3.0)
    assert decide(memory, AIM, later) == decide(memory, AIM, later)
    assert memory == before
