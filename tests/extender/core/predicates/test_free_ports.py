"""Where ports are free."""

from __future__ import annotations

from extender.core.predicates.demands import Resident
from extender.core.predicates.free_ports import FreePorts
from extender.core.predicates.ports import HostPort

WEB, DNS = HostPort(80), HostPort(53, "UDP")


def test_they_are_free_where_nobody_has_them() -> None:
    there = [(Resident("a", ports=(WEB,)), 0), (Resident("a", ports=(DNS,)), 1)]
    assert FreePorts.begin((WEB,), 3, there).free.tolist() == [False, True, True]


def test_a_pod_that_is_placed_takes_them() -> None:
    before = FreePorts.begin((WEB, DNS), 2, [])
    after = before.after([(Resident("a", ports=(DNS,)), 1)])
    assert after.free.tolist() == [True, False]
    assert before.free.tolist() == [True, True]


def test_a_pod_with_other_ports_changes_nothing() -> None:
    before = FreePorts.begin((WEB,), 2, [])
    assert before.after([(Resident("a"), 0), (Resident("a", ports=(DNS,)), 1)]) is before
