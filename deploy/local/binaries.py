"""Where are the programs of the control plane? In the cache, built once for each version of their sources."""

from __future__ import annotations

import fcntl
import hashlib
import platform
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from deploy.local.builder import Program, build
from deploy.local.places import DEPLOY, cache_directory, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_KUBERNETES = "v1.36.3"
_PROMETHEUS = "3.15.0"

# -s -w leave out what only a debugger reads: 40 MB. buildvcs would put this repository's commit into the program.
_COMMON = ("-trimpath", "-buildvcs=false")
_STAMP = "k8s.io/component-base/version"

COMPONENTS = Program(
    name="components",
    source=DEPLOY / "local" / "components",
    package=".",
    # Without the stamps clients would be told that the server is v0.0.0.
    flags=(
        *_COMMON,
        f"-ldflags=-s -w -X {_STAMP}.gitVersion={_KUBERNETES} -X {_STAMP}.gitMajor=1 -X {_STAMP}.gitMinor=36",
    ),
    module="k8s.io/kubernetes",
)
PROMETHEUS = Program(
    name="prometheus",
    source=DEPLOY / "local" / "prometheus",
    package="github.com/prometheus/prometheus/cmd/prometheus",
    # remove_all_sd leaves out the clients of every cloud; targets come from a file.
    flags=(
        *_COMMON,
        "-tags=netgo,remove_all_sd",
        f"-ldflags=-s -w -X github.com/prometheus/common/version.Version={_PROMETHEUS}",
    ),
    module="github.com/prometheus/prometheus",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The built programs: `components` starts the part that its first argument names."""

    components: Path
    prometheus: Path

    @classmethod
    def ready(cls, *, progress: Callable[[str], None]) -> Self:
        """Return the programs; build what the cache does not hold.

        Raises:
            LocalProblem: one cannot be built.
        """
        return cls(
            components=_ready(COMPONENTS, progress),
            prometheus=_ready(PROMETHEUS, progress),
        )

    @staticmethod
    def built() -> bool:
        """Tell whether the cache holds all programs: then nothing needs to be built."""
        return cached(COMPONENTS).exists() and cached(PROMETHEUS).exists()


def cached(program: Program) -> Path:
    """Return where the cache holds `program` as its sources, flags and this machine's platform are now."""
    return cache_directory() / "bin" / f"{program.name}-{cache_key(program)}"


def cache_key(program: Program) -> str:
    """Return a name for everything that decides what is built."""
    digest = hashlib.sha256()
    for part in (platform.system(), platform.machine(), program.package, *program.flags):
        digest.update(part.encode() + b"\0")
    for path in sorted(program.source.iterdir()):
        if path.name in {"go.mod", "go.sum"} or path.suffix == ".go":
            digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _ready(program: Program, progress: Callable[[str], None]) -> Path:
    target = cached(program)
    if target.exists():
        return target
    with _alone(made(target.parent) / f".{program.name}.lock", program, progress):
        # Whoever held the lock before us may have built it.
        if not target.exists():
            progress(f"building {program.name}, once; it is kept as {target}")
            began = time.monotonic()
            build(program, target, progress=progress)
            progress(f"built {program.name} in {time.monotonic() - began:.0f} s")
    return target


@contextmanager
def _alone(path: Path, program: Program, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock that the kernel lifts when this program ends, however it ends."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"another process builds {program.name}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
