"""How does a real control plane come up on this machine, and how is it left?"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from deploy.local import boot
from deploy.local.binaries import Binaries
from deploy.local.components import PORT_NAMES, Components
from deploy.local.hold import Hold
from deploy.local.places import ClusterFiles
from deploy.local.ports import Addresses, free_ports
from deploy.local.problem import LocalProblem
from deploy.local.programs import ClusterSpec, Programs, sweep

if TYPE_CHECKING:
    from collections.abc import Callable


class LocalCluster(Programs):
    """A running control plane with fake GPU nodes."""

    def __init__(self, spec: ClusterSpec, files: ClusterFiles, hold: Hold, components: Components) -> None:
        """Take up what `start` prepared; nothing runs yet."""
        super().__init__(spec, files, hold, components.addresses)
        self.components = components

    @classmethod
    def start(cls, spec: ClusterSpec, *, progress: Callable[[str], None]) -> Self:
        """Build what is not built yet, sweep what an earlier run of the same name left, and bring the cluster up.

        Raises:
            LocalProblem: something is missing or does not start; nothing is left running then.
        """
        if not Path("/proc/self/stat").exists():
            raise LocalProblem("the local control plane needs Linux: it knows its processes through /proc")
        files = ClusterFiles.named(spec.name)
        hold = Hold.take(files.lock, spec.name)
        try:
            binaries = Binaries.ready(progress=progress)
            if left := sweep(files):
                progress(f"ended what an earlier run left: {', '.join(left)}")
            shutil.rmtree(files.logs, ignore_errors=True)
            addresses = Addresses(dict(zip(PORT_NAMES, free_ports(len(PORT_NAMES)), strict=True)))
            cluster = cls(spec, files, hold, Components(files, addresses, binaries.components, binaries.prometheus))
            began = time.monotonic()
            try:
                boot.bring_up(cluster, progress)
            except BaseException:
                cluster.close()
                raise
            progress(f"cluster {spec.name} is up after {time.monotonic() - began:.1f} s")
        except BaseException:
            hold.release()
            raise
        return cluster

    def leave_running(self) -> None:
        """Let go of the cluster without ending it; `python -m deploy.local down` ends it later."""
        self._hold.release()

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{self.addresses.of('kube-apiserver')}"
