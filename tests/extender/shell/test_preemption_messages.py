from __future__ import annotations

import pytest

from extender.core.explaining import GonePod, Holder, Waiter, explain
from extender.core.preemption.outstanding import Stage
from extender.shell.message_error import MessageError
from extender.shell.messages import to_explained
from extender.shell.moments import Moments
from extender.shell.preemption_messages import stage_of
from extender.v1 import extender_pb2 as v1
from tests.extender.core.preemption.playing import Cluster, part, until, whole

NOW = Moments(lambda: 100.0, lambda: 1_800_000_000.0)


def told(cluster: Cluster, name: str, of: str = "search") -> v1.ExplainResponse:
    found = explain(cluster.scheduling, of, name)
    assert isinstance(found, Waiter | Holder | GonePod)
    return v1.ExplainResponse.FromString(to_explained(found, NOW, 7).SerializeToString())


def test_every_stage_of_a_plan_crosses_and_an_unknown_one_is_refused() -> None:
    assert {stage_of(number) for number in v1.PreemptionStage.values()} == {None, *Stage}
    with pytest.raises(MessageError, match="stage 99 of a preemption is unknown"):
        stage_of(99)


def test_who_leaves_for_a_pod_is_told_whole() -> None:
    cluster = Cluster(gpus=2)
    cluster.now = 60.0
    cluster.train("a", part(600))
    cluster.train("b", whole(), of="search")
    cluster.now = 90.0
    cluster.pod("serve", whole())
    cluster.carry_out(cluster.look(), most=0)
    made = told(cluster, "serve").preemption
    assert (made.stage, made.there, made.candidates, made.made_ms) == (
        v1.PREEMPTION_STAGE_EVICTING,
        1,
        2,
        NOW.ms(90.0),
    )
    (victim,) = made.victims
    assert (victim.namespace, victim.name, victim.node, victim.milli, victim.devices) == ("search", "b", "n0", 1000, 1)
    assert (victim.priority, victim.project, victim.ran_s, victim.together) == (50, "search", 30, 1)
    assert [one.name for one in made.passed_over] == ["a"]
    assert told(cluster, "serve").WhichOneof("standing") == "waits"


def test_why_nobody_leaves_is_told_and_no_moment_with_it() -> None:
    cluster = Cluster()
    cluster.train("a", whole(), priority=200)
    cluster.pod("serve", whole())
    cluster.turn()
    made = told(cluster, "serve").preemption
    assert made.reason.startswith("no train pod may leave for it")
    assert (made.stage, made.HasField("made_ms"), list(made.victims)) == (v1.PREEMPTION_STAGE_UNSPECIFIED, False, [])


def test_one_that_was_evicted_and_is_gone_stands_nowhere_and_says_why() -> None:
    cluster = Cluster(gpus=2)
    old = cluster.train("a", whole())
    cluster.train("b", whole())
    cluster.pod("serve", whole(2))
    until(cluster, ["serve"])
    gone = told(cluster, "a", "vision")
    assert (gone.namespace, gone.name, gone.uid, gone.since_ms) == ("vision", "a", old.key.uid, 7)
    assert gone.WhichOneof("standing") is None
    eviction = gone.eviction
    assert (eviction.made_for, eviction.project, list(eviction.others)) == ("pod search/serve", "search", ["vision/b"])
    assert (eviction.candidates, eviction.observed) == (2, False)
    assert eviction.planned_ms == eviction.evicted_ms == NOW.ms(1.0)
    assert eviction.because.startswith("it makes room on node n0")


def test_of_a_pod_that_has_nothing_to_do_with_it_nothing_is_told() -> None:
    cluster = Cluster()
    cluster.train("a", whole())
    found = told(cluster, "a", "vision")
    assert not found.HasField("preemption")
    assert not found.HasField("eviction")
