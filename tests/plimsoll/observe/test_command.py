"""`plimsoll observe` says what it found, or one sentence of what keeps it from that."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll import __main__
from tests.autoscaler.shell.query_api import failing, found, serving
from tests.plimsoll.observe.stories import BEGIN_S, leader, workload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.autoscaler.shell.query_api import Server
    from tests.plimsoll.observe.stories import Series

    Call = Callable[..., Awaitable[tuple[Any, str]]]

NAMES = (
    "plimsoll_autoscaler_desired_replicas|plimsoll_autoscaler_requested_replicas|plimsoll_autoscaler_ready_replicas|"
    "plimsoll_autoscaler_gpus_per_replica|plimsoll_autoscaler_observing|plimsoll_autoscaler_mode"
)
SCALED = (
    "plimsoll: nothing to compare: Plimsoll scaled chat/llama by itself in this period; annotate it "
    "plimsoll.dev/mode: observe, and let another autoscaler scale it"
)
TWO_KINDS = [
    *workload((0, 600, 4, 4)),
    *(({**labels, "kind": "Rollout"}, samples) for labels, samples in workload((0, 600, 1, 1))),
]
PERIOD = ("--from", "2027-01-15T08:00", "--to", "2027-01-15T08:10", "--step", "10s")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Do what a command line says, in a thread; return the exit status or the last sentence, and what was printed."""
    monkeypatch.setattr(time, "time", lambda: BEGIN_S + 3600.0)

    def calling(*arguments: str) -> tuple[Any, str]:
        monkeypatch.setattr(sys, "argv", ["plimsoll", "observe", *arguments])
        try:
            __main__.main()
        except SystemExit as end:
            return end.code, capsys.readouterr().out
        return 0, capsys.readouterr().out

    async def in_thread(*arguments: str) -> tuple[Any, str]:
        return await asyncio.to_thread(calling, *arguments)

    return in_thread


def answers(server: Server, workloads: list[Series], *leading: Series) -> None:
    """Let Prometheus have these series."""
    for part, series in (("workload=", workloads), ("plimsoll_autoscaler_leader", leading)):
        server.answers[part] = found(
            "matrix", [{"metric": labels, "values": [[at, str(v)] for at, v in samples]} for labels, samples in series]
        )


async def test_it_prints_the_comparison_and_draws_it(call: Call, tmp_path: Path) -> None:
    async with serving() as server:
        answers(server, workload((0, 600, 4, 6), gpus=2), leader((0, 600, 1)))
        picture = tmp_path / "llama.svg"
        status, said = await call("chat/llama", "--prometheus-url", server.address, *PERIOD, "--plot", str(picture))
        assert status == 0
        assert "replica-minutes       40          60         -20\n" in said
        assert "compared 10 min of 10 min\n" in said
        assert picture.read_text().startswith("<svg ")
        assert server.asked == [
            f'{{__name__=~"{NAMES}",workload="llama",mode=~"|held|left"}}[900s] @ 1800000600',
            "plimsoll_autoscaler_leader[900s] @ 1800000600",
        ]


async def test_it_prints_json(call: Call) -> None:
    async with serving() as server:
        answers(server, workload((0, 600, 4, 6)))
        status, said = await call("chat/llama", "--prometheus-url", server.address, *PERIOD, "-o", "json")
        told = json.loads(said)
        assert (status, told["decided"]["replica_minutes"], told["decided"]["gpu_minutes"]) == (0, 40, None)
        assert len(told["moments"]) == 60


@pytest.mark.parametrize(
    ("series", "complaint"),
    [
        (workload((0, 600, 4, 4), observing=0), SCALED),
        (
            workload((-300, -290, 4, 4)),
            "plimsoll: Prometheus has nothing of chat/llama in this period that is whole enough to compare",
        ),
        (
            [
                *workload((0, 600, 4, 4)),
                *(({**labels, "kind": "Rollout"}, s) for labels, s in workload((0, 600, 1, 1))),
            ],
            "plimsoll: chat/llama may be Deployment or Rollout: say the kind with --kind",
        ),
    ],
)
async def test_what_cannot_be_compared_is_one_sentence(call: Call, series: list[Series], complaint: str) -> None:
    async with serving() as server:
        answers(server, series)
        assert await call("chat/llama", "--prometheus-url", server.address, *PERIOD) == (complaint, "")


