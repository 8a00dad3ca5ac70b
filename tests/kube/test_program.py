"""A program that cannot start says so in one sentence, with what to do, and no stack trace."""

from __future__ import annotations

import argparse
import gc
import socket
from typing import TYPE_CHECKING

import pytest

from autoscaler.__main__ import main as autoscaler
from extender.__main__ import main as extender
from kube.program import ProblemAtStart, run_until_signal, serving_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Main = Callable[[Sequence[str] | None], int]

PROGRAMS = [
    pytest.param(autoscaler, ["--prometheus-url", "http://127.0.0.1:9"], id="autoscaler"),
    pytest.param(extender, [], id="extender"),
]


@pytest.mark.parametrize(("main", "more"), PROGRAMS)
def test_a_taken_port_is_a_sentence(main: Main, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["run", "--listen", address, *more]) == 1
    said = capsys.readouterr().err
    assert f"cannot listen on {address}" in said
    assert "choose another address with --listen" in said
    assert "Traceback" not in said


def test_only_who_reads_lists_collects_garbage_seldom() -> None:
    before, during = gc.get_threshold(), []

    async def work(_: argparse.Namespace) -> None:
        during.append(gc.get_threshold())

    parser = argparse.ArgumentParser()
    parser.add_argument("--log-level", default="info")
    assert run_until_signal(parser, work, []) == 0
    assert during == [before]


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
