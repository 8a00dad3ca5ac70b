from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from kube.gate import Right
from kube.program import ProblemAtStart
from kube.rpc_address import RpcAddress, add_flags, is_loopback, rpc_address
from tests.certificates import self_signed

if TYPE_CHECKING:
    from pathlib import Path


RIGHT = Right("decisions", "/plimsoll/decisions", "plimsoll-decision-reader", "the autoscaler")


def asked_for(*arguments: str) -> RpcAddress | None:
    parser = argparse.ArgumentParser()
    add_flags(parser, "127.0.0.1:8902", "plimsoll explain", RIGHT)
    return rpc_address(parser.parse_args(arguments))


def test_without_flags_loopback_serves_in_the_clear() -> None:
    assert asked_for() == RpcAddress("127.0.0.1:8902", None)
    assert asked_for("--rpc-listen", "[::1]:9") == RpcAddress("[::1]:9", None)
    assert asked_for("--rpc-listen", "localhost:9") == RpcAddress("localhost:9", None)


def test_off_is_no_service() -> None:
    assert asked_for("--rpc-listen", "off") is None


@pytest.mark.parametrize(
    ("host", "is_it"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),  # noqa: S104
     ("::", False), ("10.0.0.1", False), ("localhost.example", False)],
)  # fmt: skip
def test_loopback_is_what_nobody_else_can_reach(host: str, is_it: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) is is_it


def test_with_a_certificate_any_address_will_do(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "tls")
    found = asked_for("--rpc-listen", "0.0.0.0:9", "--rpc-tls-cert", str(cert), "--rpc-tls-key", str(key))
    assert found is not None
    assert (found.address, found.credentials is None) == ("0.0.0.0:9", False)


def test_what_does_not_go_together_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    empty, missing = str(tmp_path / "empty"), str(tmp_path / "missing")
    for arguments, complaint in (
        (
            ("--rpc-listen", "0.0.0.0:9"),
            (
                "--rpc-listen 0.0.0.0:9 can be reached by others: give --rpc-tls-cert and --rpc-tls-key, or listen on "
                "127.0.0.1 and use kubectl port-forward"
            ),
        ),
        (("--rpc-tls-cert", empty), "a certificate and its key go together: give --rpc-tls-key too"),
        (("--rpc-tls-key", empty), "a certificate and its key go together: give --rpc-tls-cert too"),
        (
            ("--rpc-tls-cert", missing, "--rpc-tls-key", empty),
            f"{missing} cannot be read: No such file or directory",
        ),
        (("--rpc-tls-cert", empty, "--rpc-tls-key", empty), f"{empty} holds no certificate in PEM form"),
    ):
        with pytest.raises(ProblemAtStart) as problem:
            asked_for(*arguments)
        assert str(problem.value) == complaint


def test_a_malformed_address_is_a_problem_of_the_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        asked_for("--rpc-listen", "8902")
    assert end.value.code == 2
    assert '"8902" must be HOST:PORT with a port from 1 to 65535' in capsys.readouterr().err
