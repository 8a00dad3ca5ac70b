"""How is a program built with Go, so that a person sees it advance and may interrupt it at any time?

Go keeps every compiled package in its own cache: an interrupted build goes on where it stopped.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local import toolchain
from deploy.local.problem import LocalProblem

if TYPE_CHECKING:
    from collections.abc import Callable

_GIB = 1024**3
_DOWNLOAD_BYTES = 2 * _GIB  # the modules of both programs, packed and unpacked: 1.5 GiB
_PACKAGE_BYTES = 1_500_000  # in the compile cache of Go: 1.2 MB measured over 3,400 packages
_LINK_BYTES = _GIB
_REPORT_S = 10.0
_LAST_LINES = 15
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Program:
    """One program to build: where its go.mod is, which package, with which flags."""

    name: str
    source: Path
    package: str
    flags: tuple[str, ...]
    module: str
    """Its largest module: where that is in Go's module cache, little is left to download."""


def build(program: Program, target: Path, *, progress: Callable[[str], None]) -> None:
    """Build `program` to the file `target`, which appears only when it is whole; one build at a time.

    Raises:
        LocalProblem: no room, no Go, or Go failed; with what Go said last.
    """
    command = toolchain.go(progress=progress)
    modules, compiled = _go_directories(command)
    if not (modules / "cache" / "download" / program.module).exists():
        _require_room(modules, _DOWNLOAD_BYTES, f"to download the modules of {program.name}")

    progress(f"{program.name}: resolving modules")
    downloads = _Counter(f"{program.name}: modules downloaded", None, progress)
    listed = _go(
        [str(command), "list", "-deps", *program.flags, "-f", "{{.Stale}}", program.package],
        program,
        lambda line: downloads.step() if line.startswith("go: downloading") else None,
    )
    stale = listed.count("true")

    _require_room(compiled, _LINK_BYTES + stale * _PACKAGE_BYTES, f"to compile {stale} packages of {program.name}")
    # One name for all drafts: the caller lets one build run at a time, and the next overwrites what a crash left.
    draft = target.with_name(f".{target.name}.draft")
    packages = _Counter(f"{program.name}: packages compiled", stale, progress)
    try:
        _go(
            [str(command), "build", "-v", *program.flags, "-o", str(draft), program.package],
            program,
            lambda _: packages.step(),
        )
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _go_directories(command: Path) -> tuple[Path, Path]:
    answer = subprocess.run(
        [command, "env", "GOMODCACHE", "GOCACHE"],
        env=toolchain.environment(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise LocalProblem(f"{command} env: {answer.stderr.strip()}")
    modules, compiled = answer.stdout.splitlines()
    return Path(modules), Path(compiled)


def _require_room(place: Path, needed: int, purpose: str) -> None:
    standing = next(parent for parent in (place, *place.parents) if parent.exists())
    free = shutil.disk_usage(standing).free
    if free < needed:
        raise LocalProblem(
            f"{purpose}, {needed / _GIB:.1f} GiB are needed in {place}, but only {free / _GIB:.1f} GiB are free: make "
            "room there, or set GOMODCACHE and GOCACHE to directories on a larger disk, and start again"
        )


def _go(command: list[str], program: Program, on_message: Callable[[str], None]) -> list[str]:
    """Run Go, hand its messages on line by line, and return its output."""
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(
            command,
            cwd=program.source,
            env=toolchain.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as running,
    ):
        try:
            for line in running.stderr or ():
                last.append(line.rstrip("\n"))
                on_message(line)
            status = running.wait()
        except BaseException:
            _end(running)
            raise
        output.seek(0)
        printed = output.read().splitlines()
    if status != 0:
        said = "\n".join(f"  {line}" for line in last)
        raise LocalProblem(
            f"building {program.name} failed. Go said last:\n{said}\n"
            "Finished work is kept: see to what it names (network, disk) and start again."
        )
    return printed


def _end(running: subprocess.Popen[str]) -> None:
    """End Go and the compilers that it started."""
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(running.pid, number)
            running.wait(_GRACE_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


class _Counter:
    """Counts steps and tells of them now and then."""

    def __init__(self, what: str, total: int | None, progress: Callable[[str], None]) -> None:
        self._what = what
        self._of = "" if total is None else f" of {total}"
        self._progress = progress
        self._count = 0
        self._told = time.monotonic()

    def step(self) -> None:
        self._count += 1
        if time.monotonic() - self._told >= _REPORT_S:
            self._told = time.monotonic()
            self._progress(f"{self._what}: {self._count}{self._of}")
