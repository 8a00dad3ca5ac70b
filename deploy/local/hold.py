"""Who holds a cluster open? One program at a time; the kernel lets go of the lock when that program ends, however."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from deploy.local.places import made
from deploy.local.problem import LocalProblem

if TYPE_CHECKING:
    from pathlib import Path


class Hold:
    """A lock on a file, kept until `release` or the end of this program."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path, name: str) -> Hold:
        """Lock `path`.

        Raises:
            LocalProblem: another program holds it, whose pid the message names; or it cannot be written.
        """
        descriptor = os.open(made(path.parent) / path.name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace")
            os.close(descriptor)
            raise LocalProblem(
                f"the cluster {name!r} is in use by the process {holder}: wait until that ends, or choose another name"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return cls(descriptor)

    def release(self) -> None:
        """Unlock; does nothing the second time."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
