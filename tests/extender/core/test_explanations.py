from __future__ import annotations

from extender.core.explanations import Explanations, Weighed
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.packing.choice import Choice
from extender.core.reasons import of_each
from kube.gpus import WHOLE, Placement

FULL = "no whole GPU free"
CHOICE = Choice(
    "n0",
    Placement(("0",), WHOLE),
    score=5,
    before=0,
    after=0,
    pressure=0,
    starvation=0,
    order=0,
    fitting=1,
    runner_up=None,
)


def ledger(*models: str) -> Ledger:
    book = Ledger()
    for number, model in enumerate(models):
        book.put_node(GpuNode(f"n{number}", alike(1), model))
    return book


def refuse(
    told: Explanations, uid: str, book: Ledger, misfits: dict[str, str], now: float, *, models: tuple[str, ...] = ()
) -> None:
    told.refused(SeenPod(PodKey(uid, "default", uid), None, models=models), book, of_each(book, misfits), now)


def test_what_is_remembered_is_the_last_refusal_and_since_when() -> None:
    told = Explanations()
    refuse(told, "p", ledger("", "", ""), {"n0": FULL, "n1": FULL}, 1.0)
    refuse(told, "p", ledger("", "", ""), {"n0": FULL}, 5.0)
    waits = told.waits("p")
    assert waits is not None
    assert (waits.offered, waits.not_offered, waits.first_at, waits.last_at, waits.asked) == (1, 2, 1.0, 5.0, 2)
    assert waits.reason == (
        "1 node: no whole GPU free; 2 nodes: not asked about by kube-scheduler (CPU, memory, taints, selectors), whose "
        "own Event says why"
    )


def test_nodes_of_another_model_are_counted_though_nobody_asked_about_them() -> None:
    told = Explanations()
    refuse(told, "p", ledger("G2", "T4", "T4", "G2"), {"n0": FULL}, 1.0, models=("G2",))
    waits = told.waits("p")
    assert waits is not None
    assert [(group.reason, group.nodes) for group in waits.misfits] == [("model G2 wanted, T4 found", 2), (FULL, 1)]
    assert waits.not_offered == 1


def test_nodes_that_are_not_ours_are_none_of_ours_that_were_not_offered() -> None:
    told = Explanations()
    refuse(told, "p", ledger(""), {"n0": FULL, "other": "not ours"}, 1.0)
    waits = told.waits("p")
    assert waits is not None
    assert (waits.offered, waits.not_offered) == (2, 0)


def test_a_sentence_is_told_at_once_anew_when_it_changed_a_while_ago_and_else_after_minutes() -> None:
    told, book = Explanations(), ledger("", "")
    assert told.to_tell("p", 0.0) == ""
    refuse(told, "p", book, {"n0": FULL, "n1": FULL}, 0.0)
    assert told.to_tell("p", 0.0).startswith("2 nodes: no whole GPU free")
    assert told.to_tell("p", 299.0) == ""
    assert told.to_tell("p", 300.0) != ""
    refuse(told, "p", book, {"n0": FULL, "n1": "MIG is on"}, 301.0)
    assert told.to_tell("p", 309.0) == ""
    assert told.to_tell("p", 310.0).startswith("1 node: MIG is on")


def test_a_chosen_place_ends_the_waiting_and_is_remembered_until_the_pod_is_gone() -> None:
    told, weighed = Explanations(), Weighed(1.0, 2, CHOICE)
    refuse(told, "p", ledger(""), {"n0": FULL}, 0.0)
    told.chosen("p", weighed)
    assert told.waits("p") is None
    told.waits_no_more("p")
    assert told.weighed("p") == weighed
    told.gone("p")
    assert told.weighed("p") is None


def test_nothing_stays_of_pods_that_are_gone() -> None:
    told = Explanations()
    for uid in ("p", "q"):
        refuse(told, uid, ledger(""), {"n0": FULL}, 0.0)
        told.to_tell(uid, 0.0)
        told.chosen(uid, Weighed(1.0, 2, CHOICE))
        told.gone(uid)
    assert (told._waits, told._weighed, told._told) == ({}, {}, {})
