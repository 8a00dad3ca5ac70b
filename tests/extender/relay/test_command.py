"""Flags that cannot be used are a sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest

from deploy.local.ports import free_ports
from extender.__main__ import main
from tests.story.programs import a_listener

LOADED = """
import sys
from extender.__main__ import main
try:
    main(["relay", "--help"])
except SystemExit:
    print(sorted({"grpc", "kubernetes", "numpy"} & sys.modules.keys()))
"""
FAR = ["--extender", "https://extender:8900"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--extender", "extender:8900"], '"extender:8900" must be https://HOST:PORT or http://HOST:PORT'),
        (["--extender", "https://extender:8900/filter"], "without a path"),
        ([], "the following arguments are required: --extender"),
        ([*FAR, "--listen", "8905"], '"8905" must be HOST:PORT'),
        ([*FAR, "--pages-listen", "8906"], '"8906" must be HOST:PORT'),
    ],
)
def test_a_flag_that_cannot_be_read(flags: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["relay", *flags])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([*FAR, "--client-cert-file", "c"], "a certificate and its key go together: give --client-key-file too"),
        ([*FAR, "--client-key-file", "k"], "a certificate and its key go together: give --client-cert-file too"),
        (["--extender", "http://extender:8900", "--ca-file", "ca"], "certificates are of use with TLS only"),
        ([*FAR, "--listen", "127.0.0.1:8905", "--ca-file", "/none"], "certificates cannot be used, one of /none: "),
    ],
)
def test_flags_that_do_not_go_together(flags: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["relay", *flags]) == 1
    assert says in capsys.readouterr().err


def test_it_starts_without_what_only_the_extender_needs() -> None:
    said = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert said.stdout.endswith("\n[]\n"), said.stdout


def test_a_taken_address_for_its_pages_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    (port,) = free_ports(1)
    with a_listener() as taken:
        pages = f"127.0.0.1:{taken.getsockname()[1]}"
        flags = ["--extender", "http://127.0.0.1:1", "--listen", f"127.0.0.1:{port}", "--pages-listen", pages]
        assert main(["relay", *flags]) == 1
    assert f"cannot listen on {pages}" in (said := capsys.readouterr().err)
    assert "choose another address with --pages-listen" in said
