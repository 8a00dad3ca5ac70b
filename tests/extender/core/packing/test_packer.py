"""The packer refuses nothing that fits, remembers only what is still true, and heeds no order of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core.ledger.nodes import GpuNode, alike
from extender.core.packing.choice import Misfit, RunnerUp
from extender.core.packing.packer import Packer
from extender.core.packing.scoring import MISFIT
from extender.core.packing.settings import Settings, Strategy
from tests.extender.core.packing.clusters import cluster, fits, hold, ledgers, node, shape, shapes

if TYPE_CHECKING:
    from random import Random

    from extender.core.ledger.ledger import Ledger
    from extender.core.model import Shape

strategies = st.sampled_from(Strategy)


def names(ledger: Ledger) -> list[str]:
    return sorted(ledger.columns)


def taught(ledger: Ledger, lesson: list[Shape], strategy: Strategy = Strategy.FRAGMENTATION) -> Packer:
    packer = Packer(ledger, Settings(strategy=strategy))
    for one in lesson:
        packer.learn(one, 10)
    return packer


@given(ledgers(), shapes, st.lists(shapes, max_size=4), strategies)
def test_a_pod_that_fits_somewhere_is_never_refused(
    ledger: Ledger, asked: Shape, lesson: list[Shape], strategy: Strategy
) -> None:
    choice = taught(ledger, lesson, strategy).choose(asked, names(ledger))
    possible = [one for one in ledger.nodes() if fits(asked, one, ledger.room(one.name).tolist())]
    assert (choice is not None) == bool(possible)
    if choice is not None:
        assert choice.node in {one.name for one in possible}
        assert choice.fitting == len(possible)


@given(ledgers(), shapes, st.lists(shapes, max_size=4), strategies)
def test_what_was_chosen_can_be_held_without_overfilling_a_device(
    ledger: Ledger, asked: Shape, lesson: list[Shape], strategy: Strategy
) -> None:
    choice = taught(ledger, lesson, strategy).choose(asked, names(ledger))
    if choice is not None:
        devices = choice.placement.devices
        assert len(set(devices)) == (asked.request.devices if asked.request is not None else 0)
        hold(ledger, choice.node, [int(one) for one in devices], choice.placement.milli, cpu=asked.cpu, uid="new")
        assert list(ledger.overfull()) == []


@given(ledgers(), shapes, st.lists(shapes, max_size=4), strategies, st.randoms())
def test_the_order_of_the_nodes_changes_nothing(
    ledger: Ledger,
    asked: Shape,
    lesson: list[Shape],
    strategy: Strategy,
    random: Random,
) -> None:
    shuffled = names(ledger)
    random.shuffle(shuffled)
    packer = taught(ledger, lesson, strategy)
    assert packer.choose(asked, names(ledger)) == packer.choose(asked, shuffled)
    assert packer.choose(asked, names(ledger)) == taught(ledger, lesson, strategy).choose(asked, shuffled)


@given(ledgers(), st.lists(shapes, min_size=1, max_size=3), strategies, st.data())
def test_scores_remembered_are_those_computed_anew(
    ledger: Ledger, asked: list[Shape], strategy: Strategy, data: st.DataObject
) -> None:
    lesson = list(asked)
    packer = taught(ledger, lesson, strategy)
    for step in range(8):
        one = data.draw(st.sampled_from(asked))
        anew = taught(ledger, lesson, strategy).scores(one, names(ledger))
        assert packer.scores(one, names(ledger)).tolist() == anew.tolist()
        choice = packer.choose(one, names(ledger))
        change = data.draw(st.sampled_from(["hold", "release", "at once", "drop", "put", "learn"]))
        if change == "hold" and choice is not None:
            devices = [int(name) for name in choice.placement.devices]
            hold(ledger, choice.node, devices, choice.placement.milli, cpu=one.cpu, uid=f"step {step}")
        elif change == "release":
            ledger.release(f"step {data.draw(st.integers(0, 5))}")
        elif change == "at once":
            with ledger.at_once():
                for name in names(ledger)[:2]:
                    hold(ledger, name, [0], data.draw(st.sampled_from([250, 1000])), uid=f"listed on {name}")
        elif change == "drop":
            ledger.drop_node(data.draw(st.sampled_from(["n0", "n1"])))
        elif change == "put":
            ledger.put_node(node(data.draw(st.sampled_from(["n0", "n9"])), 3, "V100"))
        else:
            packer.learn(one, 10 * len(lesson))  # so many that it learns anew
            lesson += [one] * len(lesson)


def test_scores_are_integers_and_misfits_have_the_lowest() -> None:
    ledger = cluster([node("a"), node("b")], {"b": [200, 0]})
    scores = Packer(ledger).scores(shape(1, 500), ["a", "b", "unknown"])
    assert scores.dtype == np.int32
    assert scores[0] > MISFIT
    assert scores[1:].tolist() == [MISFIT, MISFIT]


def test_of_equal_nodes_the_first_by_name_wins() -> None:
    ledger = cluster([node("b"), node("a"), node("c")])
    packer = Packer(ledger, Settings(order=0))
    choice = packer.choose(shape(1, 500), ["c", "b", "a"])
    assert choice is not None
    assert choice.node == "a"
    assert choice.runner_up == RunnerUp("b", choice.score)


def test_nodes_fill_in_one_order_so_that_some_stay_empty() -> None:
    ledger = cluster([node(f"n{number}", cpu=10**6) for number in range(20)])
    packer = taught(ledger, [shape(1, 500)])
    used = []
    for number in range(8):
        choice = packer.choose(shape(1, 500, cpu=100), names(ledger))
        assert choice is not None
        hold(ledger, choice.node, [int(choice.placement.devices[0])], 500, cpu=100, uid=str(number))
        used.append(choice.node)
    assert len(set(used)) == 2


def test_a_pod_goes_where_it_leaves_no_useless_rest() -> None:
    ledger = cluster([node("a", 1), node("b", 1)], {"a": [1000], "b": [600]})
    choice = taught(ledger, [shape(1, 600), shape(1, 1000)]).choose(shape(1, 600), ["a", "b"])
    assert choice is not None
    assert (choice.node, choice.after) == ("b", 0)


def test_a_pod_that_may_run_anywhere_leaves_the_model_that_others_name_alone() -> None:
    ledger = cluster([node("common", 8, "T4", 64_000), node("scarce", 2, "V100")])
    lesson = [shape(1, 1000), shape(1, 1000, models=("V100",))]
    packer = taught(ledger, lesson)
    common, scarce = packer.pressure.values()
    assert scarce > common
    choice = packer.choose(shape(1, 1000), names(ledger))
    assert choice is not None
    assert choice.node == "common"
    assert packer.choose(shape(1, 1000), ["scarce"]) is not None


def test_gpus_are_not_left_without_cpu() -> None:
    ledger = cluster([node("much", 4, cpu=64_000), node("little", 4, cpu=16_000)])
    packer = Packer(ledger, Settings(order=0))
    packer.learn(shape(1, 1000, cpu=12_000), 100)
    choice = packer.choose(shape(1, 1000, cpu=12_000), ["little", "much"])
    assert choice is not None
    assert choice.node == "much"
    assert packer.choose(shape(1, 1000, cpu=12_000), ["little"]) is not None


def test_cpu_that_is_short_by_our_count_refuses_nothing() -> None:
    ledger = cluster([node("a", cpu=1000)])
    hold(ledger, "a", (0,), 500, cpu=5000)
    assert taught(ledger, [shape(1, 500)]).choose(shape(1, 500, cpu=9000), ["a"]) is not None


@pytest.mark.parametrize("strategy", [Strategy.BEST_FIT, Strategy.SPREAD])
def test_best_fit_fills_and_spread_spreads(strategy: Strategy) -> None:
    ledger = cluster([node("full", 2), node("empty", 2)], {"full": [1000, 500]})
    choice = Packer(ledger, Settings(strategy=strategy)).choose(shape(1, 500), ["full", "empty"])
    assert choice is not None
    assert (choice.node, choice.placement.devices) == (
        ("full", ("1",)) if strategy is Strategy.BEST_FIT else ("empty", ("0",))
    )


def test_priorities_keep_the_order_of_scores() -> None:
    ledger = cluster([node(f"n{number:02}", 1) for number in range(14)], {"n03": [100]})
    packer = Packer(ledger, Settings(order=10_000))
    asked = names(ledger)
    scores, priorities = packer.scores(shape(1, 500), asked), packer.priorities(shape(1, 500), asked)
    assert priorities[3] == 0
    assert max(priorities) == 10
    assert min(one for at, one in enumerate(priorities) if at != 3) == 1
    pairs = sorted(zip(scores.tolist(), priorities, strict=True))
    assert [priority for _, priority in pairs] == sorted(priorities)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (shape(1, 250), "no device with 250 milli-GPU free"),
        (shape(1, 1000), "no whole GPU free"),
        (shape(2, 100), "1 of 2 devices with 100 milli-GPU free"),
    ],
)
def test_a_misfit_says_what_is_short(asked: Shape, reason: str) -> None:
    assert Packer(cluster([node("a")], {"a": [200, 0]})).placement(asked, "a") == Misfit(reason)


def test_a_node_that_is_not_ours_is_a_misfit() -> None:
    assert isinstance(Packer(cluster([node("a")])).placement(shape(1, 100), "other"), Misfit)
    assert Packer(cluster([])).choose(shape(1, 100), ["other"]) is None


@given(ledgers(), shapes, st.lists(shapes, max_size=4), strategies)
def test_one_node_is_placed_on_as_if_it_were_the_only_one(
    ledger: Ledger, asked: Shape, lesson: list[Shape], strategy: Strategy
) -> None:
    packer = taught(ledger, lesson, strategy)
    for name in names(ledger):
        choice = packer.choose(asked, [name])
        placed = packer.placement(asked, name)
        assert isinstance(placed, Misfit) if choice is None else placed == choice.placement


def test_more_shapes_than_are_remembered_are_answered_all_the_same() -> None:
    ledger = cluster([node("a", cpu=10**9)])
    packer = Packer(ledger)
    for cpu in range(600):
        assert packer.choose(shape(1, 100, cpu), ["a"]) is not None
    assert len(packer._scored) == 512


def test_other_settings_are_gone_by_at_once_and_what_was_learned_stays() -> None:
    ledger = cluster([node("a"), node("b")], {"b": [500, 1000]})
    packer = taught(ledger, [shape(1, 500)] * 40)
    asked = shape(1, 500)
    packed = packer.choose(asked, ["a", "b"])
    packer.retune(Settings(strategy=Strategy.SPREAD))
    spread = packer.choose(asked, ["a", "b"])
    assert packed is not None
    assert spread is not None
    assert (packed.node, spread.node) == ("b", "a")
    assert [one.shape.request for one in packer.typical] == [asked.request]


def test_nodes_of_closed_models_are_no_candidates() -> None:
    ledger = cluster([GpuNode("a", alike(1), "T4"), GpuNode("b", alike(1), "L4")])
    packer, asked, both = Packer(ledger), shape(1, 500), ["a", "b", "elsewhere"]
    assert [packer.fitting(asked, both, closed) for closed in ((), ("T4",), ("T4", "L4"))] == [("a", "b"), ("b",), ()]
    choice = packer.choose(asked, both, ("T4", "unknown"))
    assert choice is not None
    assert choice.node == "b"
    assert packer.choose(asked, both, ("T4", "L4")) is None
    assert packer.fits_any(asked, None, ("T4",))
    assert not packer.fits_any(asked, ledger.columns_of(["a"]), ("T4",))


@given(ledgers(), shapes, st.lists(shapes, max_size=3), strategies)
def test_a_packer_over_a_copy_chooses_as_one_that_was_made_for_it_and_leaves_the_other_as_it_was(
    ledger: Ledger, asked: Shape, lesson: list[Shape], strategy: Strategy
) -> None:
    packer = taught(ledger, lesson, strategy)
    at_first = packer.choose(asked, names(ledger)), packer.typical, packer.pressure
    learned = list(packer._experience.seen())
    copied = ledger.copy()
    other = packer.over(copied)
    for name in names(copied):
        hold(copied, name, (0,), 900, uid=f"filler-{name}")
    other.learn(asked, 50)
    plain = taught(copied, lesson, strategy)
    plain.learn(asked, 50)
    assert other.choose(asked, names(copied)) == plain.choose(asked, names(copied))
    assert (other.typical, other.pressure) == (plain.typical, plain.pressure)
    assert (packer.choose(asked, names(ledger)), packer.typical, packer.pressure) == at_first
    assert list(packer._experience.seen()) == learned


def test_a_packer_that_saw_many_kinds_of_nodes_go_chooses_as_one_that_did_not() -> None:
    ledger = cluster([node("a", 2, "T4"), node("b", 4, "V100", memory=32_000), node("c", 2, "A10")])
    lesson = [shape(1, 250), shape(2, 1000, models=("V100",)), shape(1, 500, models=("A10", "T4"))]
    packer = taught(ledger, lesson)
    for number in range(300):
        ledger.put_node(node("passing", 2, f"model-{number}", cpu=1000 + number, memory=1000 + number))
        packer.choose(lesson[0], names(ledger))
    ledger.drop_node("passing")
    assert len(packer.pressure) < 100
    for asked in lesson:
        assert packer.choose(asked, names(ledger)) == taught(ledger, lesson).choose(asked, names(ledger))
