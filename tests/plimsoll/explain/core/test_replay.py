from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Inputs, Mode
from plimsoll.explain.core.replay import again
from tests.autoscaler.recorded import KEY, many_inputs, seen


@given(many_inputs)
def test_what_the_law_decided_it_decides_again(inputs: Inputs) -> None:
    assert again([Record(KEY, decide_again(inputs))], decide_again)[0]


def test_every_record_is_said_with_what_differs() -> None:
    right = decide_again(seen())
    wrong = replace(right, mode=Mode.PANIC, desired=9, panic_since_ms=7, reason="because")
    assert again([Record(KEY, right), Record(KEY, wrong)], decide_again) == (
        False,
        """\
chat/llama (Deployment) at 2027-01-15 08:00:00 UTC: the same again, 6 replicas
chat/llama (Deployment) at 2027-01-15 08:00:00 UTC: not the same again
  mode            recorded panic, now stable
  desired         recorded 9, now 6
  panic_since_ms  recorded 7, now nothing
  reason          recorded "because", now "stable: load 412.5 over 60s, target 70 each: 6\"""",
    )
