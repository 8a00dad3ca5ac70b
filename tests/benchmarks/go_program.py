"""How does a benchmark get the Go program that it compares with? Built from its folder here, kept in the cache."""

from __future__ import annotations

import subprocess
from pathlib import Path

from deploy.local import toolchain
from deploy.local.places import cache_directory, made

_HERE = Path(__file__).parent


def built(name: str) -> Path:
    """Return the program whose source is the folder `name`; Go compiles only what has changed since.

    Raises:
        LocalProblem: there is no Go and none can be installed.
    """
    program = made(cache_directory() / "benchmarks") / name
    command = [str(toolchain.go(progress=print)), "build", "-o", str(program), "."]
    subprocess.run(command, cwd=_HERE / name, env=toolchain.environment(), check=True, timeout=300)
    return program


def version() -> str:
    """Return which Go builds the programs."""
    command = [str(toolchain.go(progress=print)), "env", "GOVERSION"]
    done = subprocess.run(command, env=toolchain.environment(), check=True, capture_output=True, text=True)
    return done.stdout.strip()
