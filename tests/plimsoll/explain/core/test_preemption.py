from __future__ import annotations

from dataclasses import replace

from extender.core.ledger.holding import State
from extender.core.preemption.outstanding import Stage
from plimsoll.explain.core.pods import ToldMisfits, ToldPlaced, ToldPod, ToldWaits, explained
from plimsoll.explain.core.preemption import ToldEviction, ToldPreemption, ToldVictim

NOW = 1_800_000_000_000
KNOWS = "this extender knows since 2027-01-15 07:00:00 UTC, 1 h ago"
NOT_ASKED = f"kube-scheduler did not ask about it; {KNOWS}"


def victim(name: str = "t-0", **says: object) -> ToldVictim:
    one = ToldVictim("vision", name, f"uid-{name}", "gpu-00", 500, 1, 50, "vision", borrowed=True, ran_s=7260)
    return replace(one, **says)  # type: ignore[arg-type]


def pod(
    standing: ToldWaits | ToldPlaced | None, made: ToldPreemption | None = None, left: ToldEviction | None = None
) -> list[str]:
    told = ToldPod("chat", "llama-0", "uid", "1 GPU", standing, NOW - 3_600_000, preemption=made, eviction=left)
    return explained(told, NOW).splitlines()


def left(**says: object) -> ToldEviction:
    others = ("vision/t-1", "vision/t-2", "vision/t-3", "vision/t-4")
    one = ToldEviction(
        victim("llama-0", uid="uid"),
        "pod chat/llama",
        "chat",
        "it makes room",
        others,
        9,
        (victim("next", together=3),),
        NOW - 65_000,
        NOW - 60_000,
    )
    return replace(one, **says)  # type: ignore[arg-type]


def test_a_pod_that_others_leave_for_says_who_and_who_might_have() -> None:
    made = ToldPreemption(
        stage=Stage.LEAVING,
        victims=(victim(), victim("t-1", milli=1000, devices=2, project="", borrowed=False, ran_s=59)),
        there=2,
        candidates=12,
        passed_over=(victim("t-2"), victim("g-0", together=8)),
        made_ms=NOW - 3000,
    )
    ran = "priority 50, has run 2 h 1 min"
    assert pod(ToldWaits("room is made for it on node gpu-00: 2 pods have yet to leave"), made) == [
        "chat/llama-0 waits for 1 GPU",
        "  room is made for it on node gpu-00: 2 pods have yet to leave",
        "  2 train pods of 12 that may leave are leaving for it; planned 3 s ago (2027-01-15 07:59:57 UTC)",
        "    POD         NODE    GPUS  PROJECT           PRIORITY  HAS RUN",
        "    vision/t-0  gpu-00   0.5  vision, borrowed        50  2 h 1 min",
        "    vision/t-1  gpu-00     2  -                       50  59 s",
        f"  considered and left alone: vision/t-2 ({ran}), vision/g-0 ({ran}, with its gang of 8)",
        NOT_ASKED,
    ]


def test_one_pod_that_leaves_is_one_and_of_many_some_are_shown() -> None:
    one = ToldPreemption(stage=Stage.EVICTING, victims=(victim(),), there=1, candidates=1, made_ms=NOW)
    assert "1 train pod of 1 that may leave is being evicted for it; planned now" in pod(ToldWaits("x"), one)[2]
    many = tuple(victim(f"t-{number:02}") for number in range(30))
    lines = pod(ToldWaits("x"), replace(one, stage=Stage.READY, victims=many, candidates=40))
    assert "30 train pods of 40 that may leave have left for it" in lines[2]
    assert [line for line in lines if "more" in line] == ["    and 18 pods more"]


def test_why_nobody_leaves_stands_below_the_reasons_of_nodes_and_once_alone() -> None:
    made = ToldPreemption("no train pod may leave for it")
    waits = ToldWaits("...; preemption: no train pod may leave for it", (ToldMisfits("no whole GPU free", 2),))
    assert pod(waits, made)[1:] == [
        "",
        "  2 nodes  no whole GPU free",
        "",
        "  preemption: no train pod may leave for it",
        "",
        NOT_ASKED,
    ]
    assert pod(replace(waits, misfits=()), made)[1:-1] == ["  ...; preemption: no train pod may leave for it"]


def test_what_leaves_by_itself_is_waited_for_and_nobody_is_evicted() -> None:
    made = ToldPreemption(stage=Stage.LEAVING, there=1, made_ms=NOW)
    assert pod(ToldWaits("x"), made)[2].startswith("  nobody is evicted for it: what leaves by itself is enough; ")


def test_what_is_observed_only_is_said_to_be_so_with_the_reasons_of_nodes() -> None:
    made = ToldPreemption(observed=True, victims=(victim(),), candidates=3, made_ms=NOW)
    lines = pod(ToldWaits("x", (ToldMisfits("no whole GPU free", 2),)), made)
    assert "  mode: observe: 1 train pod of 3 that may leave would leave for it; planned now" in "\n".join(lines)
    assert "  2 nodes  no whole GPU free" in lines


def test_a_placed_pod_says_who_left_for_it_in_place_of_who_chose() -> None:
    placed = ToldPlaced("gpu-00", ("0",), 1000, 0, State.BOUND, "T4")
    lines = pod(placed, ToldPreemption(victims=(victim(),), candidates=3, made_ms=NOW))
    assert lines[2].startswith("  1 train pod of 3 that may leave left for it; planned now")
    assert not [line for line in lines if "another chose" in line]
    by_plan = pod(replace(placed, by_plan=True), ToldPreemption(victims=(victim(),), candidates=3, made_ms=NOW))
    assert by_plan[-1] == "  the plan of its gang put it there"


def test_a_pod_that_was_evicted_and_is_gone_says_for_whom_and_why() -> None:
    assert pod(None, left=left()) == [
        "chat/llama-0 is gone: it was evicted 1 min ago (2027-01-15 07:59:00 UTC) to make room for pod chat/llama",
        "  it makes room",
        "  planned 1 min 5 s ago (2027-01-15 07:58:55 UTC)",
        "  by the same plan left too: vision/t-1, vision/t-2, vision/t-3 and 1 more",
        "  considered and left alone: vision/next (priority 50, has run 2 h 1 min, with its gang of 3)",
    ]


def test_a_pod_that_is_there_says_what_is_to_become_of_it_and_an_earlier_one_is_told_apart() -> None:
    placed = ToldPlaced("gpu-00", ("0",), 1000, 0, State.BOUND, "T4")
    assert "it is to be evicted to make room for pod chat/llama" in pod(placed, left=left(evicted_ms=None))
    for ago_ms, would in ((20_000, "would be"), (65_000, "would have been")):
        observed = pod(placed, left=left(evicted_ms=None, observed=True, planned_ms=NOW - ago_ms))
        assert f"it {would} evicted to make room for pod chat/llama (mode: observe)" in observed
    other = pod(placed, left=left(victim=victim("llama-0", uid="another")))
    assert [line for line in other if line.startswith("an earlier pod of this name was evicted 1 min ago")]


def test_a_nominated_place_has_words() -> None:
    placed = ToldPlaced("gpu-00", ("0",), 1000, 0, State.NOMINATED, "T4")
    assert pod(placed)[0] == "chat/llama-0 is promised what others leave on node gpu-00: device 0 (T4), 1 GPU"
