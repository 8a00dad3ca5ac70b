"""Programs of which one leads on a real control plane, each behind wires that can be cut, and what may happen."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from deploy.local.ports import free_ports
from tests.e2e.wires import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from deploy.local import LocalCluster

TAKE_OVER_S = 15.0
_ANSWER_S = 10.0  # a program that runs answers sooner, on a busy machine too
_SERVER = re.compile(r"https://127\.0\.0\.1:(\d+)")


class Misfortune(Enum):
    """What happens to the leader."""

    KILLED = "killed"
    STOPPED = "stopped, and resumed later"
    CUT_FROM_API_SERVER = "cut from the API server"
    CUT_FROM_PROMETHEUS = "cut from Prometheus"


@dataclass
class Rival(ABC):
    """One of several of which one leads: its processes, and its wires, the first of which goes to the API server.

    It answers with its metrics on `port`.
    """

    cluster: LocalCluster
    name: str
    directory: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    port: int = 0
    wires: list[Wire] = field(default_factory=list)

    @abstractmethod
    def start(self) -> None:
        """Start it, with new wires, and wait until it is ready."""

    @abstractmethod
    def leads(self) -> bool:
        """Tell whether it says that it leads; one that does not answer does not."""

    def kubeconfig(self, identity: str) -> Path:
        """Return a kubeconfig of an identity of the cluster that leads through our wire."""
        kubeconfig = self.cluster.kubeconfig(identity).read_text()
        if not self.wires:
            found = _SERVER.search(kubeconfig)
            assert found is not None
            self.wires = [Wire(int(found[1]))]
        config = self.directory / f"{self.name}-{identity}.yaml"
        config.write_text(_SERVER.sub(f"https://127.0.0.1:{self.wires[0].port}", kubeconfig))
        return config

    @property
    def log(self) -> Path:
        """What its processes say."""
        return self.directory / f"{self.name}.log"

    def launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a process of it, whose output goes to its log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def number(self, series: str) -> float | None:
        """Return a value of its metrics page, 0 for a series that is not there, None where there is no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=_ANSWER_S) as answer:
                page: str = answer.read().decode()
        except (OSError, urllib.error.URLError):
            return None
        values = [line.rpartition(" ")[2] for line in page.splitlines() if line.startswith(series + " ")]
        return float(values[0]) if values else 0.0

    def suffer(self, misfortune: Misfortune) -> None:
        """Let something happen to it."""
        match misfortune:
            case Misfortune.KILLED:
                for process in self.processes:
                    process.kill()
                    process.wait()
            case Misfortune.STOPPED:
                self.signal(signal.SIGSTOP)
            case Misfortune.CUT_FROM_API_SERVER:
                self.wires[0].cut()
            case Misfortune.CUT_FROM_PROMETHEUS:
                self.wires[1].cut()

    def recover(self, misfortune: Misfortune) -> None:
        """Let it end."""
        match misfortune:
            case Misfortune.KILLED:
                self.start()
            case Misfortune.STOPPED:
                self.signal(signal.SIGCONT)
            case Misfortune.CUT_FROM_API_SERVER:
                self.wires[0].mend()
            case Misfortune.CUT_FROM_PROMETHEUS:
                self.wires[1].mend()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of it."""
        for process in self.processes:
            process.send_signal(number)

    def end(self) -> None:
        """End it, whatever state it is in."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                try:
                    process.wait(10.0)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.unwire()

    def ready(self) -> bool:
        """Tell whether it answers that it is ready.

        Raises:
            AssertionError: it has ended.
        """
        ended = any(process.poll() is not None for process in self.processes)
        assert not ended, f"{self.name} ended: {self.log}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1.0):
                return True
        except (OSError, urllib.error.URLError):
            return False

    def unwire(self) -> None:
        """End all its connections."""
        for wire in self.wires:
            wire.close()
        self.wires = []


class Standby(Rival):
    """One autoscaler, with a second wire, to Prometheus."""

    def start(self) -> None:
        """Start it, with new wires, and wait until it is ready."""
        self.unwire()
        config = self.kubeconfig("plimsoll-autoscaler")
        prometheus = Wire(int(self.cluster.prometheus_url.rpartition(":")[2]))
        self.wires.append(prometheus)
        self.port, decisions = free_ports(2)
        command = [sys.executable, "-m", "autoscaler", "run", "--kubeconfig", str(config)]
        command += ["--listen", f"127.0.0.1:{self.port}", "--rpc-listen", f"127.0.0.1:{decisions}"]
        command += ["--prometheus-url", f"http://127.0.0.1:{prometheus.port}"]
        self.processes = [self.launch(command)]
        wait("an autoscaler is ready", self.ready, 60.0)

    def leads(self) -> bool:
        """Tell whether it says that it leads; one that does not answer does not."""
        return self.number("plimsoll_autoscaler_leader") == 1.0

    def written(self) -> float:
        """Return how many counts it says it has written, 0 where it does not answer."""
        return self.number('plimsoll_autoscaler_scale_writes_total{result="written"}') or 0.0

    def decided(self, namespace: str) -> int:
        """Return how many workloads of a namespace it has decided on and does not hold."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/decisions", timeout=5.0) as answer:
            found = json.loads(answer.read())["workloads"]
        return sum(one["namespace"] == namespace and one["mode"] != "held" for one in found)


RivalType = TypeVar("RivalType", bound=Rival)
Found = TypeVar("Found")


@dataclass
class Pair(Generic[RivalType]):
    """Two rivals of one cluster, of which one leads."""

    both: tuple[RivalType, RivalType]

    def __enter__(self) -> Self:
        for each in self.both:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.both:
            each.end()

    def leader(self) -> RivalType:
        """Return the one that leads, waiting until one does."""
        return found("one of both leads", lambda: next((each for each in self.both if each.leads()), None), 60.0)

    def other(self, one: RivalType) -> RivalType:
        """Return the one that is not this."""
        return next(each for each in self.both if each is not one)


@contextlib.contextmanager
def suffering(
    pair: Pair[RivalType], misfortune: Misfortune, struck: Callable[[], None] = lambda: None
) -> Iterator[tuple[RivalType, float | None]]:
    """Let the leader suffer as long as the block runs; give who leads then, and after how many seconds it did.

    `struck` is called as soon as it suffers. Where the other cannot do better (Prometheus is away), nobody takes over,
    and there is no time.
    """
    leader = pair.leader()
    other = pair.other(leader)
    began = time.monotonic()
    leader.suffer(misfortune)
    try:
        struck()
        if misfortune is Misfortune.CUT_FROM_PROMETHEUS:
            yield leader, None
        else:
            wait("the other leads", other.leads, 60.0)
            yield other, time.monotonic() - began
    finally:
        leader.recover(misfortune)
    wait("both answer, and one leads", lambda: sum(each.leads() for each in pair.both) == 1, 60.0)


def wait(what: str, true: Callable[[], bool], seconds: float) -> None:
    """Wait until something is true.

    Raises:
        AssertionError: it did not become so in time.
    """
    found(what, lambda: true() or None, seconds)


def found(what: str, look: Callable[[], Found | None], seconds: float) -> Found:
    """Look until there is something; return it.

    Raises:
        AssertionError: there was nothing in time.
    """
    end = time.monotonic() + seconds
    while (there := look()) is None:
        assert time.monotonic() < end, f"not in {seconds:g} s: {what}"
        time.sleep(0.05)
    return there
