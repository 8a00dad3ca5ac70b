"""Without the trace, its benchmarks say so and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks import openb, packing

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_trace_that_is_not_at_hand_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLIMSOLL_OPENB", raising=False)
    said: list[str] = []
    for table in (packing.staying, packing.learning, packing.leaving):
        assert table(said.append) == said[-1:]
    assert set(said) == {"PLIMSOLL_OPENB does not name a folder with the openb trace: nothing was measured."}


def test_lists_and_what_was_published_are_read_from_the_folder(tmp_path: Path) -> None:
    for name in ("pods_b.csv.gz", "pods_a.csv.gz", "nodes.csv.gz"):
        (tmp_path / name).touch()
    means = [f"alloc@{percent}_mean" for percent in openb.PERCENTS]
    row = ["openb_pod_list_a", "06-FGD", "1", "2", "3", "4", "5", "6"]
    (tmp_path / "published.csv").write_text(f"{','.join(['workload', 'policy', *means])}\n{','.join(row)}\n")
    assert openb.lists(tmp_path) == ["a", "b"]
    assert openb.published(tmp_path, "a") == [openb.Published("FGD", (1.0, 2.0, 3.0, 4.0, 5.0, 6.0))]
    assert openb.published(tmp_path, "b") == []
