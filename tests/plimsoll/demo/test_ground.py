"""Where the demo is played, and that it says so."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from deploy.local.binaries import COMPONENTS, PROMETHEUS, cached
from plimsoll.demo.core.story import BRIEF, UNHURRIED
from plimsoll.demo.ground import Ground, chosen, introduction

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and no program on the PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))


def build(*programs: object) -> None:
    for program in programs:
        path = cached(program)  # type: ignore[arg-type]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(stat.S_IRWXU)


def test_without_the_built_programs_it_is_the_embedded_cluster() -> None:
    assert chosen(None) is Ground.EMBEDDED
    build(PROMETHEUS)
    assert chosen(None) is Ground.EMBEDDED


def test_with_them_it_is_the_real_control_plane() -> None:
    build(COMPONENTS, PROMETHEUS)
    assert chosen(None) is Ground.REAL


@pytest.mark.parametrize("ground", Ground)
def test_what_a_person_asks_for_is_taken(ground: Ground) -> None:
    assert chosen(ground.value) is ground
    build(COMPONENTS, PROMETHEUS)
    assert chosen(ground.value) is ground


def test_the_embedded_cluster_says_so_first_and_what_the_real_one_takes() -> None:
    first, prometheus = introduction(Ground.EMBEDDED)
    assert first.startswith("On the embedded cluster")
    assert "make demo CLUSTER=real" in first
    assert "ten minutes" in first
    assert "reads the model servers' metrics pages itself" in prometheus


def test_where_the_real_one_is_built_it_costs_nothing_more() -> None:
    build(COMPONENTS, PROMETHEUS)
    (first,) = introduction(Ground.EMBEDDED)
    assert "make demo CLUSTER=real" in first
    assert "minutes" not in first


def test_a_prometheus_of_the_machine_is_used(tmp_path: Path) -> None:
    (tmp_path / "prometheus").touch(stat.S_IRWXU)
    assert len(introduction(Ground.EMBEDDED)) == 1


def test_the_real_one_needs_no_introduction() -> None:
    assert introduction(Ground.REAL) == []


def test_a_first_look_is_brief() -> None:
    assert Ground.EMBEDDED.tempo is BRIEF
    assert Ground.REAL.tempo is UNHURRIED
    assert BRIEF.load_s < UNHURRIED.load_s / 3
