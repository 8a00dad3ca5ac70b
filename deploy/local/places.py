"""Where do things live? Programs in the person's cache directory, a cluster's files in the state directory."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from deploy.local.problem import LocalProblem

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")


def cache_directory() -> Path:
    """Return where built programs and the Go toolchain are kept; safe to delete at any time."""
    return _base("XDG_CACHE_HOME", ".cache") / "plimsoll"


def clusters_directory() -> Path:
    """Return the directory that holds one directory for each local cluster."""
    return _base("XDG_STATE_HOME", ".local/state") / "plimsoll" / "clusters"


def _base(variable: str, fallback: str) -> Path:
    # The XDG rule: a relative value is to be ignored.
    value = Path(os.environ.get(variable, ""))
    return value if value.is_absolute() else Path.home() / fallback


def made(directory: Path) -> Path:
    """Return `directory`, which is there from now on.

    Raises:
        LocalProblem: it cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalProblem(
            f"the directory {directory} cannot be made ({error.strerror}): set XDG_CACHE_HOME and XDG_STATE_HOME to "
            "directories where you may write"
        ) from error
    return directory


@dataclass(frozen=True, slots=True)
class ClusterFiles:
    """The files of one cluster."""

    home: Path

    @classmethod
    def named(cls, name: str) -> ClusterFiles:
        """Return the places of the cluster `name`.

        Raises:
            LocalProblem: `name` is not a plain lower-case name.
        """
        if not _NAME.fullmatch(name):
            raise LocalProblem(
                f"--name {name!r}: a cluster's name is 1 to 42 lower-case letters, digits and inner hyphens"
            )
        return cls(clusters_directory() / name)

    @property
    def run(self) -> Path:
        """Everything that belongs to one run only: keys, credentials, configuration, databases."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """One log file for each program; kept until the next start."""
        return self.home / "logs"

    @property
    def processes(self) -> Path:
        """The record of the processes that this cluster started."""
        return self.home / "processes.json"

    @property
    def lock(self) -> Path:
        """Locked while a program holds the cluster open."""
        return self.home / "lock"

    @property
    def description(self) -> Path:
        """What `status` tells: addresses and kubeconfigs of the running cluster."""
        return self.run / "cluster.json"

    def kubeconfig(self, identity: str) -> Path:
        """Return the path of one identity's kubeconfig."""
        return self.run / "kubeconfigs" / f"{identity}.yaml"
