"""Random clusters, played to their end: whatever comes, the laws of preemption hold at each moment."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from extender.core.ledger.holding import State
from extender.core.predicates.budgets import Budget
from extender.core.predicates.selectors import EVERYTHING
from extender.core.preemption.settings import Scope
from extender.core.quota.kinds import Kind
from tests.extender.core.preemption.playing import BUILD, SERVE, TRAIN, Cluster, part, whole

if TYPE_CHECKING:
    from random import Random

_TURNS = 40


@pytest.mark.parametrize("seed", range(120))
def test_whatever_comes_nobody_is_evicted_in_vain(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  a cluster
    cluster = drawn(chance)
    for turn in range(_TURNS):
        if turn < _TURNS // 2:
            happens(cluster, chance)
        cluster.turn(chance.choice((0.25, 1.0, 3.0)))
        check(cluster)
    settle(cluster)
    ledger = cluster.scheduling.ledger
    waits = [pod.key.name for pod in cluster.pods.values() if not pod.node]
    promised = [held.pod.name for held in ledger.holdings() if held.promised]
    assert promised == [], waits
    assert list(cluster.scheduling.preemptions.plans()) == []
    deleted = cluster.scheduling.preemptions.needless
    assert deleted <= cluster.withdrawn


def drawn(chance: Random) -> Cluster:
    """Return a cluster that is full of train, more or less."""
    nodes, gpus = chance.randint(1, 3), chance.choice((1, 2, 4))
    quotas = {"search": chance.randint(1, nodes * gpus), "vision": chance.randint(0, 4), "speech": chance.randint(0, 2)}
    scope = chance.choice((Scope.ANY, Scope.BORROWED))
    cluster = Cluster(
        nodes=nodes,
        gpus=gpus,
        cpu=chance.choice((64_000, 1200)),
        quotas=quotas,
        scope=scope,
        delay_s=chance.choice((0.0, 2.0)),
    )
    cluster.grace_s = chance.choice((0.5, 2.0, 6.0))
    if chance.random() < 0.3:
        cluster.budgets = [Budget(chance.choice(("vision", "speech")), "guard", EVERYTHING, chance.randint(0, 2))]
    for number in range(nodes * gpus * 2):
        comes(cluster, chance, f"t{number}", TRAIN)
    for _ in range(3):
        cluster.turn()
    return cluster


def comes(cluster: Cluster, chance: Random, name: str, by: str) -> None:
    """Let a pod come, or a gang of them."""
    request = chance.choice((part(250), part(500), part(700), whole(), whole(2)))
    priority = {TRAIN: chance.choice((10, 50, 50)), SERVE: chance.choice((110, 125, 125)), BUILD: 100}[by]
    of = chance.choice(("vision", "speech", "search")) if by == TRAIN else "search"
    members = chance.choice((1, 1, 1, 2, 3))
    for number in range(members):
        gang = (name, members) if members > 1 else None
        cluster.pod(
            f"{name}-{number}",
            request,
            by=by,
            of=of,
            priority=priority,
            gang=gang,
            cpu=chance.choice((50, 300)),
            owner=name,
        )


def happens(cluster: Cluster, chance: Random) -> None:
    """Let something happen."""
    what = chance.random()
    if what < 0.25:
        comes(cluster, chance, f"x{cluster.created}", chance.choice((SERVE, SERVE, TRAIN, BUILD)))
    elif what < 0.35 and cluster.pods:
        pod = chance.choice(sorted(cluster.pods.values(), key=lambda one: one.key.uid))
        if pod.priority > 100 and not pod.node:
            cluster.withdrawn += 100
        if not pod.leaving:
            cluster.delete(pod)
    elif what < 0.40:
        cluster.scheduling.take_over()
    elif what < 0.45:
        cluster.refuses = {pod.key.name for pod in cluster.pods.values() if chance.random() < 0.2}
    elif what < 0.5:
        cluster.add_node(f"more-{cluster.created}", chance.choice((1, 2)))


def settle(cluster: Cluster) -> None:
    """Let everything come to rest."""
    cluster.refuses = set()
    for _ in range(60):
        cluster.turn(2.0)
        check(cluster)


def check(cluster: Cluster) -> None:
    """Look whether the laws hold."""
    scheduling, ledger = cluster.scheduling, cluster.scheduling.ledger
    assert list(ledger.overfull()) == []
    for project in scheduling.quota.projects.every:
        within = scheduling.quota.usage(project.name)
        assert within.within <= project.quota
    evicted = {pod.key.name: pod for pod in cluster.pods.values() if pod.key.name in cluster.evicted}
    for pod in evicted.values():
        assert scheduling.quota.kinds.of(pod.priority_class) is Kind.TRAIN
    for plan in scheduling.preemptions.plans():
        for victim in plan.plan.victims:
            assert victim.priority < plan.preemptor.priority
        nominated = [ledger.holding(uid) for uid in plan.plan.pods]
        assert all(held is None or held.state is not State.NOMINATED or held.planned for held in nominated)
