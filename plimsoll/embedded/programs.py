"""How do the real programs run on an embedded cluster? As processes of their own; the cluster is a thread of ours."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self, TypeVar

import uvloop

from deploy.local import configurations
from deploy.local.binaries import PROMETHEUS, cached
from deploy.local.components import prometheus_command
from deploy.local.hold import Hold
from deploy.local.places import ClusterFiles
from deploy.local.ports import Addresses, free_ports
from deploy.local.processes import write_json
from deploy.local.programs import ClusterSpec, Programs, sweep
from plimsoll.embedded.cluster import EmbeddedCluster

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_Result = TypeVar("_Result")

_PORT_NAMES = ("extender", "devices", "autoscaler", "decisions", "prometheus")
_IDENTITIES = ("admin", "plimsoll-extender", "plimsoll-autoscaler")


class EmbeddedPrograms(Programs):
    """An embedded cluster, with the extender and the autoscaler beside it as on a real one.

    Prometheus runs too where the program can be had; else the autoscaler reads the metrics pages itself.
    """

    def __init__(
        self, spec: ClusterSpec, files: ClusterFiles, hold: Hold, addresses: Addresses, prometheus: Path | None
    ) -> None:
        """Take up what `start` prepared; nothing runs yet."""
        super().__init__(spec, files, hold, addresses)
        self.prometheus = prometheus
        self._loop = uvloop.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="embedded cluster", daemon=True)
        self.cluster = EmbeddedCluster(
            nodes=spec.nodes,
            gpus_per_node=spec.gpus_per_node,
            gpu_product=spec.gpu_product,
            gpu_memory_mib=spec.gpu_memory_mib,
            extender_url=self.extender_url,
        )

    @classmethod
    def start(cls, spec: ClusterSpec, *, progress: Callable[[str], None]) -> Self:
        """Sweep what an earlier run of the same name left, and bring the cluster up.

        Raises:
            LocalProblem: a program does not start; nothing is left running then.
        """
        files = ClusterFiles.named(spec.name)
        hold = Hold.take(files.lock, spec.name)
        try:
            if left := sweep(files):
                progress(f"ended what an earlier run left: {', '.join(left)}")
            shutil.rmtree(files.logs, ignore_errors=True)
            addresses = Addresses(dict(zip(_PORT_NAMES, free_ports(len(_PORT_NAMES)), strict=True)))
            began = time.monotonic()
            programs = cls(spec, files, hold, addresses, found_prometheus() if spec.prometheus else None)
            try:
                programs._bring_up()
            except BaseException:
                programs.close()
                raise
            progress(
                f"embedded cluster {spec.name} is up after {time.monotonic() - began:.1f} s: {spec.nodes} GPU nodes"
            )
        except BaseException:
            hold.release()
            raise
        return programs

    def close(self) -> None:
        """End every process and the cluster itself; logs stay."""
        if self._thread.is_alive():
            self._do(self.cluster.__aexit__(None, None, None))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        super().close()

    def ended(self) -> list[str]:
        """Return the parts and programs that have ended by themselves."""
        return [*self.cluster.ended(), *super().ended()]

    def _bring_up(self) -> None:
        self.files.run.mkdir(parents=True, mode=0o700)
        self.files.logs.mkdir(parents=True)
        self._thread.start()
        self._do(self.cluster.__aenter__())
        for identity in _IDENTITIES:
            path = self.files.kubeconfig(identity)
            path.parent.mkdir(exist_ok=True)
            self.cluster.write_kubeconfig(path, user=identity)
        write_json(self.scrape_targets, [])
        if self.prometheus is not None:
            configuration = self.files.run / "prometheus.yaml"
            programs = {name: self.addresses.of(name) for name in ("extender", "autoscaler")}
            write_json(configuration, configurations.prometheus(targets=self.scrape_targets, programs=programs))
            storage = self.files.run / "prometheus"
            address = self.addresses.of("prometheus")
            self.launch("prometheus", prometheus_command(self.prometheus, configuration, storage, address))
            self.wait_ready("prometheus")

    def _samples_from(self) -> tuple[str, ...]:
        if self.prometheus is None:
            return ("--scrape-targets", str(self.scrape_targets))
        return super()._samples_from()

    def _do(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Have the cluster's thread do `work`; if we are interrupted, it is undone there before we go on."""
        over = Event()

        async def whole() -> _Result:
            try:
                return await work
            finally:
                over.set()

        doing = asyncio.run_coroutine_threadsafe(whole(), self._loop)
        try:
            return doing.result()
        finally:
            doing.cancel()  # of what is done already, this is nothing
            over.wait()


def found_prometheus() -> Path | None:
    """Return a Prometheus that can be started: the one that was built here, else the machine's own; None without."""
    built = cached(PROMETHEUS)
    if built.exists():
        return built
    own = shutil.which("prometheus")
    return Path(own) if own else None
