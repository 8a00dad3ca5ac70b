"""What a real Prometheus scraped of autoscalers that only observe is compared with what another did."""

from __future__ import annotations

import itertools
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.core.decisions.fleet import Fleet
from autoscaler.core.decisions.look import Look
from autoscaler.core.load.gathering import gather
from autoscaler.core.load.queries import Selection
from autoscaler.core.model import Policy, Question, WorkloadKey
from autoscaler.core.targets.holdings import GpuUse
from autoscaler.shell.gauges import gauges, gpu_gauges
from plimsoll import __main__
from tests.integration.scraping import Exporter, running_prometheus, serving_pages, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = WorkloadKey("u", "chat", "llama")
NAME = {"__name__": "vllm:num_requests_running", "namespace": "chat", "pod": "p"}


class Autoscaler:
    """What one autoscaler's page says: the real law, at work on a load while another sets the replicas."""

    def __init__(self, exporter: Exporter, path: str) -> None:
        self._exporter, self._path = exporter, path
        self._fleet = Fleet()
        self._fleet.follow("u", Policy(target=10.0, stable_window_s=6, panic_window_s=1), 0)

    def tick(self, load: float, *, asked: int, leads: bool) -> None:
        now = time.time()
        samples = gather(Selection.of(Question()), [(NAME, tuple((now - age, load) for age in (2.0, 1.0, 0.0)))])
        look = Look(asked, asked, samples, (("chat", "p"),), observed="HorizontalPodAutoscaler llama scales it")
        self._fleet.tick(int(now * 1000), {"u": look})
        uses = {"u": GpuUse({"": 2000 * asked}, {"": 0}, 2000)}
        leader = f"# TYPE plimsoll_autoscaler_leader gauge\nplimsoll_autoscaler_leader {int(leads)}\n"
        self._exporter.pages[self._path] = (
            gauges(self._fleet.figures(), lambda _: KEY) + gpu_gauges(uses, lambda _: KEY) + leader
        )

    def falls_silent(self) -> None:
        del self._exporter.pages[self._path]


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    with serving_pages() as serving:
        yield serving


@pytest.fixture
def url(exporter: Exporter, tmp_path: Path) -> Iterator[str]:
    jobs: list[dict[str, Any]] = [
        {
            "job_name": pod,
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "metrics_path": f"/{pod}",
            # As in a cluster: the target has a namespace of its own, and ours becomes exported_namespace.
            "static_configs": [
                {"targets": [f"127.0.0.1:{exporter.port}"], "labels": {"namespace": "plimsoll-system", "pod": pod}}
            ],
        }
        for pod in ("one", "two")
    ]
    with running_prometheus(tmp_path, jobs) as address:
        yield address


def test_the_leaders_decisions_are_compared_and_a_silence_is_a_hole(
    exporter: Exporter, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one, two = Autoscaler(exporter, "/one"), Autoscaler(exporter, "/two")

    def observe(*arguments: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["plimsoll", "observe", "chat/llama", "--prometheus-url", url, *arguments])
        __main__.main()
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    def play(seconds: int, first: float, second: float, asked: int) -> None:
        for _ in range(seconds):
            one.tick(first, asked=asked, leads=first > second)
            two.tick(second, asked=asked, leads=second > first)
            time.sleep(1.0)

    play(8, 35.0, 5.0, 9)  # the first one leads, and decides on four; the second, which sees less, on fewer
    one.falls_silent()
    two.falls_silent()
    time.sleep(8)
    play(8, 5.0, 75.0, 9)
    arguments = ("--since", "1m", "--step", "1s", "-o", "json", "--plot", str(tmp_path / "llama.svg"))
    wait_until(lambda: any(each["decided"] == 9 for each in observe(*arguments)["moments"]))
    told = observe(*arguments)
    by_standing = told["seconds"]
    decided = [each["decided"] for each in told["moments"] if each["decided"] is not None]
    assert 10 <= by_standing["compared"] <= 25
    assert by_standing["compared"] + by_standing["no_data"] == 60
    # What the second one decided while the first led is nobody's decision.
    assert set(decided) <= {4.0, 8.0, 9.0}
    assert {4.0} < set(decided)
    known = [at for at, each in enumerate(told["moments"]) if each["decided"] is not None]
    assert max(after - before for before, after in itertools.pairwise(known)) >= 3, "the silence is a hole"
    assert told["by_another"]["replica_minutes"] == pytest.approx(9 * by_standing["compared"] / 60)
    assert told["by_another"]["gpu_minutes"] == pytest.approx(2 * told["by_another"]["replica_minutes"])
    assert told["decided"]["gpu_minutes"] < told["by_another"]["gpu_minutes"]
    assert (tmp_path / "llama.svg").read_text().startswith("<svg ")


def test_a_workload_that_prometheus_does_not_know_is_told_with_those_near_to_it(
    exporter: Exporter, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Autoscaler(exporter, "/one")

    def observe(name: str) -> str:
        arguments = ["plimsoll", "observe", name, "--prometheus-url", url, "--since", "1m"]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as end:
            __main__.main()
        return str(end.value)

    assert "has no series plimsoll_autoscaler_desired_replicas in this period" in observe("chat/llama")
    one.tick(35.0, asked=9, leads=True)
    wait_until(lambda: "near to it: chat/llama" in observe("chat/lama"), lambda: observe("chat/lama"))
