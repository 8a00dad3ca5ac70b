from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.explained_law import short
from autoscaler.core.decisions.explanation import chain
from autoscaler.core.model import Averaging, Decision, Inputs, Metric, Policy, Seen
from tests.autoscaler.recorded import AT_MS, decided, many_inputs, seen


def mattering(decision: Decision) -> list[str]:
    return [f"{step.name}: {step.says}" for step in chain(decision) if step.mattered]


@given(many_inputs)
def test_the_chain_leads_to_what_was_decided(inputs: Inputs) -> None:
    decision = decide_again(inputs)
    *before, last = chain(decision)
    assert last.replicas == decision.desired
    assert "defect" not in last.says
    assert before[-1].replicas == decision.desired


@given(many_inputs)
def test_a_step_that_does_not_matter_changes_no_number(inputs: Inputs) -> None:
    counted = [step for step in chain(decided(inputs)) if step.replicas is not None]
    held = next((at for at, step in enumerate(counted) if step.name == "hold"), 0)
    for before, step in zip(counted[held:], counted[held + 1 :], strict=False):
        assert step.mattered or step.replicas == before.replicas


@given(many_inputs)
def test_what_was_decided_is_what_a_plain_telling_of_the_law_decides(inputs: Inputs) -> None:
    assert replace(decide_again(inputs), reason="") == replace(decided(inputs), reason="")


def test_a_calm_load_is_a_short_chain() -> None:
    assert mattering(decided(seen(4))) == [
        "load: average 412.5 over 60 s (stable), 380 over 6 s (panic)",
        "windows: stable 412.5 / 70 = 6, panic 380 / 70 = 6",
        "desired: stable: 4 -> 6",
    ]


def test_what_is_observed_says_who_sets_the_replicas_and_which_of_them_count() -> None:
    observed = replace(seen(40, panic=900.0), standing=6, observed="HorizontalPodAutoscaler llama scales it")
    assert mattering(decided(observed)) == [
        "load: average 412.5 over 60 s (stable), 900 over 6 s (panic)",
        "observed: HorizontalPodAutoscaler llama scales it, 40 asked for; 6 of 40 ready count",
        "windows: stable 412.5 / 70 = 6, panic 900 / 70 = 13",
        "panic threshold: 13 / 6 ready = 2.17, at or above 2",
        "panic: panic begins: the higher of stable 6 and panic 13 counts",
        "desired: panic: 40 -> 13, not carried out",
    ]


def test_a_burst_says_that_panic_begins() -> None:
    assert mattering(decided(seen(4, panic=900.0))) == [
        "load: average 412.5 over 60 s (stable), 900 over 6 s (panic)",
        "windows: stable 412.5 / 70 = 6, panic 900 / 70 = 13",
        "panic threshold: 13 / 4 ready = 3.25, at or above 2",
        "panic: panic begins: the higher of stable 6 and panic 13 counts",
        "desired: panic: 4 -> 13",
    ]


