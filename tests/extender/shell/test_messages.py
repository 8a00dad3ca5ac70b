from __future__ import annotations

import pytest

from extender.core.accounts import accounts
from extender.core.explaining import Holder, Waiter, explain
from extender.core.gang.progress import Stage
from extender.core.ledger.holding import State
from extender.core.quota.projects import Project, Projects
from extender.shell.message_error import MessageError
from extender.shell.messages import (
    from_account,
    from_node,
    stage_of,
    state_of,
    to_account,
    to_explained,
    to_node,
)
from extender.shell.moments import Moments
from extender.v1 import extender_pb2 as v1
from tests.extender.core.gang.playing import Cluster
from tests.plimsoll.gpus.mapped import TWO, many
from tests.plimsoll.gpus.telling import HALF, WHOLE, place, pod, scheduling

NOW = Moments(lambda: 100.0, lambda: 1_800_000_000.0)


def test_nodes_come_back_as_they_were() -> None:
    for node in (*TWO, *many(10)):
        assert from_node(v1.Node.FromString(to_node(node).SerializeToString())) == node


def test_every_state_crosses_and_an_unknown_one_is_refused() -> None:
    assert {state_of(number) for number in v1.State.values() if number} == set(State)
    with pytest.raises(MessageError, match="state 99 is unknown"):
        state_of(99)


def test_every_stage_crosses_and_an_unknown_one_is_refused() -> None:
    assert {stage_of(number) for number in v1.Stage.values() if number} == set(Stage)
    with pytest.raises(MessageError, match="stage 99 is unknown"):
        stage_of(99)


def test_how_far_a_gang_has_come_is_told_whole() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 2, 2)
    cluster.turn()
    found = explain(cluster.scheduling, "default", "g-001")
    assert isinstance(found, Waiter)
    gang = to_explained(found, NOW, 7).gang
    assert (gang.name, gang.stage, gang.needed) == ("g", v1.STAGE_WAITING, 2)
    assert (gang.bound, gang.promised, gang.waiting, gang.undone) == (0, 0, 2, 0)
    assert gang.reason == "2 pods needed at once, 1 fit; the next: 1 node: no whole GPU free"
    assert gang.since_ms == NOW.ms(1.0)
    assert list(gang.kept_nodes) == []


def test_a_place_by_plan_is_told_as_one() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2, 2)
    cluster.turn()
    found = explain(cluster.scheduling, "default", "g-001")
    assert isinstance(found, Holder)
    told = to_explained(found, NOW, 7)
    assert told.placed.by_plan
    assert not told.gang.HasField("since_ms")


def test_a_pod_of_no_gang_tells_of_none() -> None:
    s = scheduling()
    s.pod_seen(pod("p"))
    found = explain(s, "chat", "p")
    assert isinstance(found, Waiter)
    assert not to_explained(found, NOW, 7).HasField("gang")


def test_the_core_s_seconds_become_the_moment_that_a_person_reads() -> None:
    assert NOW.ms(97.5) == 1_799_999_997_500


def test_what_a_pod_waits_for_is_told_whole() -> None:
    s = scheduling()
    place(s, pod("p", WHOLE), "n0")
    s.filter(pod("q", HALF), ["n0"], 98.0)
    found = explain(s, "chat", "q")
    assert isinstance(found, Waiter)
    told = to_explained(found, NOW, 7)
    assert (told.namespace, told.name, told.uid, told.asks, told.since_ms) == (
        "chat",
        "q",
        "uid-q",
        "0.5 of a GPU",
        7,
    )
    assert told.WhichOneof("standing") == "waits"
    assert [(one.reason, one.nodes, list(one.examples)) for one in told.waits.misfits] == [
        ("no device with 500 milli-GPU free", 1, ["n0"])
    ]
    assert (told.waits.offered, told.waits.not_offered, told.waits.asked) == (1, 1, 1)
    assert told.waits.last_asked_ms == 1_799_999_998_000


def test_a_pod_that_nobody_asked_about_has_no_such_moment() -> None:
    s = scheduling()
    s.pod_seen(pod("p"))
    found = explain(s, "chat", "p")
    assert isinstance(found, Waiter)
    assert not to_explained(found, NOW, 7).waits.HasField("first_asked_ms")


def test_where_a_pod_stands_is_told_whole() -> None:
    s = scheduling(3)
    place(s, pod("p"), "n0", "n1")
    found = explain(s, "chat", "p")
    assert isinstance(found, Holder)
    placed = to_explained(found, NOW, 7).placed
    assert (placed.node, list(placed.devices), placed.milli, placed.state, placed.model) == (
        "n0",
        ["0"],
        500,
        v1.STATE_BOUND,
        "T4",
    )
    assert (placed.weighed.offered, placed.weighed.fitted) == (2, 2)
    assert [other.node for other in placed.weighed.others] == ["n1"]
    assert placed.weighed.because


def test_how_a_project_stands_comes_back_as_it_was() -> None:
    s = scheduling()
    s.projects_are(Projects((Project("search", 1500, (("L4", 1), ("T4", 1700)), ("chat", "other")),)))
    place(s, pod("p", WHOLE), "n0")
    s.pod_seen(pod("q"))
    (found,) = accounts(s)
    message = v1.Project.FromString(to_account(found).SerializeToString())
    assert from_account(message) == found
    assert (message.foreign_milli, message.over_milli, message.waiting_milli) == (1000, 0, 500)


def test_project_and_kind_of_a_pod_cross() -> None:
    s = scheduling()
    s.projects_are(Projects((Project("search", 1500, (), ("chat",)),)))
    s.pod_seen(pod("p"))
    found = explain(s, "chat", "p")
    assert isinstance(found, Waiter)
    told = to_explained(found, NOW, 7)
    assert (told.project, told.kind) == ("search", "foreign")
