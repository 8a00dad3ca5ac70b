"""What the autoscaler reads from a real Prometheus: raw samples at their own times, and clear words when it cannot."""

from __future__ import annotations

import asyncio
import socket
import time
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from autoscaler.core.model import Seen
from autoscaler.core.observation import LastKnown, observe
from autoscaler.shell.prometheus import Prometheus
from autoscaler.shell.source import SamplesError
from deploy.local.ports import free_ports
from tests.integration.scraping import Exporter, running_prometheus, serving_pages, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.core.observation import Samples


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    with serving_pages() as exporter:
        yield exporter


@pytest.fixture(scope="module")
def url(exporter: Exporter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    jobs = [
        {
            "job_name": pod,
            "scrape_interval": interval,
            "scrape_timeout": "1s",
            "metrics_path": f"/{pod}",
            "static_configs": [{"targets": [f"127.0.0.1:{exporter.port}"], "labels": {"namespace": "ns", "pod": pod}}],
        }
        for pod, interval in (("a", "1s"), ("b", "1s"), ("slow", "3s"))
    ]
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), jobs) as address:
        yield address


def ask(url: str) -> Samples:
    return asyncio.run(Prometheus(url).samples())


def page(running: str, waiting: str) -> str:
    return f'vllm:num_requests_running{{engine="0"}} {running}\nvllm:num_requests_waiting{{engine="0"}} {waiting}\n'


def test_the_load_of_a_pod_is_what_runs_and_what_waits_second_by_second(url: str, exporter: Exporter) -> None:
    exporter.pages |= {"/a": page("3", "4"), "/b": page("1", "0")}

    def measured() -> bool:
        now = int(time.time())
        _, seconds = observe(ask(url), "ns", ("a", "b"), LastKnown(), range(now - 3, now))
        return [(s.load, s.seen) for s in seconds] == [(8.0, Seen.ALL)] * 3

    wait_until(measured)


def test_samples_carry_their_own_times_not_that_of_the_question(url: str, exporter: Exporter) -> None:
    exporter.pages["/slow"] = page("1", "0")

    def spaced() -> bool:
        series = ask(url).by_pod.get(("ns", "slow"), ())
        times = [sample_time for one in series for sample_time, _ in one.samples]
        return len(times) >= 4 and len({round(t, 1) for t in times}) >= 2

    wait_until(spaced)
    for one in ask(url).by_pod["ns", "slow"]:
        gaps = [later - earlier for (earlier, _), (later, _) in zip(one.samples, one.samples[1:], strict=False)]
        assert all(abs(gap - 3.0) < 0.5 for gap in gaps)


@pytest.mark.parametrize("fault", [None, page("NaN", "NaN"), page("-1", "+Inf"), "no metrics here"])
def test_a_pod_whose_page_is_away_or_says_no_number_is_not_measured(
    url: str, exporter: Exporter, fault: str | None
) -> None:
    exporter.pages |= {"/a": page("5", "0"), "/b": page("1", "0")}
    known = LastKnown({"b": 1.0}, 6.0)

    def last_second() -> list[tuple[float, Seen]]:
        now = int(time.time())
        _, seconds = observe(ask(url), "ns", ("a", "b"), known, range(now - 1, now))
        return [(s.load, s.seen) for s in seconds]

    wait_until(lambda: last_second() == [(6.0, Seen.ALL)])
    if fault is None:
        del exporter.pages["/b"]
    else:
        exporter.pages["/b"] = fault
    wait_until(lambda: last_second() == [(6.0, Seen.PART)])


def test_a_prometheus_that_is_not_there_is_an_error_with_a_sentence() -> None:
    (port,) = free_ports(1)
    with pytest.raises(SamplesError, match="refused"):
        ask(f"http://127.0.0.1:{port}")


def test_a_server_that_is_no_prometheus_is_an_error_with_a_sentence(exporter: Exporter) -> None:
    exporter.pages["/api/v1/query"] = "hello"
    with pytest.raises(SamplesError):
        ask(f"http://127.0.0.1:{exporter.port}")


def test_a_server_that_drips_its_answer_costs_no_more_than_a_tick() -> None:
    """Each read of it succeeds in time, so that only a limit on the whole answer helps."""
    ended = Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n")
            while not ended.wait(0.2):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        try:
            with pytest.raises(SamplesError, match="no whole answer within"):
                ask(f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            ended.set()
            thread.join()


def test_no_samples_is_an_answer_and_not_an_error(url: str) -> None:
    assert asyncio.run(Prometheus(url, metrics=("nobody:exports_this",)).samples()).by_pod == {}
