from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from autoscaler.core.decisions.record import Book
from deploy.local.ports import free_ports
from kube.gate import ForbiddenReaderError, Gate, UnknownReaderError
from kube.rpc_address import RpcAddress, rpc_address
from plimsoll.asking import AskingError, Server
from plimsoll.explain.shell.server import explain
from tests.autoscaler.recorded import AT_MS, KEY, decided, seen
from tests.autoscaler.shell.test_rpc import flags
from tests.certificates import self_signed
from tests.plimsoll.explain.telling import telling

if TYPE_CHECKING:
    from pathlib import Path


class Knows(Gate):
    """A gate that knows one token, and one more whose bearer may not read."""

    def __init__(self) -> None: ...

    async def admit(self, authorization: str) -> None:
        if authorization == "Bearer other":
            raise ForbiddenReaderError("ann may not read decisions")
        if authorization != "Bearer good":
            raise UnknownReaderError("take a fresh token")


def server(address: str) -> Server:
    host, _, port = address.rpartition(":")
    return Server(host, int(port))


def refused(at: Server) -> str:
    with pytest.raises(AskingError) as problem:
        explain(at, "chat", "llama", "")
    return str(problem.value)


def test_where_nothing_answers_the_way_to_a_cluster_is_said() -> None:
    (port,) = free_ports(1)
    assert refused(Server("127.0.0.1", port)) == (
        f"no autoscaler answers at 127.0.0.1:{port}: name another with --server, or reach the one of a cluster with "
        "kubectl -n plimsoll-system port-forward deploy/plimsoll-autoscaler 8902"
    )


def test_what_the_autoscaler_says_is_passed_on() -> None:
    other = replace(KEY, uid="other", kind="StatefulSet")
    with telling(Book({KEY: decided(seen()), other: decided(seen())}, AT_MS)) as address:
        with pytest.raises(AskingError, match=r"near to it: Deployment chat/llama, StatefulSet chat/llama"):
            explain(server(address), "chat", "lama", "")
        assert refused(server(address)) == (
            "workload chat/llama may be Deployment or StatefulSet: say the kind with --kind"
        )


def test_with_tls_authority_and_token_must_be_right(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path, "tls")
    (tmp_path / "other").mkdir()
    other_cert, _ = self_signed(tmp_path / "other", "tls")
    token = tmp_path / "token"
    at = rpc_address(flags(1, cert, key))
    assert isinstance(at, RpcAddress)
    with telling(Book({KEY: decided(seen())}, AT_MS), Knows(), at.credentials) as address:
        asked = replace(server(address), ca_file=cert, token_file=token)
        token.write_text("good\n")
        assert explain(asked, "chat", "llama", "").standing.key == KEY
        token.write_text("bad")
        assert refused(asked) == "take a fresh token and give it with --token-file"
        token.write_text("other")
        assert refused(asked) == "ann may not read decisions"
        assert refused(replace(asked, ca_file=other_cert)) == (
            f"the certificate of {address} is not from an authority that is trusted here: give the right one with "
            "--ca-file"
        )
        assert refused(replace(asked, server_name="elsewhere.example")) == (
            f"the certificate of {address} is for another name: give the name in it with --server-name"
        )
        assert refused(server(address)) == (
            f"what answers at {address} does not speak in the clear: give --ca-file, and --token-file"
        )


def test_a_token_is_not_sent_to_what_speaks_no_tls(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("good")
    with telling(Book({KEY: decided(seen())}, AT_MS)) as address:
        assert refused(replace(server(address), token_file=token)) == (
            f"what answers at {address} speaks no TLS: a token is never sent in the clear"
        )


def test_files_that_cannot_be_used_are_sentences(tmp_path: Path) -> None:
    at = Server("127.0.0.1", 1)
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.write_text("\n")
    assert refused(replace(at, token_file=missing)) == (
        f"--token-file {missing} cannot be read: No such file or directory"
    )
    assert refused(replace(at, token_file=empty)) == (
        f"--token-file {empty} holds no bearer token: kubectl create token writes one"
    )
    assert refused(replace(at, ca_file=missing)) == f"--ca-file {missing} cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("at", "secure"),
    [
        (Server("127.0.0.1", 1), False),
        (Server("::1", 1), False),
        (Server("autoscaler.example", 1), True),
        (Server("127.0.0.1", 1, server_name="autoscaler.example"), True),
    ],
)
def test_nothing_but_loopback_is_asked_in_the_clear(at: Server, secure: bool) -> None:  # noqa: FBT001
    assert at.secure is secure
