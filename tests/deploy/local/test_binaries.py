from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from deploy.local import binaries
from deploy.local.binaries import COMPONENTS, PROMETHEUS, cache_key

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.local.builder import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "go.mod").write_text("module one")
    (tmp_path / "main.go").write_text("package main")
    return dataclasses.replace(COMPONENTS, source=tmp_path)


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "main.go", "new.go"])
def test_a_changed_source_gives_another_key(program: Program, name: str) -> None:
    before = cache_key(program)
    (program.source / name).write_text("changed")
    assert cache_key(program) != before


def test_other_flags_give_another_key(program: Program) -> None:
    assert cache_key(dataclasses.replace(program, flags=("-race",))) != cache_key(program)


def test_another_file_leaves_the_key(program: Program) -> None:
    before = cache_key(program)
    (program.source / "README.md").write_text("words")
    assert cache_key(program) == before


def test_the_version_stamps_are_those_of_the_required_modules() -> None:
    assert f"k8s.io/kubernetes {binaries._KUBERNETES}\n" in (COMPONENTS.source / "go.mod").read_text()
    major, minor, patch = binaries._PROMETHEUS.split(".")
    # Prometheus' module says v0.XYY.Z for the release X.YY.Z.
    module = f"github.com/prometheus/prometheus v0.{major}{int(minor):02}.{patch}"
    assert module in (PROMETHEUS.source / "go.mod").read_text()
