"""One model server for each pod that the cluster runs, started and stopped with it, and known to Prometheus.

KWOK marks pods as running without running anything: the fleet is the part of a kubelet that is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import aiohttp

from plimsoll.demo.core.spread import Server
from plimsoll.demo.core.story import NAMESPACE, WORKLOADS
from plimsoll.demo.problem import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from kube.objects import Pod

_SLOTS = {workload.name: workload.slots for workload in WORKLOADS}
_START_S = 60.0  # a dozen interpreters may start at once on two busy cores
_REAPED_S = 2.0
_DRAIN_S = 30.0  # Kubernetes' default grace period


@dataclass(slots=True)
class _Running:
    """A server's process, and the task that watches over it."""

    server: Server
    process: asyncio.subprocess.Process
    watch: asyncio.Task[None]
    ready: bool = False
    leaving: bool = False


class Fleet:
    """The model servers of all running pods; use it as an asynchronous context."""

    def __init__(self, *, targets: Path, logs: Path, time_scale: Mapping[str, float]) -> None:
        self._targets = targets
        self._logs = logs
        self._time_scale = time_scale
        self._running: dict[str, _Running] = {}
        self._trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Begin with no targets: those of an earlier run are gone."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self._write_targets()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every server at once; nobody waits for an answer any more."""
        left = list(self._running.values())
        for running in left:
            running.watch.cancel()
            _send(running.process, signal.SIGKILL)
        await asyncio.gather(*(running.process.wait() for running in left))
        await asyncio.gather(*(running.watch for running in left), return_exceptions=True)
        self._running.clear()

    async def failed(self) -> None:
        """Wait until a server fails.

        Raises:
            DemoError: a server ended by itself or did not come up.
        """
        await self._trouble

    def ready(self, workload: str) -> list[Server]:
        """Return the servers that take requests for `workload`."""
        return [
            running.server
            for running in self._running.values()
            if running.ready and not running.leaving and running.server.workload == workload
        ]

    async def until_changed(self) -> None:
        """Wait until a server becomes ready from now on."""
        await self._changed.wait()

    async def follow(self, pods: Iterable[Pod]) -> None:
        """Start a server for each running pod that has none, and stop those whose pod is going or gone."""
        wanted = {pod.metadata.name: pod for pod in pods if _runs(pod)}
        for name, running in self._running.items():
            if name not in wanted and not running.leaving:
                running.leaving = True
                _send(running.process, signal.SIGTERM)
                asyncio.get_running_loop().call_later(_DRAIN_S, _send, running.process, signal.SIGKILL)
        for name in sorted(wanted.keys() - self._running.keys()):
            await self._start(name, (wanted[name].metadata.labels or {})["app"])
        self._write_targets()

    async def _start(self, pod: str, workload: str) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(512)
            port = listener.getsockname()[1]
            with (self._logs / f"{pod}.log").open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "plimsoll.demo.shell.server"),
                    *("--fd", str(listener.fileno()), "--pod", pod),
                    *("--slots", str(_SLOTS[workload]), "--time-scale", str(self._time_scale[workload])),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,  # Ctrl-C is for us alone: we end the servers, in order
                )
        server = Server(pod, workload, f"http://127.0.0.1:{port}")
        self._running[pod] = _Running(server, process, asyncio.create_task(self._watch(pod)))

    async def _watch(self, pod: str) -> None:
        """See a server through its life: coming up, ready, gone."""
        running = self._running[pod]
        running.ready = await _healthy(running.server.url)
        if running.ready:
            self._changed.set()  # wakes those who wait now; the next ones wait for the next
            self._changed = asyncio.Event()
        else:
            # One that ended is about to be reaped: a signal at this moment would lose its exit status.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.process.wait(), _REAPED_S)
            _send(running.process, signal.SIGKILL)
        status = await running.process.wait()
        if not running.leaving and not self._trouble.done():
            what = "ended by itself" if running.ready else "did not come up"
            log = self._logs / f"{pod}.log"
            self._trouble.set_exception(
                DemoError(f"the model server of pod {pod} {what} (exit status {status}); its log is {log}")
            )
        del self._running[pod]

    def _write_targets(self) -> None:
        """Tell Prometheus where the servers are; by renaming, so that it never reads half a file."""
        groups = [
            {
                "targets": [running.server.url.removeprefix("http://")],
                "labels": {"namespace": NAMESPACE, "pod": pod},
            }
            for pod, running in sorted(self._running.items())
            if not running.leaving
        ]
        fresh = self._targets.with_suffix(".new")
        fresh.write_text(json.dumps(groups), encoding="utf-8")
        fresh.replace(self._targets)


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a server that runs, not by asyncio's own call: that reaps, and so loses the exit status."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _runs(pod: Pod) -> bool:
    """Tell whether a kubelet would have a server of ours run for `pod`."""
    conditions = pod.status.conditions or ()
    return (
        (pod.metadata.labels or {}).get("app") in _SLOTS
        and pod.metadata.deletion_timestamp is None
        and pod.status.phase == "Running"
        and any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
    )


async def _healthy(url: str) -> bool:
    """Wait for a server's first answer: its socket is open before it runs, so one request is enough."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_START_S)) as session,
            session.get(f"{url}/health") as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
