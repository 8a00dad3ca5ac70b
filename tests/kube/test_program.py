"""A program that cannot start says so in one sentence, with what to do, and no stack trace."""

from __future__ import annotations

import argparse
import logging
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.__main__ import main as autoscaler
from extender.__main__ import main as extender
from kube.objects import Pod
from kube.program import ProblemAtStart, run_until_signal, serving_beside
from kube.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Main = Callable[[Sequence[str] | None], int]

PROGRAMS = [
    pytest.param(autoscaler, ["--prometheus-url", "http://127.0.0.1:9"], id="autoscaler"),
    pytest.param(extender, [], id="extender"),
]


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """Give back what a program takes for itself of the process that it starts in: its log, and how deep it may go."""
    limit = sys.getrecursionlimit()
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize(("main", "more"), PROGRAMS)
def test_a_taken_port_is_a_sentence(main: Main, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["run", "--listen", address, *more]) == 1
    said = capsys.readouterr().err
    assert f"cannot listen on {address}" in said
    assert "choose another address with --listen" in said
    assert "Traceback" not in said


def test_a_program_reads_a_pod_that_nests_as_deep_as_the_api_server_takes_it() -> None:
    deep = b'{"f:a":' * 10_000 + b"{}" + b"}" * 10_000
    pod = b'{"metadata":{"name":"p","managedFields":[{"fieldsV1":%b}]}}' % deep
    page = b'{"metadata":{"resourceVersion":"5"},"items":[%b]}' % pod
    read: list[Any] = []

    async def work(_: argparse.Namespace) -> None:
        read.extend(Reading(Pod, "/pods").page(page).items or ())

    parser = argparse.ArgumentParser()
    parser.add_argument("--log-level", default="info")
    assert run_until_signal(parser, work, []) == 0
    assert [each.metadata.name for each in read] == ["p"]


async def test_a_second_address_that_is_taken_is_named_by_its_flag() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()[:2]
        with pytest.raises(ProblemAtStart, match="choose another address with --pages-listen"):
            async with serving_beside(None, address, "--pages-listen"):
                pass


@pytest.mark.parametrize(("main", "more"), PROGRAMS)
def test_a_missing_kubeconfig_is_a_sentence(
    main: Main, more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none"
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    assert main(["run", "--listen", address, "--kubeconfig", str(missing), *more]) == 1
    assert f"kubeconfig {missing}: there is no such file" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:0", "127.0.0.1:65536", "h:x"])
@pytest.mark.parametrize(("main", "more"), PROGRAMS)
def test_a_bad_address_is_a_sentence(
    main: Main, more: list[str], address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--listen", address, *more])
    assert ended.value.code == 2
    assert "must be HOST:PORT" in capsys.readouterr().err
