"""Flags name one source of samples; what is wrong with them is said at once, all of it."""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING

import pytest

from autoscaler.shell.exporters import Exporters
from autoscaler.shell.prometheus import Prometheus
from autoscaler.shell.sources import add_flags, problems, source_of
from kube.program import ProblemAtStart

if TYPE_CHECKING:
    from pathlib import Path

HTTPS, HTTP = ("--prometheus-url", "https://p:9090"), ("--prometheus-url", "http://p:9090")


def chosen(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "file").write_text("secret")
    return str(tmp_path / "file")


def test_an_address_alone_is_enough(tmp_path: Path) -> None:
    assert isinstance(source_of(chosen(*HTTP)), Prometheus)
    assert isinstance(source_of(chosen("--scrape-targets", str(tmp_path / "targets.json"))), Exporters)


def test_every_flag_together_is_taken(file: str) -> None:
    flags = chosen(
        *HTTPS, "--prometheus-ca-file", file, "--prometheus-client-cert", file, "--prometheus-client-key", file,
        "--prometheus-token-file", file, "--prometheus-namespace-label", "ns", "--prometheus-pod-label", "pod_name",
        "--prometheus-replica-label", "replica", "--prometheus-replica-label", "cluster",
    )  # fmt: skip
    assert problems(flags) == []
    assert isinstance(source_of(flags), Prometheus)
    assert flags.prometheus_replica_label == ["replica", "cluster"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prometheus-url", "p:9090"], '"p:9090" must begin with http:// or https://'),
        ([*HTTP, "--prometheus-pod-label", "a-b"], '"a-b" must be the name of a label: letters, digits and _'),
        ([*HTTP, "--scrape-targets", "f"], "not allowed with argument"),
        ([], "one of the arguments --prometheus-url --scrape-targets is required"),
    ],
)
def test_unusable_flags_are_refused_with_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        chosen(*arguments)
    assert refusal.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*HTTP, "--prometheus-token-file", "/none"],
         ['--prometheus-token-file "/none" cannot be read: No such file or directory']),
        ([*HTTP, "--prometheus-user", "me"],
         ["--prometheus-user and --prometheus-password-file go together, and only one is given"]),
        ([*HTTPS, "--prometheus-user", "me", "--prometheus-password-file", "FILE", "--prometheus-token-file", "FILE"],
         ["--prometheus-token-file and --prometheus-password-file exclude each other"]),
        ([*HTTPS, "--prometheus-client-key", "FILE"], ["--prometheus-client-key needs --prometheus-client-cert"]),
        ([*HTTPS, "--prometheus-ca-file", "FILE", "--prometheus-insecure-skip-verify"],
         ["--prometheus-insecure-skip-verify and --prometheus-ca-file exclude each other"]),
        ([*HTTP, "--prometheus-ca-file", "/none"],
         ['--prometheus-ca-file "/none" cannot be read: No such file or directory',
          "--prometheus-ca-file needs a --prometheus-url that begins with https://, which it does not"]),
        (["--scrape-targets", "f", "--prometheus-token-file", "FILE", "--prometheus-replica-label", "r"],
         ["--prometheus-token-file needs --prometheus-url", "--prometheus-replica-label needs --prometheus-url"]),
    ],
)  # fmt: skip
def test_flags_that_do_not_go_together_are_all_named(arguments: list[str], said: list[str], file: str) -> None:
    flags = chosen(*(file if argument == "FILE" else argument for argument in arguments))
    assert problems(flags) == said
    with pytest.raises(ProblemAtStart) as problem:
        source_of(flags)
    assert str(problem.value) == "; ".join(said)


def test_what_is_dangerous_is_logged(file: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        source_of(chosen(*HTTP, "--prometheus-token-file", file))
        source_of(chosen(*HTTPS, "--prometheus-insecure-skip-verify"))
    assert [line.getMessage() for line in caplog.records] == [
        "credentials are sent to Prometheus in the clear",
        "whoever answers at Prometheus' address is believed: its certificate is not verified",
    ]
