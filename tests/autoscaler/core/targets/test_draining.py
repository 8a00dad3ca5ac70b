"""The least loaded replicas go first; what others wrote stays, and what is ours goes when it is not needed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.targets.draining import (
    COST,
    MOST_MARKED,
    MOST_TIDIED,
    OURS,
    SURVIVED_MS,
    Mark,
    Survivors,
    marks,
    step,
    without_effect,
)
from autoscaler.core.targets.pods import OwnedPod
from plimsoll.embedded.core.controllers.ranking import first_to_go as kubernetes_first_to_go

NOW = 1_000_000


def pod(
    name: str, *, owner: str = "rs", cost: str = "", ours: str = "", ready: bool = True, created: int = 0
) -> OwnedPod:
    plain = OwnedPod(f"uid-{name}", owner, name, ready, "ns", starting=not ready, created_s=created)
    return replace(plain, cost=cost, our_cost=ours)


def planned(pods: list[OwnedPod], loads: dict[str, float], desired: int) -> dict[str, int | None]:
    active = sum(one.staying for one in pods)
    return {mark.pod.name: mark.cost for mark in marks(pods, loads, current=active, desired=desired)}


LOADS = {"a": 9.0, "b": 0.0, "c": 3.0, "d": 1.0}
FOUR = [pod(name) for name in LOADS]


def test_as_many_as_are_to_go_get_a_cost_and_the_least_loaded_the_lowest() -> None:
    assert planned(FOUR, LOADS, 2) == {"b": -2, "d": -1}
    assert planned(FOUR, LOADS, 1) == {"b": -3, "d": -2, "c": -1}


def test_where_none_has_to_go_none_gets_a_cost() -> None:
    assert planned(FOUR, LOADS, 4) == {}
    assert marks(FOUR, LOADS, current=9, desired=4) == (), "of nine that are asked for four are there"


def test_those_that_are_not_ready_go_before_and_need_no_cost() -> None:
    starting = [pod("e", ready=False), pod("f", ready=False)]
    assert planned([*FOUR, *starting], LOADS, 4) == {}
    assert planned([*FOUR, *starting], LOADS, 3) == {"b": -1}


def test_those_on_their_way_out_count_for_nothing() -> None:
    ending = replace(pod("e"), ready=False)
    assert planned([*FOUR, ending], LOADS, 3) == {"b": -1}


def test_a_replica_whose_load_is_not_known_counts_as_busy() -> None:
    assert planned(FOUR, {"a": 9.0, "c": 3.0}, 1) == {"c": -2, "a": -1}
    assert planned(FOUR, {}, 1) == {}


def test_of_the_same_load_the_newer_goes_first_then_the_first_by_name() -> None:
    pods = [pod("b", created=5), pod("a", created=5), pod("c", created=9)]
    assert planned(pods, dict.fromkeys("abc", 1.0), 0) == {"c": -3, "a": -2, "b": -1}


@pytest.mark.parametrize(("cost", "others"), [("-7", {"d": -1}), ("7", {"d": -2, "c": -1}), ("0", {"d": -2, "c": -1})])
def test_a_cost_that_a_person_gave_stays_and_counts(cost: str, others: dict[str, int]) -> None:
    given_by_hand = [replace(one, cost=cost) if one.name == "b" else one for one in FOUR]
    assert planned(given_by_hand, LOADS, 2) == others


def test_a_cost_that_a_person_wrote_over_ours_is_the_persons() -> None:
    changed = [replace(one, cost="-1", our_cost="-2") if one.name == "b" else one for one in FOUR]
    assert planned(changed, LOADS, 3) == {}


def test_what_stands_there_is_not_written_again_and_what_is_not_needed_goes() -> None:
    before = [pod("a", cost="-1", ours="-1"), pod("b", cost="-1", ours="-1"), pod("c"), pod("d")]
    assert planned(before, LOADS, 3) == {"a": None}


def test_while_a_rollout_divides_the_replicas_each_replica_set_ranks_its_own() -> None:
    pods = [pod(name, owner="old" if name in "ab" else "new") for name in LOADS]
    assert planned(pods, LOADS, 3) == {"b": -1, "d": -1}
    assert planned(pods, LOADS, 1) == {"b": -2, "a": -1, "d": -2, "c": -1}


def test_a_scale_down_of_very_many_marks_the_least_loaded_of_them() -> None:
    many = [pod(f"p{number:03}") for number in range(300)]
    loads = {one.name: float(int(one.name[1:])) for one in many}
    assert list(planned(many, loads, 100)) == [one.name for one in many[:MOST_MARKED]]


@pytest.mark.parametrize(
    ("cost", "annotations", "patched"),
    [
        (-2, {}, {COST: "-2", OURS: "-2"}),
        (-2, {COST: "-1", OURS: "-1"}, {COST: "-2", OURS: "-2"}),
        (-2, {COST: "-2", OURS: "-2"}, None),
        (-2, {COST: "5"}, None),
        (-2, {COST: "5", OURS: "-2"}, None),
        (None, {COST: "-2", OURS: "-2"}, {COST: None, OURS: None}),
        (None, {COST: "-2"}, None),
        (None, {}, None),
        (None, {OURS: "-2"}, {COST: None, OURS: None}),
    ],
)
def test_what_is_written_is_decided_on_what_stands_there(
    cost: int | None, annotations: dict[str, str], patched: dict[str, str | None] | None
) -> None:
    assert step(Mark(pod("a"), cost), "uid-a", annotations) == patched
    assert step(Mark(pod("a"), cost), "uid-of-another", annotations) is None


def test_a_cost_of_ours_goes_from_a_pod_that_survived() -> None:
    survivors, marked = Survivors(), pod("a", cost="-1", ours="-1")
    assert survivors.marked([marked], NOW) == ()
    assert survivors.marked([marked], NOW + SURVIVED_MS - 1) == ()
    assert survivors.marked([marked], NOW + SURVIVED_MS) == (Mark(marked, None),)
    assert survivors.marked([marked], NOW + SURVIVED_MS + 2000) == (), "it is given time to go"
    assert survivors.marked([marked], NOW + 2 * SURVIVED_MS) == (Mark(marked, None),)


def test_another_cost_is_another_scale_down() -> None:
    survivors, marked = Survivors(), pod("a", cost="-1", ours="-1")
    survivors.marked([marked], NOW)
    assert survivors.marked([replace(marked, cost="-2", our_cost="-2")], NOW + SURVIVED_MS) == ()


def test_a_pod_on_its_way_out_needs_nothing_and_a_clock_that_is_set_back_begins_anew() -> None:
    survivors, marked = Survivors(), pod("a", cost="-1", ours="-1")
    survivors.marked([marked], NOW)
    assert survivors.marked([replace(marked, ready=False)], NOW + SURVIVED_MS) == ()
    assert survivors.marked([marked], NOW - 3_600_000) == ()
    assert survivors.marked([marked], NOW - 3_600_000 + SURVIVED_MS) == (Mark(marked, None),)


def test_of_very_many_survivors_some_are_seen_to_at_a_tick() -> None:
    survivors, many = Survivors(), [pod(f"p{number}", cost="-1", ours="-1") for number in range(2 * MOST_TIDIED)]
    survivors.marked(many, NOW)
    first = survivors.marked(many, NOW + SURVIVED_MS)
    second = survivors.marked(many, NOW + SURVIVED_MS + 2000)
    assert len(first) == len(second) == MOST_TIDIED
    assert {mark.pod.name for mark in (*first, *second)} == {one.name for one in many}


def test_where_it_does_nothing_the_reason_is_said() -> None:
    assert without_effect("Deployment") == ""
    assert "by ordinal" in without_effect("StatefulSet")
    assert without_effect("ReplicationController")


REPLICAS = st.lists(
    st.builds(
        pod,
        st.text("abcdefgh", min_size=1, max_size=4),
        cost=st.sampled_from(["", "", "", "-1", "3"]),
        ready=st.booleans(),
        created=st.integers(0, 3),
    ),
    unique_by=lambda one: one.name,
    max_size=9,
)


@given(REPLICAS, st.data())
def test_kubernetes_takes_nobody_busier_than_one_it_keeps(pods: list[OwnedPod], data: st.DataObject) -> None:
    loads = {one.name: data.draw(st.floats(0, 9)) for one in pods}
    desired = data.draw(st.integers(0, len(pods)))
    costs = {one.name: one.cost for one in pods} | planned(pods, loads, desired)
    ranked = [_as_kubernetes_sees(one, costs[one.name]) for one in pods]
    gone = {each["metadata"]["name"] for each in kubernetes_first_to_go(ranked, [], len(pods) - desired, 1000.0)}
    # Of those that nobody else ranks: a person's costs and pods that are not ready go by their own rules.
    free = [one for one in pods if one.ready and not one.cost]
    kept = [loads[one.name] for one in free if one.name not in gone]
    assert all(loads[one.name] <= min(kept) for one in free if one.name in gone and kept)


def _as_kubernetes_sees(one: OwnedPod, cost: int | str | None) -> dict[str, object]:
    annotations = {COST: str(cost)} if cost not in ("", None) else {}
    ready = {"type": "Ready", "status": str(one.ready), "lastTransitionTime": "1970-01-01T00:00:00Z"}
    meta = {"name": one.name, "uid": one.uid, "annotations": annotations, "creationTimestamp": "1970-01-01T00:00:00Z"}
    return {"metadata": meta, "spec": {"nodeName": "n"}, "status": {"phase": "Running", "conditions": [ready]}}
