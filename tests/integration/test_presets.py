"""Every preset's questions, answered by a real Prometheus that scrapes a page of that server."""

from __future__ import annotations

import asyncio
import time
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from autoscaler.core.load.observation import LastKnown, Samples, observe
from autoscaler.core.load.presets import PRESETS
from autoscaler.core.load.queries import places
from autoscaler.core.load.slow import slower
from autoscaler.core.model import Metric, Question, Reading, Seen, Signal
from autoscaler.shell.connection import Access
from autoscaler.shell.prometheus import Prometheus
from tests.integration.pages import CONCURRENCY, RATE, pages
from tests.integration.scraping import running_prometheus, serving_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from autoscaler.shell.source import SamplesError

LATENCY = {part: Question(Metric.LATENCY, "vllm", part=part) for part in (Signal.ENDED, Signal.SECONDS, Signal.SLOW)}
QUESTIONS = (
    *(Question(metric, preset) for preset in PRESETS for metric in (Metric.CONCURRENCY, Metric.RPS)),
    *LATENCY.values(),
)
TARGET_S = 0.4  # in the middle of the bucket that all requests are in


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that scrapes a page of each server, whose counters go on counting."""
    ended, began = Event(), time.time()
    with serving_pages() as exporter:

        def serve() -> None:
            while not ended.wait(0.01):
                exporter.pages |= {f"/{name}": page for name, page in pages(time.time() - began).items()}

        jobs = [
            {
                "job_name": preset,
                "scrape_interval": "1s",
                "scrape_timeout": "900ms",
                "metrics_path": f"/{preset}",
                "static_configs": [
                    {
                        "targets": [f"127.0.0.1:{exporter.port}"],
                        "labels": {"namespace": "of-targets" if preset == "nginx-ingress" else "ns", "pod": "a"},
                    }
                ],
            }
            for preset in PRESETS
        ]
        thread = Thread(target=serve, daemon=True)
        thread.start()
        try:
            with running_prometheus(tmp_path_factory.mktemp("prometheus"), jobs) as address:
                yield address
        finally:
            ended.set()
            thread.join()


@pytest.fixture(scope="module")
def answers(url: str) -> Mapping[Question, list[tuple[float, Seen]]]:
    """What is observed of each question in the last seconds, when every counter has been scraped a few times."""

    async def ask() -> dict[Question, list[tuple[float, Seen]]]:
        prometheus = Prometheus(Access(url))
        deadline = time.monotonic() + 40
        while True:
            found = {
                question: observed(one, question) for question, one in (await prometheus.samples(QUESTIONS)).items()
            }
            if all([seen for _, seen in seconds] == [Seen.ALL] * 3 for seconds in found.values()):
                return found
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.5)

    return asyncio.run(ask())


def observed(samples: Samples | SamplesError, question: Question) -> list[tuple[float, Seen]]:
    assert isinstance(samples, Samples), samples
    now = int(time.time())
    where = places(Reading(question, "key"), "ns", ["a"])
    samples = slower(samples, where, TARGET_S) if question.part is Signal.SLOW else samples
    _, seconds = observe(samples, where, LastKnown(), range(now - 3, now))
    return [(second.load, second.seen) for second in seconds]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("metric", "load"), [(Metric.CONCURRENCY, CONCURRENCY), (Metric.RPS, RATE)])
def test_a_server_tells_its_load(
    answers: Mapping[Question, list[tuple[float, Seen]]], preset: str, metric: Metric, load: float
) -> None:
    # The page is as old as 10 ms and more on a busy machine, a scrape not quite a second apart.
    assert [value for value, _ in answers[Question(metric, preset)]] == [pytest.approx(load, rel=0.2)] * 3


def test_latency_is_read_of_a_histogram(answers: Mapping[Question, list[tuple[float, Seen]]]) -> None:
    expected = {Signal.ENDED: RATE, Signal.SECONDS: CONCURRENCY, Signal.SLOW: RATE / 2}
    for part, value in expected.items():
        assert [load for load, _ in answers[LATENCY[part]]] == pytest.approx([value] * 3, rel=0.1), part
