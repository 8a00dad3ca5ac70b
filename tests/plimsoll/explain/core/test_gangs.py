from __future__ import annotations

import pytest

from extender.core.gang.progress import Stage
from extender.core.ledger.holding import State
from plimsoll.explain.core.gangs import ToldGang, standing
from plimsoll.explain.core.pods import ToldPlaced, ToldPod, ToldWaits, explained

NOW = 1_800_000_000_000
NOT_ASKED = "kube-scheduler did not ask about it: it is held back until a plan of its gang gives it a place"


def lines(gang: ToldGang) -> list[str]:
    return list(standing(gang, NOW))


def test_a_gang_that_waits_says_what_it_needs_what_is_there_and_since_when() -> None:
    kept = ("n0", "n1", "n2", "n3")
    assert lines(ToldGang("g", Stage.WAITING, 8, 0, 0, 9, "...", NOW - 180_000, 2, kept)) == [
        "it is one of gang g, which needs 8 pods at once",
        "the gang holds nothing and waits for a plan: of 9 pods 0 are bound, 0 planned, 9 without a place",
        "it has waited for room since 2027-01-15 07:57:00 UTC, 3 min ago",
        "2 of its plans were undone, one after the other",
        "kept for it, from pods that come after it: n0, n1, n2 and 1 more",
    ]


def test_members_that_disagree_say_no_number() -> None:
    assert lines(ToldGang("g", Stage.WAITING, 0, 0, 0, 2))[0] == "it is one of gang g"


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_has_its_words(stage: Stage) -> None:
    assert lines(ToldGang("g", stage, 1, 1, 0, 0))[1].endswith(": of 1 pod 1 is bound, 0 planned, 0 without a place")


def test_a_member_that_waits_is_told_its_gang_first_and_why_nobody_asked() -> None:
    gang = ToldGang("g", Stage.WAITING, 2, 0, 0, 2)
    told = ToldPod("t", "g-0", "uid", "1 GPU", ToldWaits("2 pods needed at once, 1 fit"), NOW, "", "train", gang)
    assert explained(told, NOW).splitlines() == [
        "t/g-0 waits for 1 GPU",
        "  it is in no project; its kind is train",
        "  it is one of gang g, which needs 2 pods at once",
        "  the gang holds nothing and waits for a plan: of 2 pods 0 are bound, 0 planned, 2 without a place",
        "  2 pods needed at once, 1 fit",
        f"{NOT_ASKED}; this extender knows since 2027-01-15 08:00:00 UTC, now",
    ]


def test_a_member_that_is_placed_stands_where_the_plan_put_it() -> None:
    gang = ToldGang("g", Stage.WHOLE, 2, 2, 0, 0)
    placed = ToldPlaced("n0", ("1",), 1000, 0, State.BOUND, "A100", by_plan=True)
    assert explained(ToldPod("t", "g-0", "uid", "1 GPU", placed, NOW, "", "train", gang), NOW).splitlines() == [
        "t/g-0 is bound to node n0: device 1 (A100), 1 GPU",
        "  it asks for 1 GPU",
        "  it is in no project; its kind is train",
        "  it is one of gang g, which needs 2 pods at once",
        "  the gang runs: of 2 pods 2 are bound, 0 planned, 0 without a place",
        "  the plan of its gang put it there",
    ]
