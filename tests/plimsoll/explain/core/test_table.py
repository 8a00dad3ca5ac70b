from __future__ import annotations

from dataclasses import replace

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Seen, WorkloadKey
from autoscaler.core.targets.holdings import GpuUse
from plimsoll.explain.core.table import table
from plimsoll.explain.core.told import ToldAll
from tests.autoscaler.recorded import AT_MS, KEY, seen


def test_a_row_a_workload() -> None:
    unmeasured = replace(seen(2), stable=None, panic=None, seen=Seen.NOTHING, at_ms=AT_MS - 70_000)
    records = (
        Record(KEY, decide_again(seen(4, panic=900.0))),
        Record(WorkloadKey("uid-2", "search", "embed", kind="StatefulSet"), decide_again(unmeasured)),
    )
    use = GpuUse({"": 500, "search": 2000}, {"": 3000, "search": 120_000}, 500)
    assert (
        table(ToldAll(records, AT_MS - 3_600_000, {KEY.uid: use}), AT_MS + 2_000)
        == """\
NAMESPACE/NAME  KIND         READY  CURRENT  DESIRED  MODE   STABLE  PANIC  TARGET  GPUS  GPU-MIN         AGE  REASON
chat/llama      Deployment       4        4       13  panic   412.5    900      70   2.5      123         2 s  \
panic: load 900 over 6s, target 70 each, 4 ready: 13
search/embed    StatefulSet      2        2        2  held        -      -      70     -        -  1 min 12 s  \
held: no sample of its load has been seen yet

2 in all; this autoscaler knows since 2027-01-15 07:00:00 UTC, 1 h ago"""
    )


def test_what_is_only_observed_is_counted() -> None:
    observed = replace(seen(4), observed="HorizontalPodAutoscaler llama scales it")
    told = ToldAll((Record(KEY, decide_again(observed)),), AT_MS)
    shown = table(told, AT_MS)
    assert "observed: stable: load 412.5" in shown
    assert "1 in all, 1 of them only observed; " in shown


def test_no_workloads_are_a_sentence() -> None:
    assert table(ToldAll((), AT_MS), AT_MS) == (
        "no workloads: label one plimsoll.dev/autoscale=true; this autoscaler knows since 2027-01-15 08:00:00 UTC, now"
    )
