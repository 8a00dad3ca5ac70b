"""What does an answer to filter cost the server, beside the ordinary Go handler that decides the same?

Both serve the same cluster of 5,000 nodes with 8 GPUs each, partly filled, and get the same requests from the same
client: a pod of 4 KB, and names of nodes in another order each time, as kube-scheduler's parallel search leaves them.
Before anything is measured, both answer a few hundred requests one after the other, and every answer must be the same.
Each server has a core for itself, and the client another; what is told is the CPU time of the server's process.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks import go_program
from tests.benchmarks.serving_load import NODES, Questions, cluster, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FLOOR = "serving_floor"
_OURS, _DEFAULT = "best-fit", "fragmentation"
_CONNECTIONS, _RUNS, _CHECKED = 16, 10, 300
SERVER_CORE, CLIENT_CORE = 0, 1
_TICKS = os.sysconf("SC_CLK_TCK")
_ROWS = (
    ("100", Questions(100), 1500),
    ("1,000", Questions(1000), 800),
    ("5,000", Questions(NODES), 400),
    ("5,000, in the same order each time", Questions(NODES, same=True), 400),
    ("5,000, and it fits on none", Questions(NODES, fits=False), 60),
)


@dataclass(frozen=True, slots=True)
class Served:
    """A server's process, and where it listens."""

    pid: int
    port: int

    def cpu_s(self) -> float:
        """Return the CPU time that it has had."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table."""
    rows = [
        "| names | Go, µs of CPU a request | Plimsoll, the same decisions | Go over Plimsoll | Plimsoll as it comes |",
        "|---|---|---|---|---|",
    ]
    os.sched_setaffinity(0, {CLIENT_CORE})
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        state = Path(folder) / "state.json"
        write(cluster(), state)
        floor = running.enter_context(serving([str(go_program.built(_FLOOR)), "-state", str(state)]))
        ours, default = (running.enter_context(serving(extender(strategy))) for strategy in (_OURS, _DEFAULT))
        for _, questions, _ in _ROWS:
            asyncio.run(_compare(ours, floor, questions))  # all of them first: 16 at once leave either in its own state
        for title, questions, requests in _ROWS:
            costs: dict[Served, list[float]] = {floor: [], ours: [], default: []}
            for number in range(_RUNS):
                for served, found in costs.items():
                    found.append(asyncio.run(_cost_us(served, questions, requests)))
                progress(f"{title}: run {number + 1} of {_RUNS}: {[round(found[-1]) for found in costs.values()]}")
            ratio = median(costs[floor]) / median(costs[ours])
            rows.append(
                f"| {title} | {spread(costs[floor])} | {spread(costs[ours])} | **{ratio:.2f}** | "
                f"{spread(costs[default])} |"
            )
    return [
        *rows,
        "",
        f"Medians of {_RUNS} interleaved runs (least to most), {_CONNECTIONS} connections; {go_program.version()}.",
    ]


def extender(strategy: str) -> list[str]:
    """Return the command that serves ours."""
    return [sys.executable, "-m", "tests.benchmarks.serving_extender", strategy]


@contextmanager
def serving(command: list[str]) -> Iterator[Served]:
    """Run a server that prints its port."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            os.sched_setaffinity(process.pid, {SERVER_CORE})
            assert process.stdout is not None
            yield Served(process.pid, int(process.stdout.readline()))
        finally:
            process.kill()


async def _compare(ours: Served, floor: Served, questions: Questions) -> None:
    """Raise where one of the first answers differs."""
    bodies = questions.bodies()
    asking = [await asyncio.open_connection("127.0.0.1", served.port) for served in (ours, floor)]
    for number in range(_CHECKED):
        body = next(bodies)
        one, other = [json.loads(await asked(reader, writer, body)) for reader, writer in asking]
        if one != other:
            raise SystemExit(f"request {number} about {questions}: the answers differ: {one} and {other}")
    for _, writer in asking:
        writer.close()


async def _cost_us(served: Served, questions: Questions, requests: int) -> float:
    """Return the server's CPU time for a request, in microseconds."""
    bodies = questions.bodies()
    texts = [next(bodies) for _ in range(requests)]

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        while texts:
            await asked(reader, writer, texts.pop())
        writer.close()

    began = served.cpu_s()
    await asyncio.gather(*(ask() for _ in range(_CONNECTIONS)))
    return (served.cpu_s() - began) * 1e6 / requests


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> bytes:
    """Return the answer to a filter."""
    head = b"POST /filter HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % len(body) + body)
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    if b" 200 " not in lines[0]:
        raise SystemExit(f"a server answered {lines[0]!r}")
    length = next((line for line in lines if line.startswith(b"content-length:")), None)
    if length is not None:
        return await reader.readexactly(int(length.split(b":")[1]))
    parts = []
    while size := int(await reader.readline(), 16):  # Go sends a long answer in chunks
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)


def spread(costs: list[float]) -> str:
    """Return the median, and the least and the most."""
    return f"{median(costs):.0f} ({min(costs):.0f} to {max(costs):.0f})"
