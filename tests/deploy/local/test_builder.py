"""The build with a stand-in for Go: a shell script that answers `env`, `list` and `build`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from deploy.local import builder
from deploy.local.builder import Program, build
from deploy.local.problem import LocalProblem

if TYPE_CHECKING:
    from pathlib import Path

GO = """#!/bin/sh
case "$1" in
env) [ "$2" = GOVERSION ] && echo go1.99.0 || printf '%s\\n' "$HOME/modules" "$HOME/compiled" ;;
list) printf 'false\\ntrue\\ntrue\\n' ;;
build) for last; do previous=$target; target=$last; done
  {build} ;;
esac
"""
WRITES = 'while [ "$1" != -o ]; do shift; done; echo one/package >&2; echo program > "$2"'
FAILS = 'while [ "$1" != -o ]; do shift; done; echo half > "$2"; echo "one.go:1: broken" >&2; exit 1'


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "bin").mkdir()
    return Program(name="thing", source=source, package=".", flags=(), module="example.org/thing")


def install_go(directory: Path, script: str) -> None:
    command = directory / "go"
    command.write_text(GO.replace("{build}", script))
    command.chmod(0o755)


def test_a_built_program_appears_whole_and_alone(program: Program, tmp_path: Path) -> None:
    install_go(tmp_path, WRITES)
    build(program, tmp_path / "bin" / "thing", progress=lambda _: None)
    assert (tmp_path / "bin" / "thing").read_text() == "program\n"
    assert len(list((tmp_path / "bin").iterdir())) == 1


def test_a_failed_build_leaves_nothing_and_tells_what_go_said(program: Program, tmp_path: Path) -> None:
    install_go(tmp_path, FAILS)
    with pytest.raises(LocalProblem, match=r"building thing failed(.|\n)*one\.go:1: broken(.|\n)*start again"):
        build(program, tmp_path / "bin" / "thing", progress=lambda _: None)
    assert list((tmp_path / "bin").iterdir()) == []


def test_an_interrupted_build_leaves_nothing(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_go(tmp_path, f"({WRITES}); sleep 600")

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    # The first package that is reported meets a person's Ctrl-C.
    monkeypatch.setattr(builder, "_REPORT_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        build(
            program, tmp_path / "bin" / "thing", progress=lambda line: interrupted(line) if "compiled" in line else None
        )
    assert list((tmp_path / "bin").iterdir()) == []


def test_too_small_a_disk_is_told_before_anything_is_written(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_go(tmp_path, WRITES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))
    with pytest.raises(LocalProblem, match=r"2\.0 GiB are needed in .*modules, but only 0\.0 GiB are free"):
        build(program, tmp_path / "bin" / "thing", progress=lambda _: None)
    assert list((tmp_path / "bin").iterdir()) == []
