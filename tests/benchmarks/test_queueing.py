"""Does the queueing model behave as queueing theory and a server would have it?"""

from __future__ import annotations

import random
from math import exp, factorial

import pytest

from tests.benchmarks.queueing import Disturbance, Plant, Queueing, Request, Routing, run


def poisson(rate: float, mean_s: float, until_s: float, seed: int = 1) -> list[Request]:
    draw, at_s, requests = random.Random(seed), 0.0, []  # noqa: S311  a seed, for the same requests each time
    while (at_s := at_s + draw.expovariate(rate)) < until_s:
        requests.append(Request(at_s, draw.expovariate(1 / mean_s)))
    return requests


def test_waits_as_long_on_average_as_erlang_says() -> None:
    servers, offered = 4, 3.2
    queueing = Queueing(Plant(limit=2), poisson(offered, 1.0, 40_000), replicas=2)
    queueing.advance(50_000)
    full = offered**servers / factorial(servers) / (1 - offered / servers)
    waits = full / (full + sum(offered**k / factorial(k) for k in range(servers)))
    waited = sum(one.waited_s for one in queueing.ended) / len(queueing.ended)
    assert waited == pytest.approx(waits / (servers - offered), rel=0.1)


def test_a_queue_at_each_replica_waits_longer_than_one_for_all() -> None:
    requests = poisson(3.2, 1.0, 4_000)
    waited = []
    for routing in (Routing.ONE_QUEUE, Routing.ROUND_ROBIN):
        queueing = Queueing(Plant(limit=1, routing=routing), requests, replicas=4)
        queueing.advance(5_000)
        waited.append(sum(one.waited_s for one in queueing.ended))
    assert waited[1] > 1.5 * waited[0]


def test_every_request_is_answered_once_and_is_exported() -> None:
    requests = poisson(2.0, 1.0, 600)
    queueing = Queueing(Plant(limit=1), requests, replicas=4)
    queueing.advance(700)
    assert len(queueing.ended) == len(requests)
    pages = queueing.exported()
    assert sum(page.ended for page in pages) == sum(sum(page.buckets) for page in pages) == len(requests)
    assert sum(page.sum_s for page in pages) == pytest.approx(sum(one.latency_s for one in queueing.ended))
    assert queueing.in_flight == 0


def test_a_replica_is_ready_after_its_cold_start_and_counts_from_the_beginning() -> None:
    queueing = Queueing(Plant(cold_start_s=60), [], replicas=1)
    queueing.scale(3)
    queueing.advance(59)
    assert (queueing.ready, queueing.requested, queueing.replica_seconds) == (1, 3, 3 * 59)
    queueing.advance(60)
    assert queueing.ready == 3


def test_a_replica_that_is_taken_away_ends_what_it_runs() -> None:
    queueing = Queueing(Plant(limit=1), [Request(0.0, 10.0), Request(0.0, 10.0), Request(1.0, 10.0)], replicas=2)
    queueing.advance(2)
    queueing.scale(1)
    queueing.advance(30)
    assert [(one.at_s, one.ended_s) for one in queueing.ended] == [(0.0, 10.0), (0.0, 10.0), (1.0, 20.0)]
    assert queueing.replica_seconds == 30 + 10


@pytest.mark.parametrize(
    ("disturbance", "ends_s"),
    [
        (Disturbance(slower=3.0), 6.0),
        (Disturbance(bad_pod=0), 20.0),
        (Disturbance(bad_pod=1), 2.0),
        (Disturbance(extra_s=5.0), 7.0),
        (Disturbance(extra_s=5.0, holds_slot=False), 7.0),
        (Disturbance(from_s=1.0, slower=3.0), 2.0),
    ],
)
def test_a_disturbance_makes_a_request_longer(disturbance: Disturbance, ends_s: float) -> None:
    queueing = Queueing(Plant(limit=1, disturbance=disturbance), [Request(0.0, 2.0)], replicas=1)
    queueing.advance(100)
    assert [one.ended_s for one in queueing.ended] == [ends_s]


@pytest.mark.parametrize(("holds_slot", "last_s"), [(True, 14.0), (False, 9.0)])
def test_what_stands_behind_the_replicas_costs_a_slot_or_none(holds_slot: bool, last_s: float) -> None:  # noqa: FBT001
    disturbance = Disturbance(extra_s=5.0, holds_slot=holds_slot)
    queueing = Queueing(Plant(limit=1, disturbance=disturbance), [Request(0.0, 2.0), Request(0.0, 2.0)], replicas=1)
    queueing.advance(3.0)
    assert queueing.in_flight == 2
    queueing.advance(100)
    assert queueing.ended[-1].ended_s == last_s


def test_requests_that_run_together_crowd_each_other() -> None:
    queueing = Queueing(Plant(limit=2, crowding=0.5), [Request(0.0, 2.0), Request(0.0, 2.0)], replicas=1)
    queueing.advance(10)
    assert [one.ended_s for one in queueing.ended] == [2.0, 3.0]


def test_looks_every_two_seconds_and_tells_the_changes() -> None:
    queueing = Queueing(Plant(), [], replicas=1)
    assert run(queueing, lambda now: 2 if now.now_s >= 4 else None, 10) == [(0.0, 1), (4.0, 2)]


def test_the_service_times_are_spread_as_drawn() -> None:
    requests = poisson(1.0, 1.0, 10_000)
    assert sum(one.service_s > 1 for one in requests) / len(requests) == pytest.approx(exp(-1), abs=0.02)
