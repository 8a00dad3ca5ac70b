"""How does a command ask a running program of ours? Over gRPC: in the clear on loopback, else with TLS and a token.

Whatever comes between a question and its answer becomes one sentence that says what to do.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from kube.program import address
from kube.rpc_address import is_loopback

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

Stub = TypeVar("Stub")

_PATIENCE_S = 10.0
_CODES = grpc.StatusCode


class AskingError(Exception):
    """There is no answer, or a refusal; the message says what to do."""


class AwayError(AskingError):
    """It cannot answer now, and may soon: it starts, ends, or is out of reach."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program of ours that tells something: its name, what it tells, its default address, and how it is forwarded.

    `advice` ends the sentence of a refusal with what to do about it.
    """

    name: str
    tells: str
    default: str
    deployment: str
    advice: Mapping[grpc.StatusCode, str] = field(default_factory=dict)

    @property
    def forward(self) -> str:
        """The command that makes its default address answer."""
        port = self.default.rpartition(":")[2]
        return f"kubectl -n plimsoll-system port-forward deploy/{self.deployment} {port}"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a program answers (host and port), and how it is to be trusted and convinced."""

    host: str
    port: int
    token_file: Path | None = None
    ca_file: Path | None = None
    server_name: str = ""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Tell whether TLS is spoken: nothing secret crosses a wire in the clear, and a token is never sent so."""
        return bool(self.token_file or self.ca_file or self.server_name) or not is_loopback(self.host)


def add_server_flags(command: argparse.ArgumentParser, *programs: Program) -> None:
    """Add the flags that say where one of `programs` answers."""
    who = " or ".join(f"the {program.name}" for program in programs)
    defaults = ", ".join(
        program.default if len(programs) == 1 else f"{program.default} of the {program.name}" for program in programs
    )
    command.add_argument("--server", type=address, metavar="HOST:PORT",
                         help=f"where {who} answers over gRPC (default: {defaults})")  # fmt: skip
    command.add_argument("--token-file", type=Path, metavar="FILE",
                         help="a bearer token that may read it (kubectl create token)")  # fmt: skip
    command.add_argument("--ca-file", type=Path, metavar="FILE",
                         help="the authority of the server's certificate (PEM)")  # fmt: skip
    command.add_argument("--server-name", default="", metavar="NAME",
                         help="the name in its certificate, where it is reached by another")  # fmt: skip


def server_of(given: argparse.Namespace, program: Program) -> Server:
    """Return the server that the flags name."""
    host, port = given.server or address(program.default)
    return Server(host, port, given.token_file, given.ca_file, given.server_name)


@contextmanager
def asking(
    server: Server, program: Program, stub: Callable[[grpc.Channel], Stub]
) -> Iterator[tuple[Stub, dict[str, Any]]]:
    """Give a stub, and what every call carries; failures inside become sentences.

    Raises:
        AskingError: there is no answer, or a refusal.
    """
    metadata = (("authorization", f"Bearer {_token(server.token_file)}"),) if server.token_file else ()
    try:
        with _channel(server) as channel:
            yield stub(channel), {"timeout": _PATIENCE_S, "metadata": metadata}
    except grpc.RpcError as error:
        failure = AwayError if error.code() is _CODES.UNAVAILABLE else AskingError
        raise failure(_sentence(server, program, error.code(), error.details() or "")) from error


def _channel(server: Server) -> grpc.Channel:
    options = [("grpc.enable_http_proxy", 0)]
    if not server.secure:
        return grpc.insecure_channel(str(server), options)
    roots = None if server.ca_file is None else _bytes(server.ca_file, "--ca-file")
    if server.server_name:
        options.append(("grpc.ssl_target_name_override", server.server_name))  # type: ignore[arg-type]
    return grpc.secure_channel(str(server), grpc.ssl_channel_credentials(roots), options)


def _token(path: Path) -> str:
    try:
        token = _bytes(path, "--token-file").decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise AskingError(f"--token-file {path} holds no bearer token: kubectl create token writes one")
    return token


def _bytes(path: Path, flag: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AskingError(f"{flag} {path} cannot be read: {error.strerror}") from error


def _sentence(server: Server, program: Program, code: grpc.StatusCode, details: str) -> str:
    name = program.name
    match code:
        case _CODES.NOT_FOUND | _CODES.INVALID_ARGUMENT | _CODES.PERMISSION_DENIED | _CODES.FAILED_PRECONDITION:
            return details + program.advice.get(code, "")
        case _CODES.UNAUTHENTICATED:
            return f"{details} and give it with --token-file"
        case _CODES.UNIMPLEMENTED:
            return f"what answers at {server} tells no {program.tells}: is it the {name}'s --rpc-listen?"
        case _CODES.DEADLINE_EXCEEDED:
            return f"the {name} at {server} gave no answer within {_PATIENCE_S:g} s: is it overloaded, or stopped?"
        case _CODES.UNAVAILABLE:
            return _unavailable(server, program, details)
    return f"the {name} at {server} refused: {details or code.name}"


def _unavailable(server: Server, program: Program, details: str) -> str:
    for sign, says in _SIGNS.items():
        if sign in details:
            return says.format(server=server, name=program.name, forward=program.forward)
    return f"the {program.name} at {server} cannot answer now: {details}"


# gRPC says why there is no connection in its own words, and only there; the first that fits counts.
_SIGNS = {
    "Hostname Verification": "the certificate of {server} is for another name: give the name in it with --server-name",
    "CERTIFICATE_VERIFY_FAILED": "the certificate of {server} is not from an authority that is trusted here: give the "
    "right one with --ca-file",
    "WRONG_VERSION_NUMBER": "what answers at {server} speaks no TLS: a token is never sent in the clear",
    "andshake": "{server} and plimsoll found no way to speak TLS",
    "Socket closed": "what answers at {server} does not speak in the clear: give --ca-file, and --token-file",
    "reset by peer": "what answers at {server} does not speak in the clear: give --ca-file, and --token-file",
    "DNS": "there is no address for {server}: name another with --server",
    "to all addresses": "no {name} answers at {server}: name another with --server, or reach the one of a cluster with "
    "{forward}",
}
