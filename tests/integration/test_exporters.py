"""Pages that the autoscaler reads itself say what they say through a real Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.shell.exporters import Exporters
from autoscaler.shell.prometheus import Prometheus
from tests.integration.scraping import Exporter, running_prometheus, serving_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from autoscaler.core.observation import Samples

RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"

Told = dict[tuple[str, str], list[tuple[float, ...]]]


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
        yield Prometheus(url)


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
TELL_NOTHING = {"infinite", "comma", "html", "typed", "others", "empty"}
SECOND = FIRST | {
    "plain": f"{RUNNING} 21\n{WAITING} 22\n",
    "engines": f'{RUNNING}{{engine="1",model_name="m"}} 24\n',
    "nan": f"{RUNNING} 25\n{WAITING} NaN\n",
    "broken": f"{RUNNING} 26\n",
}


def show(exporter: Exporter, pages: dict[str, str]) -> None:
    exporter.kinds["/html"] = "text/html"
    exporter.pages["/own"] = f'{RUNNING}{{namespace="own",pod="a"}} 1\n{RUNNING}{{namespace="own"}} 2\n'
    exporter.pages |= {f"/{pod}": page for pod, page in pages.items()}


def told(samples: Samples) -> Told:
    """Return the values that each series went through, without their times."""
    return {
        pod: sorted(tuple(value for value, _ in groupby(value for _, value in one.samples)) for one in series)
        for pod, series in samples.by_pod.items()
    }


def test_pages_say_through_both_what_they_say(exporter: Exporter, targets: Path, prometheus: Prometheus) -> None:
    async def scenario() -> None:
        exporters = Exporters(targets)
        reading = asyncio.create_task(exporters.run())
        show(exporter, FIRST)
        await until(same("plain", [(1.0,), (2.0,)]), exporters, prometheus)
        show(exporter, SECOND)
        await until(same("plain", [(1.0, 21.0), (2.0, 22.0)]), exporters, prometheus)
        whole = told(await exporters.samples())
        assert whole["ns", "broken"] == [(26.0,)]
        assert whole.keys() == {("ns", pod) for pod in FIRST.keys() - TELL_NOTHING} | {("own", "a")}
        (ours, theirs) = [(await source.samples()).interval_s for source in (exporters, prometheus)]
        assert ours == pytest.approx(theirs, abs=0.2)

        only_plain(exporter, targets)
        await until(lambda *both: all(map(ended, both)), exporters, prometheus)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading

    asyncio.run(scenario())


def only_plain(exporter: Exporter, targets: Path) -> None:
    """Take every other target out of the file, as whoever writes it should: by renaming."""
    fresh = targets.with_suffix(".new")
    fresh.write_text(json.dumps([group(exporter, "plain")]))
    fresh.replace(targets)


def ended(samples: Samples) -> bool:
    """Tell whether the page that left the file is remembered, but read no more, while the one that stayed is."""
    now = time.time()
    (left,), (stayed, _) = samples.by_pod["ns", "broken"], samples.by_pod["ns", "plain"]
    return left.samples[-1][0] < now - 4 and stayed.samples[-1][0] > now - 4


def same(pod: str, values: list[tuple[float, ...]]) -> Callable[[Samples, Samples], bool]:
    """Return whether two sources tell the same, and these values of a pod."""
    return lambda ours, theirs: told(ours) == told(theirs) and told(ours).get(("ns", pod)) == values


async def until(true: Callable[[Samples, Samples], bool], ours: Exporters, theirs: Prometheus) -> None:
    """Wait until something is true of what both tell: what one has read already, the other reads soon."""
    deadline = time.monotonic() + 30
    while not true(*(both := (await ours.samples(), await theirs.samples()))):
        assert time.monotonic() < deadline, "\n".join(str(told(one)) for one in both)
        await asyncio.sleep(0.2)
