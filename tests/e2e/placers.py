"""Two pairs of a kube-scheduler and its extender on a real control plane, of which one places pods, and a checker.

Each pair runs under a host name of its own, as containers of one pod do: a kube-scheduler signs its Lease with it. What
a kubelet does is done here too: a kube-scheduler that ends is started again.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import yaml

from deploy.local import configurations
from deploy.local.places import DEPLOY
from deploy.local.ports import free_ports
from deploy.local.processes import write_json
from kube.client import Api
from kube.gpus import GpuAnnotations, Placement, placement_in
from kube.objects import Pod
from kube.watch import Gone, Put, Relisted, watch
from tests.e2e import pods
from tests.e2e.killing import HELD_BACK, PODS, wanted
from tests.e2e.standby import Misfortune, Pair, Rival, suffering, wait

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from pathlib import Path

    from deploy.local import LocalCluster

MISFORTUNES = (Misfortune.KILLED, Misfortune.STOPPED, Misfortune.CUT_FROM_API_SERVER)
_LEASE = "plimsoll-system/plimsoll-scheduler"
_ON_A_HOST = ["unshare", "--user", "--map-root-user", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"']


def hosts_can_be_named() -> bool:
    """Tell whether this machine lets us run programs under a host name of their own."""
    try:
        return subprocess.run([*_ON_A_HOST, "plimsoll-test", "true"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@dataclass
class Placer(Rival):
    """A kube-scheduler with its extender: `processes` are these two."""

    _tended: threading.Event = field(default_factory=threading.Event)
    _scheduler: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start both, with a new wire, and wait until the extender has listed everything."""
        self._tended.set()
        self.unwire()
        self.port, secure = free_ports(2)
        extender = [sys.executable, "-m", "extender", "run", "--follow-lease", _LEASE]
        extender += ["--kubeconfig", str(self.kubeconfig("plimsoll-extender"))]
        extender += ["--listen", f"127.0.0.1:{self.port}", "--rpc-listen", "off"]
        config = configurations.own_scheduler(
            kubeconfig=self.kubeconfig("plimsoll-scheduler"), extender_url=f"http://127.0.0.1:{self.port}"
        )
        shipped = yaml.safe_load((DEPLOY / "programs" / "scheduler.yaml").read_text())
        path = self.directory / f"{self.name}-scheduler.json"
        write_json(path, config | {"leaderElection": shipped["leaderElection"]})
        binary = str(self.cluster.components.binary)
        self._scheduler = [binary, "kube-scheduler", f"--config={path}", "--bind-address=127.0.0.1"]
        self._scheduler += [f"--secure-port={secure}"]
        self.processes = [self._on_host(extender)]
        wait("an extender is ready", self.ready, 60.0)
        self.processes.append(self._on_host(self._scheduler))
        self._tended = threading.Event()
        threading.Thread(target=self._tend, args=(self._tended,), daemon=True).start()

    def leads(self) -> bool:
        """Tell whether its extender says that it places pods; one that does not answer does not."""
        return self.number("plimsoll_extender_leader") == 1.0

    def suffer(self, misfortune: Misfortune) -> None:
        """Let something happen to it."""
        if misfortune is Misfortune.KILLED:
            self._tended.set()
        super().suffer(misfortune)

    def end(self) -> None:
        """End it, whatever state it is in."""
        self._tended.set()
        super().end()

    def signal_one(self, which: int, number: signal.Signals) -> None:
        """Send a signal to the extender (0) or the kube-scheduler (1)."""
        self.processes[which].send_signal(number)

    def _tend(self, enough: threading.Event) -> None:
        """Start the kube-scheduler again when it ends, as it does when it has lost its Lease."""
        while not enough.wait(0.2):
            if self.processes[1].poll() is not None:
                self.processes[1] = self._on_host(self._scheduler)

    def _on_host(self, command: list[str]) -> subprocess.Popen[bytes]:
        return self.launch([*_ON_A_HOST, self.name, *command])


