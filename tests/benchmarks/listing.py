"""What does it cost to list 10,000 pods and to build the ledger of them, in CPU and in memory?

The pods are GPU pods of 4 KB on 1,250 nodes of 8 GPUs, a share of a device each. They come over HTTP in pages, as the
API server writes them, from a process of its own; the extender's own code lists, decodes, translates and counts them,
on the event loop that it serves with. How long the same pages take to be decoded alone, in a process of its own just
before, tells how fast the machine was at that minute.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop
from kubernetes.aio import client as kubernetes_client

from extender.app import Extender
from extender.core.ledger.nodes import GpuNode, alike
from extender.shell import cluster
from kube.client import Api
from kube.http import server_of
from kube.memory import keep_freed_memory
from kube.objects import ObjectList, Pod
from kube.pages import JSON, Page, respond
from kube.program import GC_THRESHOLD
from kube.watch import Relisted
from tests.benchmarks.serving_load import a_pod
from tests.story.programs import a_listener

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kube.pages import Receive, Send

_PODS, _NODES, _RUNS = 10_000, 1250, 5
_PAGE = 1000


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table."""
    found = []
    for number in range(_RUNS):
        found.append(_measured())
        progress(f"run {number + 1} of {_RUNS}: {found[-1]}")
    parts = (("cpu_ms", "CPU, ms"), ("ledger_ms", "of it counting, ms"),
             ("decode_ms", "for comparison: decoding these pods, and no more, ms"),
             ("rss_mb", "most memory of the process, MB"), ("before_mb", "of it before the list, MB"))  # fmt: skip
    rows = []
    for name, title in parts:
        values = [run[name] for run in found]
        rows.append(f"| {title} | {median(values):.0f} ({min(values):.0f} to {max(values):.0f}) |")
    return ["| | median (least to most) |", "|---|---|", *rows, "", f"{_RUNS} runs, {_PODS:,} pods, {_NODES:,} nodes."]


def _measured() -> dict[str, float]:
    with subprocess.Popen([sys.executable, "-m", __name__, "serve"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            measured: dict[str, float] = {}
            for part in _PARTS:
                command = [sys.executable, "-m", __name__, part, port]
                done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
                measured |= json.loads(done.stdout)
        finally:
            server.kill()
    return measured


def _api(port: str) -> Api:
    configuration = kubernetes_client.Configuration()
    configuration.host = f"http://127.0.0.1:{port}"
    return Api.of(configuration)


async def _decode(port: str) -> dict[str, float]:
    api = _api(port)
    decoder = msgspec.json.Decoder(ObjectList[Pod])
    taken = 0.0
    for begin in range(0, _PODS, _PAGE):
        query = {"limit": str(_PAGE), "continue": str(begin)}
        page = await api.request("GET", "/api/v1/pods", query=query, timeout_s=60.0)
        began = time.process_time()
        decoded = decoder.decode(page)
        taken += time.process_time() - began
        assert decoded.items is not None
        assert len(decoded.items) == _PAGE
    await api.close()
    return {"decode_ms": taken * 1000}


async def _list(port: str) -> dict[str, float]:
    api = _api(port)
    extender = Extender(api, "plimsoll-system")
    extender.scheduling.nodes_are(GpuNode(f"gpu-node-{number:04}", alike(8)) for number in range(_NODES))
    gc.collect()
    before = _most_mb()
    changes = cluster.follow_pods(api)
    began = time.process_time()
    first = await anext(changes)
    assert isinstance(first, Relisted)
    decoded = time.process_time()
    await extender._take_all(first.objects)
    ended = time.process_time()
    assert len(tuple(extender.scheduling.ledger.holdings())) == _PODS
    await changes.aclose()
    await api.close()
    return {
        "cpu_ms": (ended - began) * 1000,
        "ledger_ms": (ended - decoded) * 1000,
        "rss_mb": _most_mb(),
        "before_mb": before,
    }


def _most_mb() -> float:
    """Return the most memory that this program had; what is told of a process counts what it was before, too."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


async def _serve() -> None:
    items = [json.dumps(_bound(number)).encode() for number in range(_PODS)]

    async def pages(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        del receive
        query = dict(part.split("=") for part in scope["query_string"].decode().split("&"))
        begin, limit = int(query.get("continue", "0")), int(query["limit"])
        after = str(begin + limit) if begin + limit < _PODS else ""
        head = json.dumps({"resourceVersion": "1", "continue": after}).encode()
        body = b'{"kind":"PodList","metadata":%b,"items":[%b]}' % (head, b",".join(items[begin : begin + limit]))
        await respond(Page(200, JSON, body), send)

    with a_listener() as listener:
        print(listener.getsockname()[1], flush=True)
        await server_of(pages).serve(sockets=[listener])


def _bound(number: int) -> dict[str, Any]:
    pod = a_pod(number, "0.5")
    pod["metadata"]["annotations"] |= {"plimsoll.dev/devices": str(number % 8), "plimsoll.dev/gpu-milli": "500"}
    pod["spec"]["nodeName"] = f"gpu-node-{number // 8 % _NODES:04}"
    pod["status"] = {"phase": "Running", "containerStatuses": [{"name": "server", "state": {"running": {}}}]}
    return pod


_PARTS = {"decode": _decode, "list": _list}

if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve())
    else:
        keep_freed_memory()  # as both programs do when they start
        gc.set_threshold(*GC_THRESHOLD)
        print(json.dumps(uvloop.run(_PARTS[sys.argv[1]](sys.argv[2]))))
