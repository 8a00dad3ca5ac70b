"""How is the autoscaler asked? Over gRPC: in the clear on loopback, else with TLS and a bearer token."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from autoscaler.shell.messages import MessageError, from_message, from_uses
from autoscaler.shell.record_text import NotARecordError, check
from autoscaler.v1 import autoscaler_pb2 as v1
from autoscaler.v1 import autoscaler_pb2_grpc as service
from kube.rpc_address import is_loopback
from plimsoll.explain.core.told import ToldAll, ToldOne
from plimsoll.explain.problem import ExplainError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autoscaler.core.decisions.record import Record
    from autoscaler.core.targets.holdings import GpuUse

_PATIENCE_S = 10.0
_FORWARD = "kubectl -n plimsoll-system port-forward deploy/plimsoll-autoscaler 8902"
_CODES = grpc.StatusCode


@dataclass(frozen=True, slots=True)
class Server:
    """Where the autoscaler answers (host and port), and how it is to be trusted and convinced."""

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


def explain(server: Server, namespace: str, name: str, kind: str) -> ToldOne:
    """Ask for one workload.

    Raises:
        ExplainError: there is no answer, or a refusal.
    """
    with _asking(server) as (stub, call):
        told = stub.Explain(v1.ExplainRequest(namespace=namespace, name=name, kind=kind), **call)
        changes = tuple(map(_record, told.changes))
        return ToldOne(_record(told.standing), changes, told.since_ms, told.follows)


def workloads(server: Server, namespace: str) -> ToldAll:
    """Ask for all workloads, or those of a namespace.

    Raises:
        ExplainError: there is no answer, or a refusal.
    """
    with _asking(server) as (stub, call):
        records: list[Record] = []
        since_ms = 0
        gpus: dict[str, GpuUse] = {}
        for answer in stub.ListWorkloads(v1.ListWorkloadsRequest(namespace=namespace), **call):
            records += map(_record, answer.records)
            gpus |= from_uses(answer.gpus)
            since_ms = answer.since_ms
        return ToldAll(tuple(records), since_ms, gpus)


@contextmanager
def _asking(server: Server) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Give a stub, and what every call carries; failures inside become sentences."""
    metadata = (("authorization", f"Bearer {_token(server.token_file)}"),) if server.token_file else ()
    try:
        with _channel(server) as channel:
            yield service.AutoscalerStub(channel), {"timeout": _PATIENCE_S, "metadata": metadata}
    except grpc.RpcError as error:
        raise ExplainError(_sentence(server, error.code(), error.details() or "")) from error
    except (MessageError, NotARecordError) as error:
        raise ExplainError(f"the autoscaler at {server} is of another version: {error}") from error


def _channel(server: Server) -> grpc.Channel:
    options = [("grpc.enable_http_proxy", 0)]
    if not server.secure:
        return grpc.insecure_channel(str(server), options)
    roots = None if server.ca_file is None else _bytes(server.ca_file, "--ca-file")
    if server.server_name:
        options.append(("grpc.ssl_target_name_override", server.server_name))  # type: ignore[arg-type]
    return grpc.secure_channel(str(server), grpc.ssl_channel_credentials(roots), options)


def _record(message: v1.Record) -> Record:
    record = from_message(message)
    check(record)
    return record


def _token(path: Path) -> str:
    try:
        token = _bytes(path, "--token-file").decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise ExplainError(f"--token-file {path} holds no bearer token: kubectl create token writes one")
    return token


def _bytes(path: Path, flag: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExplainError(f"{flag} {path} cannot be read: {error.strerror}") from error


def _sentence(server: Server, code: grpc.StatusCode, details: str) -> str:
    match code:
        case _CODES.NOT_FOUND | _CODES.INVALID_ARGUMENT:
            return details
        case _CODES.FAILED_PRECONDITION:
            return f"{details} with --kind"
        case _CODES.UNAUTHENTICATED:
            return f"{details} and give it with --token-file"
        case _CODES.PERMISSION_DENIED:
            return details
        case _CODES.UNIMPLEMENTED:
            return f"what answers at {server} tells no decisions: is it the autoscaler's --rpc-listen?"
        case _CODES.DEADLINE_EXCEEDED:
            return f"the autoscaler at {server} gave no answer within {_PATIENCE_S:g} s: is it overloaded, or stopped?"
        case _CODES.UNAVAILABLE:
            return _unavailable(server, details)
    return f"the autoscaler at {server} refused: {details or code.name}"


def _unavailable(server: Server, details: str) -> str:
    for sign, says in _SIGNS.items():
        if sign in details:
            return says.format(server=server)
    return f"the autoscaler at {server} cannot answer now: {details}"


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
    "to all addresses": "no autoscaler answers at {server}: name another with --server, or reach the one of a cluster "
    f"with {_FORWARD}",
}
