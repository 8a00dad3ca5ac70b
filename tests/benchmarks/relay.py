"""What does it cost to ask the extender through the relay that stands beside a kube-scheduler that others share?

The same extender, partly filled as in the benchmark of serving, gets the same questions directly and through a relay,
one after the other over one connection, as kube-scheduler asks them. What is told is the CPU time of both processes,
and the time until the answer. Relay and extender have one core together, and the client another.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from deploy.local.ports import free_ports
from tests.benchmarks.serving import CLIENT_CORE, SERVER_CORE, Served, asked, extender, serving, spread
from tests.benchmarks.serving_load import Questions
from tests.e2e.answering import status_of
from tests.e2e.standby import wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RUNS, _WARM = 10, 200
_ROWS = ((1000, 400), (5000, 300))
_REST_S = 10.0


@dataclass(frozen=True, slots=True)
class _Run:
    """What a request cost: µs of CPU of extender and relay, and the ms until its answer."""

    extender: float
    relay: float
    took: float


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table."""
    rows = [
        "| names | directly: µs of CPU | through the relay: the extender | the relay | both over directly | ms, both |",
        "|---|---|---|---|---|---|",
    ]
    os.sched_setaffinity(0, {CLIENT_CORE})
    with ExitStack() as running:
        served = running.enter_context(serving(extender("fragmentation")))
        relay = running.enter_context(_relay(served))
        for names, _ in _ROWS:
            for of in (served, relay):
                asyncio.run(_times_ms(of, names, _WARM))
        for names, requests in _ROWS:
            direct: list[_Run] = []
            relayed: list[_Run] = []
            for number in range(_RUNS):
                for of, runs in ((served, direct), (relay, relayed)):
                    runs.append(_run(served, relay, of, names, requests))
                progress(f"{names}: run {number + 1} of {_RUNS}: {direct[-1]}, {relayed[-1]}")
            rows.append(_row(names, direct, relayed))
        at_rest = _at_rest_ms(relay), _at_rest_ms(served)
    how = f"Medians of {_RUNS} interleaved runs (least to most), one connection. While nothing is asked the relay takes"
    rest = (
        f"{at_rest[0]:.0f} ms of CPU a second, asking whether the extender is ready, and the extender {at_rest[1]:.0f}."
    )
    return [*rows, "", f"{how} {rest}"]


def _row(names: int, direct: list[_Run], relayed: list[_Run]) -> str:
    alone, far = [run.extender for run in direct], [run.extender for run in relayed]
    near, took = [run.relay for run in relayed], [median(run.took for run in runs) for runs in (direct, relayed)]
    over = (median(far) + median(near)) / median(alone)
    return (
        f"| {names:,} | {spread(alone)} | {spread(far)} | {spread(near)} | **{over:.2f}** | "
        f"{took[0]:.2f}, {took[1]:.2f} |"
    )


@contextmanager
def _relay(served: Served) -> Iterator[Served]:
    (port,) = free_ports(1)
    flags = ["--extender", f"http://127.0.0.1:{served.port}", "--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen([sys.executable, "-m", "extender", "relay", *flags], stderr=subprocess.DEVNULL) as process:
        try:
            os.sched_setaffinity(process.pid, {SERVER_CORE})
            wait("the relay hears the extender", lambda: status_of(f"http://127.0.0.1:{port}/readyz") == 200, 60.0)
            yield Served(process.pid, port)
        finally:
            process.kill()


def _run(served: Served, relay: Served, of: Served, names: int, requests: int) -> _Run:
    """Ask one of them, and return what a request cost both."""
    began = served.cpu_s(), relay.cpu_s()
    took = asyncio.run(_times_ms(of, names, requests))
    per_request = 1e6 / requests
    return _Run((served.cpu_s() - began[0]) * per_request, (relay.cpu_s() - began[1]) * per_request, median(took))


async def _times_ms(of: Served, names: int, requests: int) -> list[float]:
    """Return how long each answer took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", of.port)
    took: list[float] = []
    for body in islice(Questions(names).bodies(), requests):
        began = time.perf_counter()
        answer = await asked(reader, writer, body)
        took.append((time.perf_counter() - began) * 1000)
        if b'"NodeNames":["' not in answer:  # the relay says no with 200 too
            raise SystemExit(f"no node was chosen: {answer[:200]!r}")
    writer.close()
    return took


def _at_rest_ms(server: Served) -> float:
    before = server.cpu_s()
    time.sleep(_REST_S)
    return (server.cpu_s() - before) * 1000 / _REST_S
