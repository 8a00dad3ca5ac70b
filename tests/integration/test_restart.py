"""An autoscaler that is restarted every 90 s decides as one that never was: it reads a real Prometheus' history."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.integration.remote_write import RECEIVER
from tests.integration.restarting import KINDS, after_gap, played
from tests.integration.scraping import running_prometheus

if TYPE_CHECKING:
    from pathlib import Path

LENGTH_S = 660  # a burst, the scale-down after it, a hole and a part; two hours stand in the benchmarks
RESTARTED_EVERY_S = 90


def test_every_decision_after_a_restart_is_that_of_an_uninterrupted_run(tmp_path: Path) -> None:
    with running_prometheus(tmp_path, [], RECEIVER) as url:
        begin_s = int(time.time()) - LENGTH_S - 60
        outcome = played(url, begin_s, length_s=LENGTH_S, every_s=RESTARTED_EVERY_S, own_s=2)
    assert outcome.first == []
    assert outcome.restarts == LENGTH_S // RESTARTED_EVERY_S
    assert outcome.compared == (LENGTH_S - RESTARTED_EVERY_S + 2) // 2 * len(KINDS)
    assert outcome.panics > 50
    assert outcome.changes > 100


def test_what_was_learned_of_latency_outlasts_ten_minutes_without_any_autoscaler(tmp_path: Path) -> None:
    with running_prometheus(tmp_path, [], RECEIVER) as url:
        begin_s = int(time.time()) - 900 - 60
        gap = after_gap(url, begin_s, length_s=250, gap_s=600, then_s=10)
    learned = gap.before.inputs.learned["per_replica"]
    assert gap.after[0].inputs.learned["per_replica"] == learned > 0
    assert gap.unknowing[0].inputs.learned == {}
    # It comes back into a surge: who knows what a replica carries rises at once, who does not leaves them as they are.
    assert gap.after[0].desired > gap.after[0].inputs.current == gap.before.desired
    assert gap.unknowing[0].desired == gap.before.desired
