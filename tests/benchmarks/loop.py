"""What does the whole loop cost for 10,000 workloads: query, parse, observe, decide, with nothing to write?

A real Prometheus scrapes a page on which each of 10,000 pods has its two vLLM gauges, and the program's own ticks run
against it. The cluster's objects are put where the watches would put them, since listing and watching is no part of a
tick; loads are such that no count changes. CPU time of this process alone: Prometheus and the page run beside it.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from autoscaler.app import Autoscaler
from autoscaler.config.in_force import MAPS
from autoscaler.core.model import WorkloadKey
from autoscaler.core.targets.pods import OwnedPod
from autoscaler.core.targets.target import Target
from autoscaler.shell.connection import Access
from autoscaler.shell.prometheus import Prometheus
from kube.lease import Alone
from kube.program import GC_THRESHOLD
from plimsoll.embedded import EmbeddedCluster
from tests.integration.scraping import running_prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORKLOADS = 10_000
INTERVALS_S = (1, 15)
_WARM_UP_S, _TICKS = 20, 15
_WARM_UP_SCRAPES = 6
_TICK_S = 2.0
_GAUGES = ("vllm:num_requests_running", "vllm:num_requests_waiting")

_PAGE = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

lines = [f'{metric}{{namespace="ns",pod="p{i}"}} {i % 35}' for i in range(int(sys.argv[1])) for metric in sys.argv[2:]]
page = ("\\n".join(lines) + "\\n").encode()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def table(say: Callable[[str], None]) -> list[str]:
    """Measure, and return the table."""
    rows = [
        "| scrapes | a tick, ms of CPU | query and parse | observe | windows and law | the rest | peak memory, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for interval_s in INTERVALS_S:
        say(f"the whole loop: {WORKLOADS} workloads, scraped every {interval_s} s")
        # A process of its own: its peak memory is this run's alone.
        command = [sys.executable, "-m", "tests.benchmarks.loop", str(interval_s)]
        rows.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    rows += ["", f"{WORKLOADS} workloads of one pod and two series; medians of {_TICKS} ticks."]
    return rows


def _measure(interval_s: int) -> str:
    with tempfile.TemporaryDirectory() as home, _page() as port:
        scrape = {
            "job_name": "pods",
            "scrape_interval": f"{interval_s}s",
            "scrape_timeout": "1s",
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
        }
        with running_prometheus(Path(home), [scrape]) as url:
            parts = asyncio.run(_ticks(url, interval_s))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cells = [f"{median(parts[name]):.0f}" for name in ("all", "query", "observe", "law", "rest")]
    return f"| every {interval_s} s | {' | '.join(cells)} | {memory:.0f} |"


async def _ticks(url: str, interval_s: int) -> dict[str, list[float]]:
    gc.set_threshold(*GC_THRESHOLD)
    async with EmbeddedCluster(nodes=1, gpus_per_node=1) as cluster:
        api = await cluster.connect()
        autoscaler = Autoscaler(api, Prometheus(Access(url)), "plimsoll-system", Alone())
        for name in MAPS:
            autoscaler._configuration._drop(name)
        for i in range(WORKLOADS):
            key = WorkloadKey(f"uid{i}", "ns", f"w{i}")
            autoscaler._inventory.put_target(Target(key, 1, {}, created_s=1))
            autoscaler._inventory.put_pod(OwnedPod(f"pod{i}", key.uid, f"p{i}", ready=True, namespace="ns"))
        spent = _watched(autoscaler)
        await asyncio.sleep(2 * interval_s)
        parts: dict[str, list[float]] = defaultdict(list)
        end_of_warm_up = time.monotonic() + max(_WARM_UP_S, _WARM_UP_SCRAPES * interval_s)
        while len(parts["all"]) < _TICKS:
            began, before = time.monotonic(), time.process_time()
            spent.clear()
            await autoscaler._tick()
            whole = 1000 * (time.process_time() - before)
            if began > end_of_warm_up:
                known = {name: 1000 * seconds for name, seconds in spent.items()}
                for name, cost in {"all": whole, **known, "rest": whole - sum(known.values())}.items():
                    parts[name].append(cost)
            await asyncio.sleep(max(0.0, began + _TICK_S - time.monotonic()))
        decided = sum(decision.mode.value == "stable" for decision in autoscaler._standing.values())
        if decided != WORKLOADS or autoscaler._changes._tasks:
            raise SystemExit(f"{decided} of {WORKLOADS} workloads were decided on, and none should change")
        await api.close()
    return parts


def _watched(autoscaler: Autoscaler) -> dict[str, float]:
    """Let the parts of each tick add their CPU seconds up."""
    spent: dict[str, float] = defaultdict(float)
    source, fleet = autoscaler._source, autoscaler._fleet
    asked, record, tick = source.samples, fleet._record, fleet.tick

    async def samples(*arguments: Any) -> Any:
        began = time.process_time()
        try:
            return await asked(*arguments)
        finally:
            spent["query"] += time.process_time() - began

    def recorded(*arguments: Any) -> None:
        began = time.process_time()
        record(*arguments)
        spent["observe"] += time.process_time() - began

    def ticked(*arguments: Any) -> list[str]:
        began, observed = time.process_time(), spent["observe"]
        result = tick(*arguments)
        spent["law"] += time.process_time() - began - (spent["observe"] - observed)
        return result

    for thing, name, watched in ((source, "samples", samples), (fleet, "_record", recorded), (fleet, "tick", ticked)):
        setattr(thing, name, watched)
    return spent


@contextmanager
def _page() -> Iterator[int]:
    """Serve the page of all pods from a process of its own; give its port."""
    command = [sys.executable, "-c", _PAGE, str(WORKLOADS), *_GAUGES]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline() if process.stdout else "0")
        finally:
            process.terminate()


if __name__ == "__main__":
    print(_measure(int(sys.argv[1])))