LIMITED = Policy(limit_to_placeable=True)
BUSY = replace(seen(20), panic_since_ms=AT_MS - 12_000, floor=33)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (BUSY, "panic: panic lasts 48 s more unless renewed: the higher of stable 10 and panic 10 counts"),
        (BUSY, "panic floor: this panic asked for 33 before: 10 -> 33"),
        (
            replace(BUSY, panic_since_ms=AT_MS - 61_000),
            "panic: panic ends: threshold last reached 61 s ago: stable 10 counts",
        ),
        (
            seen(20),
            "rate limits: from 10 (20 ready / 2) to 20000 (20 ready x 1000): stable 6 -> 10, panic 6 -> 10",
        ),
        (
            seen(2, stable=1.0, panic=1.0, policy=Policy(activation_scale=5)),
            "activation scale: at least 5 where anything is asked for: stable 1 -> 5, panic 1 -> 5",
        ),
        (replace(seen(8), delayed=8), "scale-down delay: 8 were wanted within 0 s: 6 -> 8"),
        (replace(seen(8), seen=Seen.PART), "hold: some ready pods sent no samples, so 6 may be too few: 8 stay"),
        (
            replace(seen(8), seen=Seen.NOTHING),
            (
                "load: average 412.5 over 60 s (stable), 380 over 6 s (panic); the newest seconds were not measured "
                "and carry the last known load"
            ),
        ),
        (replace(seen(8), stable=None, panic=None), "hold: no sample of its load has been seen yet: 8 stay"),
        (replace(seen(8), hold="its annotations have problems"), "hold: its annotations have problems: 8 stay"),
        (replace(seen(8), leave="an HPA sets its replicas"), "left alone: an HPA sets its replicas"),
        (replace(seen(8), current=0), "left alone: somebody scaled it to zero; autoscaling resumes above zero"),
        (seen(4, policy=Policy(min_scale=9)), "min scale: at least 9: 6 -> 9"),
        (seen(4, policy=Policy(max_scale=5)), "max scale: at most 5: 6 -> 5"),
        (
            replace(seen(4, policy=Policy(initial_scale=7)), initialised=False),
            "initial scale: not reached yet, so at least 7: 6 -> 7",
        ),
        (seen(1, stable=0.0, panic=0.0), "last replica: 0 -> 1"),
        (
            replace(seen(2, policy=LIMITED), placed=2, fits=3, misfit="no device with 500 milli-GPU free"),
            "places: 2 have a place, and 3 more fit (no device with 500 milli-GPU free): 6 -> 5",
        ),
        (replace(seen(4, policy=LIMITED), placed=2, fits=1), "places: 2 have a place, and 1 more fit: 6 -> 4"),
        (
            replace(seen(2, policy=replace(LIMITED, min_scale=5)), placed=2, fits=1),
            "places: 2 have a place, and 1 more fit: 6 -> 5",
        ),
        (
            replace(seen(4, policy=LIMITED), asking=True),
            "places: the extender is being asked how many can be placed: 6 -> 4",
        ),
        (
            seen(4, policy=Policy(metric=Metric.RPS, averaging=Averaging.WEIGHTED_EXPONENTIAL)),
            "load: weighted average 412.5 requests/s over 60 s (stable), 380 requests/s over 6 s (panic)",
        ),
    ],
)
def test_a_step_that_matters_says_its_numbers(inputs: Inputs, says: str) -> None:
    assert says in mattering(decided(inputs))


def test_what_did_not_matter_is_said_when_asked_for() -> None:
    quiet = {step.name: step.says for step in chain(decided(seen(4))) if not step.mattered}
    assert quiet == {
        "rate limits": "from 2 (4 ready / 2) to 4000 (4 ready x 1000): stable 6 stays, panic 6 stays",
        "activation scale": "off",
        "panic threshold": "6 / 4 ready = 1.5, below 2",
        "panic": "no panic: stable 6 counts",
        "panic floor": "outside panic there is none",
        "scale-down delay": "off",
        "burst capacity": "4 ready x 100 - 211 - load 380 = -191",
        "hold": "nothing is held: every second that counts was measured",
        "min scale": "off",
        "initial scale": "was reached",
        "max scale": "off",
        "places": "off",
        "last replica": "6 stays",
    }


def test_a_limit_that_is_not_known_says_that_it_bounds_nothing() -> None:
    quiet = {step.name: step.says for step in chain(decided(seen(4, policy=LIMITED))) if not step.mattered}
    assert quiet["places"] == "not known, so they bound nothing"


@pytest.mark.parametrize(("current", "lasts"), [(4, 9), (30, 3)])
def test_where_min_and_max_contradict_each_other_the_chain_goes_the_laws_way(current: int, lasts: int) -> None:
    # 6 is raised to 9 and stays there; 15, half of 30, is above both and is lowered to 3.
    decision = decide_again(seen(current, policy=Policy(min_scale=9, max_scale=3)))
    assert [step.replicas for step in chain(decision)][-2:] == [lasts, decision.desired] == [lasts, lasts]


def test_a_chain_that_leads_elsewhere_says_so() -> None:
    last = chain(replace(decided(seen(4)), desired=40))[-1]
    assert last.replicas == 40
    assert last.says.startswith("40 were decided, but these steps lead to 6: the record comes from another version")


@pytest.mark.parametrize(
    ("number", "text"), [(70.0, "70"), (412.5, "412.5"), (1.005, "1"), (0.004, "0.004"), (0.0, "0"), (100.0, "100")]
)
def test_numbers_are_short_and_the_small_are_not_nothing(number: float, text: str) -> None:
    assert short(number) == text
