from __future__ import annotations

from dataclasses import replace

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Policy
from plimsoll.explain.core.text import explained
from plimsoll.explain.core.told import ToldOne
from tests.autoscaler.recorded import AT_MS, KEY, seen

NOW_MS = AT_MS + 1_200
BURST = Record(KEY, decide_again(seen(4, panic=900.0, policy=Policy(max_scale=10))))
CALM = Record(KEY, decide_again(replace(seen(5), at_ms=AT_MS - 3_723_000)))
GROWN = Record(KEY, decide_again(replace(seen(1, stable=240.0, panic=140.0), at_ms=AT_MS - 125_000)))


def test_a_decision_is_a_headline_a_chain_and_its_changes() -> None:
    told = ToldOne(BURST, (CALM, GROWN), AT_MS - 7_200_000)
    assert (
        explained(told, NOW_MS, verbose=False)
        == """\
chat/llama (Deployment): 10 replicas, panic; 4 asked for, 4 ready
decided 1 s ago (2027-01-15 08:00:00 UTC)

  load                 average 412.5 over 60 s (stable), 900 over 6 s (panic)
  windows              stable 412.5 / 70 = 6, panic 900 / 70 = 13
  panic threshold      13 / 4 ready = 3.25, at or above 2
  panic            13  panic begins: the higher of stable 6 and panic 13 counts
  max scale        10  at most 10: 13 -> 10
  desired          10  panic: 4 -> 10
  10 more steps changed nothing: -v shows all, with their rules

last changes of the replica count, newest first; this autoscaler knows since 2027-01-15 06:00:00 UTC, 2 h ago
  2027-01-15 07:57:55 UTC  2 min 6 s ago  1 -> 4  panic: load 140 over 6s, target 70 each, 1 ready: 4
  2027-01-15 06:57:57 UTC  1 h 2 min ago  5 -> 6  stable: load 412.5 over 60s, target 70 each: 6"""
    )


def test_what_is_only_observed_says_so_and_changed_from_what_was_decided_before() -> None:
    observed = replace(seen(40), standing=5, observed="HorizontalPodAutoscaler llama scales it")
    change = Record(KEY, decide_again(observed))
    lines = explained(ToldOne(change, (change,), AT_MS), NOW_MS, verbose=False).splitlines()
    assert lines[0] == "chat/llama (Deployment): 6 replicas, stable; 40 asked for, 40 ready; only observed"
    assert lines[-1].endswith("  5 -> 6  observed: stable: load 412.5 over 60s, target 70 each: 6")


def test_without_changes_it_says_since_when_it_would_know() -> None:
    last = explained(ToldOne(BURST, (), AT_MS), NOW_MS, verbose=False).splitlines()[-1]
    assert last == ("no changes of the replica count; this autoscaler knows since 2027-01-15 08:00:00 UTC, 1 s ago")


def test_verbose_shows_every_step_with_its_rule() -> None:
    lines = explained(ToldOne(BURST, (), AT_MS), NOW_MS, verbose=True).splitlines()
    assert lines[7:9] == [
        (
            "  rate limits           from 2 (4 ready / 2) to 4000 (4 ready x 1000): stable 6 stays, panic 13 stays"
            "  (changed nothing)"
        ),
        (
            "                        rule: at most max-scale-up-rate times the ready replicas, at least "
            "1/max-scale-down-rate of them; at least 1 counts as ready"
        ),
    ]
    assert sum("rule: " in line for line in lines) == 16
    assert "more steps" not in "\n".join(lines)
