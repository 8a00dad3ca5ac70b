"""What /metrics says is what the ledger holds, and the operators' page lists all of it."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from extender.core.ledger.holding import State
from extender.shell.telemetry import Telemetry
from tests.plimsoll.gpus.telling import WHOLE, place, pod, scheduling

_PAGE = Path(__file__).parents[3] / "docs" / "operating" / "README.md"
_PREFIX = "plimsoll_extender_"


def told(telemetry: Telemetry) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return every sample, by family and labels."""
    families = text_string_to_metric_families(telemetry.exposition().decode())
    return {
        family.name: {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples}
        for family in families
    }


def test_gpus_of_each_model_are_told_as_held_and_free() -> None:
    s = scheduling(3)
    place(s, pod("p"), "n0")
    place(s, pod("q", WHOLE), "n1")
    said = told(Telemetry(s.ledger))
    t4 = (("model", "T4"),)
    assert said[f"{_PREFIX}devices"] == {t4: 3.0}
    assert said[f"{_PREFIX}allocated_gpus"] == {t4: 1.5}
    assert said[f"{_PREFIX}free_gpus"] == {t4: 1.5}
    assert said[f"{_PREFIX}closed_devices"] == {t4: 0.0}


def test_holdings_are_told_by_every_state() -> None:
    s = scheduling(3)
    place(s, pod("p"), "n0")
    s.filter(pod("q"), ["n1"], 0.0)
    said = told(Telemetry(s.ledger))[f"{_PREFIX}holdings"]
    assert {labels[0][1] for labels in said} == {state.value for state in State}
    assert said[(("state", "bound"),)] == 1.0
    assert said[(("state", "reserved"),)] == 1.0


def test_fragmentation_is_told_in_gpus() -> None:
    s = scheduling(1)
    assert told(Telemetry(s.ledger, lambda: 1250))[f"{_PREFIX}fragmented_gpus"] == {(): 1.25}


def test_the_shortest_decisions_are_told_apart() -> None:
    telemetry = Telemetry(scheduling(0).ledger)
    telemetry.decision_seconds.labels("filter").observe(0.00004)
    buckets = {
        labels: value
        for labels, value in told(telemetry)[f"{_PREFIX}decision_duration_seconds"].items()
        if dict(labels).get("le") == "5e-05"
    }
    assert list(buckets.values()) == [1.0]


def test_the_page_for_operators_lists_every_metric_and_no_other() -> None:
    families = {
        name.removeprefix(_PREFIX).removesuffix("_total")
        for name in told(Telemetry(scheduling(0).ledger, lambda: 0))
        if not name.endswith("_created")  # when a counter without labels began, which no person reads
    }
    page = _PAGE.read_text().partition("## What the extender says")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", page, flags=re.MULTILINE)
    listed = {
        name.removesuffix("_total")
        for row in rows
        for name in re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", row))
    }
    assert listed == families