async def test_the_kind_tells_workloads_of_one_name_apart(call: Call) -> None:
    sets = [({**labels, "kind": "StatefulSet"}, samples) for labels, samples in workload((0, 600, 7, 7))]
    async with serving() as server:
        answers(server, [*workload((0, 600, 4, 4)), *sets])
        _, said = await call("chat/llama", "--prometheus-url", server.address, *PERIOD, "--kind", "StatefulSet")
        assert said.startswith("chat/llama (StatefulSet), ")
        assert "decided, at most 7\n" in said


async def test_a_workload_that_is_not_there_is_told_with_those_near_to_it(call: Call) -> None:
    async with serving() as server:
        known = [labels for labels, _ in workload((0, 600, 4, 4))[:1]]
        server.answers["last_over_time"] = found("matrix", [{"metric": each, "values": [[1, "4"]]} for each in known])
        told = await call("chat/lama", "--prometheus-url", server.address, *PERIOD)
        assert told == ("plimsoll: Prometheus has nothing of chat/lama in this period; near to it: chat/llama", "")
        told = await call("search/llama", "--prometheus-url", server.address, *PERIOD, "--kind", "Rollout")
        assert told[0].endswith("nothing of Rollout search/llama in this period; near to it: chat/llama")


async def test_a_prometheus_that_does_not_scrape_the_autoscaler_is_told_of(call: Call) -> None:
    async with serving() as server:
        server.answers["last_over_time"] = found("matrix", [])
        status, _ = await call("chat/llama", "--prometheus-url", server.address, *PERIOD)
        assert status == (
            f"plimsoll: Prometheus at {server.address} has no series plimsoll_autoscaler_desired_replicas in this "
            "period: does it scrape the autoscaler's /metrics, and did the autoscaler run?"
        )


async def test_a_prometheus_that_refuses_or_is_away_is_one_sentence(call: Call) -> None:
    async with serving() as server:
        server.answers["workload"] = failing(401, "no")
        status, _ = await call("chat/llama", "--prometheus-url", server.address, *PERIOD)
        assert status == (
            f"plimsoll: Prometheus at {server.address} gives no history: HTTP 401 Unauthorized: no. "
            "The credentials for Prometheus are missing or wrong"
        )
    status, _ = await call("chat/llama", "--prometheus-url", "http://127.0.0.1:1", *PERIOD)
    assert status.startswith("plimsoll: Prometheus at http://127.0.0.1:1 gives no history: ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("llama",), '"llama" must be NAMESPACE/NAME, such as chat/llama: plimsoll workloads lists them'),
        (("chat/llama", "--plot", "llama.png"), "--plot llama.png must end in .svg: the picture is written as SVG"),
        (("chat/llama", "--since", "7d"), '--since "7d" must be a Go duration'),
        (
            ("chat/llama", "--prometheus-token-file", "/none"),
            '--prometheus-token-file "/none" cannot be read: No such file or directory',
        ),
        (
            ("chat/llama", "--prometheus-user", "me"),
            "--prometheus-user and --prometheus-password-file go together, and only one is given",
        ),
    ],
)
async def test_flags_that_cannot_be_used_are_one_sentence(
    call: Call, arguments: tuple[str, ...], complaint: str
) -> None:
    status, _ = await call(*arguments, "--prometheus-url", "http://127.0.0.1:1")
    assert status.startswith(f"plimsoll: {complaint}")


async def test_a_picture_that_cannot_be_written_is_one_sentence(call: Call, tmp_path: Path) -> None:
    async with serving() as server:
        answers(server, workload((0, 600, 4, 6)))
        picture = str(tmp_path / "none" / "llama.svg")
        status, _ = await call("chat/llama", "--prometheus-url", server.address, *PERIOD, "--plot", picture)
        assert status == f"plimsoll: the picture {picture} cannot be written: No such file or directory"
