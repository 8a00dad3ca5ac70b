"""Which programs make up a local cluster, where do they answer, and what can be done to them?

What every local cluster has, whatever answers in the place of the API server: processes by name, the extender and the
autoscaler among them, their logs, ports and kubeconfigs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from deploy.local.places import REPOSITORY, ClusterFiles
from deploy.local.ports import Addresses, is_free
from deploy.local.probe import unready
from deploy.local.problem import LocalProblem
from deploy.local.processes import Processes
from kube.client import Api

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from types import TracebackType

    from deploy.local.hold import Hold

_Result = TypeVar("_Result")

# On an idle machine each is ready within 3 s; a loaded one gets time.
_READY_S = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """What a local cluster is made of."""

    name: str = "dev"
    nodes: int = 4
    gpus_per_node: int = 4
    gpu_product: str = "NVIDIA-A100-SXM4-80GB"
    gpu_memory_mib: int = 81_920
    default_scheduler: bool = True
    prometheus: bool = True
    extender_arguments: tuple[str, ...] = ()
    """Further arguments of `python -m extender run`."""
    autoscaler_arguments: tuple[str, ...] = ()
    """Further arguments of `python -m autoscaler run`."""

    def __post_init__(self) -> None:
        for key, value, lowest, highest in (
            ("nodes", self.nodes, 0, 5_000),
            ("gpus per node", self.gpus_per_node, 1, 64),
            ("GPU memory", self.gpu_memory_mib, 1, 10_000_000),
        ):
            if not lowest <= value <= highest:
                raise LocalProblem(f"{key}: {value} is not between {lowest} and {highest}")


class Programs:
    """The running programs of one cluster. Leave the `with` block and all of it is gone, but for the logs."""

    def __init__(self, spec: ClusterSpec, files: ClusterFiles, hold: Hold, addresses: Addresses) -> None:
        """Take up what a start prepared; nothing runs yet."""
        self.spec = spec
        self.files = files
        self.addresses = addresses
        self._hold = hold
        self._processes = Processes(files.processes, files.logs)
        self._commands: dict[str, list[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process of the cluster and delete its databases; logs stay."""
        sweep(self.files, processes=self._processes)
        self._hold.release()

    # Where things are.

    @property
    def admin_kubeconfig(self) -> Path:
        """The kubeconfig of a person who may do everything."""
        return self.kubeconfig("admin")

    def kubeconfig(self, identity: str) -> Path:
        """Return the kubeconfig of "admin" or of a service account of ours, such as "plimsoll-extender"."""
        path = self.files.kubeconfig(identity)
        if not path.exists():
            known = ", ".join(sorted(each.stem for each in path.parent.iterdir()))
            raise LocalProblem(f"no identity {identity!r} on the local cluster: there are {known}")
        return path

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus answers queries."""
        return f"http://{self.addresses.of('prometheus')}"

    @property
    def extender_url(self) -> str:
        """Where the extender answers kube-scheduler, also for /healthz, /readyz and /metrics."""
        return f"http://{self.addresses.of('extender')}"

    @property
    def autoscaler_url(self) -> str:
        """Where the autoscaler answers /healthz, /readyz, /metrics and /decisions."""
        return f"http://{self.addresses.of('autoscaler')}"

    @property
    def decisions_address(self) -> str:
        """Where the autoscaler answers `plimsoll explain` (its --server)."""
        return self.addresses.of("decisions")

    @property
    def devices_address(self) -> str:
        """Where the extender answers `plimsoll gpus` and `plimsoll explain pod` (their --server)."""
        return self.addresses.of("devices")

    @property
    def scrape_targets(self) -> Path:
        """The file of scrape targets that Prometheus follows (its file_sd format); replace it by renaming."""
        return self.files.run / "scrape-targets.json"

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self._processes.log(name)

    def pid(self, name: str) -> int | None:
        """Return the pid of a process that runs, else None."""
        return self._processes.pid(name)

    def ended(self) -> list[str]:
        """Return the programs that were started, not stopped, and are gone all the same."""
        return [name for name in self._processes.names() if self.pid(name) is None]

    # What can be done to its programs.

    def start_extender(self) -> None:
        """Start the extender as its service account and wait until its ledger is built; always on the same port."""
        devices = ("--rpc-listen", self.devices_address, "--no-leader-elect")
        self._start_program("extender", (*devices, *self.spec.extender_arguments))

    def start_autoscaler(self) -> None:
        """Start the autoscaler as its service account and wait until it is ready; always on the same port."""
        decisions = ("--rpc-listen", self.decisions_address)
        self._start_program("autoscaler", (*decisions, *self._samples_from(), *self.spec.autoscaler_arguments))

    def stop(self, name: str) -> None:
        """End a process in an orderly way."""
        self._processes.stop(name)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a process an ending signal and wait until it is gone."""
        self._processes.kill(name, number)

    def restart(self, name: str) -> None:
        """End a process if it runs and start it again with the same port and data."""
        self.stop(name)
        self.launch(name, self._commands[name])
        self.wait_ready(name)

    def pause(self, name: str) -> None:
        """Freeze a process where it stands."""
        self._processes.send(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a frozen process go on."""
        self._processes.send(name, signal.SIGCONT)

    # What bringing it up is made of.

    def launch(self, name: str, command: list[str]) -> None:
        """Start a process without waiting for it; `restart` repeats the command.

        Raises:
            LocalProblem: another program listens on its port, or it cannot be started.
        """
        port = self.addresses.ports[name]
        if self.pid(name) is None and not is_free(port):
            raise LocalProblem(
                f"port {port} of {name} was taken by another program: end that program (ss -ltnp names it), or bring "
                "the cluster up anew, which chooses other ports"
            )
        self._commands[name] = command
        self._processes.start(name, command, directory=REPOSITORY, environment=_environment())

    def wait_ready(self, name: str) -> None:
        """Wait until a process answers that it is ready."""
        url = self.addresses.health_url(name)
        self._processes.wait_ready(name, lambda: unready(url), timeout_s=_READY_S)

    def call(self, work: Callable[[Api], Awaitable[_Result]]) -> _Result:
        """Run `work` with the admin's connection, from any thread, inside or outside a running event loop."""

        async def connected() -> _Result:
            api = await Api.connect(self.admin_kubeconfig)
            try:
                return await work(api)
            finally:
                await api.close()

        with ThreadPoolExecutor(max_workers=1) as aside:
            return aside.submit(asyncio.run, connected()).result()

    def _samples_from(self) -> tuple[str, ...]:
        """Return the flag that tells the autoscaler where samples come from."""
        return ("--prometheus-url", self.prometheus_url)

    def _start_program(self, name: str, arguments: tuple[str, ...]) -> None:
        command = [sys.executable, "-m", name, "run", "--kubeconfig", str(self.kubeconfig(f"plimsoll-{name}"))]
        self.launch(name, [*command, "--listen", self.addresses.of(name), *arguments])
        self.wait_ready(name)


def sweep(files: ClusterFiles, processes: Processes | None = None) -> list[str]:
    """End every process that is recorded for a cluster and delete what only a running cluster needs.

    Returns the names of the processes that were still running.
    """
    processes = processes or Processes(files.processes, files.logs)
    running = [name for name in processes.names() if processes.pid(name) is not None]
    # Clients before servers: a server that still has clients waits for them.
    for group in (
        [name for name in running if name not in {"kube-apiserver", "etcd"}],
        [name for name in running if name == "kube-apiserver"],
        [name for name in running if name == "etcd"],
    ):
        processes.stop(*group)
    shutil.rmtree(files.run, ignore_errors=True)
    files.processes.unlink(missing_ok=True)
    return running


def _environment() -> dict[str, str]:
    """Return our environment, with no proxy between the programs: none reaches this machine's loopback."""
    excepted = [os.environ.get("NO_PROXY", ""), "127.0.0.1", "localhost"]
    no_proxy = ",".join(part for part in excepted if part)
    return {**os.environ, "NO_PROXY": no_proxy, "no_proxy": no_proxy, "PYTHONUNBUFFERED": "1"}