class Checker:
    """Watches every pod by itself, and keeps the most that any device ever held, in milli-GPU."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._kubeconfig = cluster.admin_kubeconfig
        self._placed: dict[str, tuple[str, Placement]] = {}
        self._held: Counter[pods.Device] = Counter()
        self._ended, self._began = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch()), daemon=True)
        self.fullest = 0
        self.bound: set[str] = set()
        """The UIDs of all pods that were ever bound."""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._began.wait(30.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30.0)

    async def _watch(self) -> None:
        api = await Api.connect(self._kubeconfig)
        following = asyncio.create_task(self._follow(api))
        while not self._ended.is_set():  # noqa: ASYNC110  it is set by another thread
            await asyncio.sleep(0.05)
        following.cancel()
        await asyncio.wait([following])
        await api.close()

    async def _follow(self, api: Api) -> None:
        async for change in watch(api, "/api/v1/pods", Pod):
            match change:
                case Relisted(objects):
                    self._held.clear()
                    self._placed.clear()
                    for pod in objects:
                        self._put(pod)
                    self._began.set()
                case Put(pod):
                    self._put(pod)
                case Gone(pod):
                    self._drop(pod.metadata.uid)

    def _put(self, pod: Pod) -> None:
        self._drop(pod.metadata.uid)
        placement = placement_in(GpuAnnotations.of(pod.metadata.annotations))
        if not pod.spec.node_name or placement is None:
            return
        self.bound.add(pod.metadata.uid)
        self._placed[pod.metadata.uid] = (pod.spec.node_name, placement)
        for device in placement.devices:
            self._held[pod.spec.node_name, device] += placement.milli
            self.fullest = max(self.fullest, self._held[pod.spec.node_name, device])

    def _drop(self, uid: str) -> None:
        node, placement = self._placed.pop(uid, ("", None))
        for device in placement.devices if placement else ():
            self._held[node, device] -= placement.milli if placement else 0


@dataclass(frozen=True, slots=True)
class TakeOver:
    """What one round found.

    `seconds` until the other led; `bound_before`, `bound_after`: pods bound when the leader suffered, and at the end;
    `fullest`: the most that any device held at any moment, milli-GPU.
    """

    seconds: float
    bound_before: int
    bound_after: int
    fullest: int

    @property
    def lost(self) -> int:
        """How many pods were never bound."""
        return PODS - self.bound_after


def taken_over(pair: Pair[Placer], namespace: str, misfortune: Misfortune, after: int) -> TakeOver:
    """Run one round in a new namespace: let the leader suffer once `after` pods are bound, until the other leads."""

    def happens(struck: Callable[[], None]) -> float:
        # As soon as the other leads the former leader is there again, in the midst of the other's bindings.
        with suffering(pair, misfortune, struck) as (_, seconds):
            pass
        return seconds or 0.0

    return placed_through(pair, namespace, after, happens)


def placed_through(
    pair: Pair[Placer], namespace: str, after: int, happens: Callable[[Callable[[], None]], float]
) -> TakeOver:
    """Run one round in a new namespace: once `after` pods are bound something `happens`, which tells its seconds.

    It calls what it is given once it has struck; the last pods are created then.
    """
    cluster = pair.both[0].cluster
    pair.leader()
    pods.create_namespace(cluster, namespace)
    before = 0
    with Checker(cluster) as checker:
        with pods.creating(cluster, namespace, wanted(), HELD_BACK) as go_on:

            def struck() -> None:
                nonlocal before
                before = len(checker.bound)
                go_on()

            pods.wait_until(f"{after} pods bound", lambda: len(checker.bound) >= after, 180.0, every_s=0.01)
            seconds = happens(struck)
        pods.wait_until("every pod bound", lambda: len(checker.bound) >= PODS, 300.0)
        bound = len(pods.placed(pods.pods_of(cluster, namespace)))
        found = TakeOver(seconds, before, bound, checker.fullest)
    pods.empty(cluster, namespace)
    return found


def pair_of(cluster: LocalCluster, directory: Path) -> Pair[Placer]:
    """Return two pairs that are not started yet, in place of the cluster's own kube-scheduler."""
    assert shutil.which("unshare")
    if cluster.pid("scheduler") is not None:
        cluster.stop("scheduler")
    return Pair((Placer(cluster, "pair-one", directory), Placer(cluster, "pair-two", directory)))
