"""Pages that the autoscaler reads itself say what they say through a real Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.core.load.observation import LastKnown, Samples, observe
from autoscaler.core.model import Question, Seen
from autoscaler.shell.connection import Access
from autoscaler.shell.exporters import Exporters
from autoscaler.shell.prometheus import Prometheus
from tests.integration.scraping import Exporter, running_prometheus, serving_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autoscaler.shell.source import Source

RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"

Told = dict[tuple[str, str], float]


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    with serving_pages() as exporter:
        yield exporter


@pytest.fixture
def targets(exporter: Exporter, tmp_path: Path) -> Path:
    """A file with a target for each page, and for one that nobody serves."""
    groups = [group(exporter, pod) for pod in (*FIRST, "away")]
    groups.append({"targets": [f"127.0.0.1:{exporter.port}"], "labels": {"__metrics_path__": "/own"}})
    groups.append({"targets": ["127.0.0.1:1"], "labels": {"namespace": "ns", "pod": "refuses"}})
    file = tmp_path / "targets.json"
    file.write_text(json.dumps(groups))
    return file


@pytest.fixture
def prometheus(targets: Path, tmp_path: Path) -> Iterator[Prometheus]:
    job = {
        "job_name": "pods",
        "scrape_interval": "1s",
        "scrape_timeout": "800ms",
        "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}],
    }
    with running_prometheus(tmp_path, [job]) as url:
        yield Prometheus(Access(url))


def group(exporter: Exporter, pod: str) -> dict[str, Any]:
    labels = {"namespace": "ns", "pod": pod, "__metrics_path__": f"/{pod}"}
    return {"targets": [f"127.0.0.1:{exporter.port}"], "labels": labels}


FIRST = {
    "plain": f"# HELP {RUNNING} Requests.\n# TYPE {RUNNING} gauge\n{RUNNING} 1\n{WAITING} 2\n",
    "engines": f'{RUNNING}{{engine="0",model_name="m"}} 3\n{RUNNING}{{engine="1",model_name="m"}} 4\n',
    "conflict": f'{RUNNING}{{namespace="x",pod="y"}} 5\n',
    "twice": f'{RUNNING}{{engine="0"}} 6\n{RUNNING}{{engine="0"}} 7\n{RUNNING}{{engine="0",other=""}} 8\n',
    "nan": f"{RUNNING} NaN\n{WAITING} 9\n",
    "infinite": f"{RUNNING} +Inf\n{WAITING} -1\n",
    "broken": f"{RUNNING} 10\nno metrics here\n",
    "comma": f'{RUNNING} 11\na{{b="c", ="x"}} 1\n',
    "unended": f"{RUNNING} 12",
    "html": f"{RUNNING} 13\n",
    "typed": f"# TYPE {RUNNING} nothing\n{RUNNING} 14\n",
    "spaced": f'{RUNNING} {{engine="0"}} 15\n{WAITING}\t16 \n',
    "exponent": f"{RUNNING} 1.7e1\n{WAITING}{{}} 18.0\n",
    "escaped": f'{RUNNING}{{engine="a\\"}}b\\\\"}} 19\n',
    "others": "up 1\nvllm:num_requests_running_total 1\n",
    "empty": "",
}
FIRST_LOADS = {"plain": 3.0, "engines": 7.0, "conflict": 5.0, "twice": 6.0, "unended": 12.0, "spaced": 31.0,
               "exponent": 35.0, "escaped": 19.0}  # fmt: skip
SECOND = FIRST | {
    "plain": f"{RUNNING} 21\n{WAITING} 22\n",
    "engines": f'{RUNNING}{{engine="1",model_name="m"}} 24\n',
    "nan": f"{RUNNING} 25\n{WAITING} NaN\n",
    "broken": f"{RUNNING} 26\n",
}

SECOND_LOADS = FIRST_LOADS | {"plain": 43.0, "engines": 24.0, "broken": 26.0}


def show(exporter: Exporter, pages: dict[str, str]) -> None:
    exporter.kinds["/html"] = "text/html"
    exporter.pages["/own"] = f'{RUNNING}{{namespace="own",pod="a"}} 1\n{RUNNING}{{namespace="own"}} 2\n'
    exporter.pages |= {f"/{pod}": page for pod, page in pages.items()}


async def told(source: Source) -> Told:
    """Return the load of each place that is measured in the second that has just ended."""
    asked = Question()
    samples = (await source.samples([asked]))[asked]
    assert isinstance(samples, Samples), samples
    now = int(time.time())
    return {
        place: second.load
        for place in samples.by_place
        for second in observe(samples, [place], LastKnown(), [now - 1])[1]
        if second.seen is Seen.ALL
    }


def test_pages_say_through_both_what_they_say(exporter: Exporter, targets: Path, prometheus: Prometheus) -> None:
    async def scenario() -> None:
        exporters = Exporters(targets)
        reading = asyncio.create_task(exporters.run())
        own = {("own", "a"): 1.0}
        show(exporter, FIRST)
        await both_tell({("ns", pod): load for pod, load in FIRST_LOADS.items()} | own, exporters, prometheus)
        show(exporter, SECOND)
        await both_tell({("ns", pod): load for pod, load in SECOND_LOADS.items()} | own, exporters, prometheus)
        only_plain(exporter, targets)
        await both_tell({("ns", "plain"): 43.0}, exporters, prometheus)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading

    asyncio.run(scenario())


def only_plain(exporter: Exporter, targets: Path) -> None:
    """Take every other target out of the file, as whoever writes it should: by renaming."""
    fresh = targets.with_suffix(".new")
    fresh.write_text(json.dumps([group(exporter, "plain")]))
    fresh.replace(targets)


async def both_tell(loads: Told, ours: Source, theirs: Source) -> None:
    """Wait until both sources tell these loads: what one has read already, the other reads soon."""
    deadline = time.monotonic() + 30
    while (found := [await told(ours), await told(theirs)]) != [loads, loads]:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)
