"""How is the extender asked how many pods fit? By gRPC: in the clear on loopback, else with TLS and a bearer token."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from extender.v1 import extender_pb2 as v1
from kube.program import ProblemAtStart, address
from kube.rpc_address import is_loopback

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Awaitable, Callable

_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 64 * 1024),
    # One that is back is found within a tick; gRPC's own would wait for up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 20_000),  # one whose machine is gone is noticed
    ("grpc.keepalive_timeout_ms", 5_000),
)
_METHOD = "/extender.v1.Extender/Fits"
_LONGEST_REASON = 200
_CODES = grpc.StatusCode


class FitsError(Exception):
    """There is no usable answer; the message is a sentence."""


class RefusedShapeError(FitsError):
    """The extender says that no such pod will ever be placed; the message is its reason."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """So many pods fit, and why no more, "" where nothing is said."""

    count: int
    reason: str


class Extender:
    """The extender at one address."""

    def __init__(self, where: str, channel: grpc.aio.Channel, token_file: Path | None) -> None:
        self._where = where
        # As bytes: gRPC would log what is no message with its trace, and call it None.
        self._fits: Callable[..., Awaitable[bytes]] = channel.unary_unary(_METHOD, v1.FitsRequest.SerializeToString)
        self._token_file = token_file

    async def fits(self, namespace: str, pod_json: bytes, most: int, *, timeout_s: float) -> Fitting:
        """Ask how many pods of a shape fit now, up to `most`.

        Raises:
            RefusedShapeError: such a pod will never be placed.
            FitsError: there is no answer within `timeout_s` seconds, or none that can be used.
        """
        shape = v1.PodShape(namespace=namespace, pod_json=pod_json)
        try:
            call = self._fits(v1.FitsRequest(shape=shape, most=most), timeout=timeout_s, metadata=self._metadata())
            answer = v1.FitsResponse.FromString(await call)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error.code(), error.details() or "", timeout_s) from error
        except DecodeError as error:
            raise FitsError(f"the extender at {self._where} answered with bytes that are no answer") from error
        if not answer.HasField("count") or answer.count < 0:
            said = answer.count if answer.HasField("count") else "nothing"
            raise FitsError(f"the extender at {self._where} answered without a count from 0 up: {said}")
        return Fitting(min(answer.count, most), _one_line(answer.reason))

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        if self._token_file is None:
            return ()
        try:
            token = self._token_file.read_text("ascii").strip()  # anew for each question, as it rotates
        except (OSError, UnicodeDecodeError) as error:
            raise FitsError(f"--extender-token-file {self._token_file} cannot be read: {error}") from error
        if not token or not token.isprintable() or " " in token:
            raise FitsError(f"--extender-token-file {self._token_file} holds no bearer token")
        return (("authorization", f"Bearer {token}"),)

    def _failure(self, code: grpc.StatusCode, details: str, timeout_s: float) -> FitsError:
        details = _one_line(details)
        match code:
            case _CODES.INVALID_ARGUMENT:
                return RefusedShapeError(details or "it gave no reason")
            case _CODES.DEADLINE_EXCEEDED:
                return FitsError(f"the extender at {self._where} gave no answer within {timeout_s:.2g} s")
            case _CODES.UNIMPLEMENTED:
                return FitsError(f"what answers at {self._where} does not tell what fits: is it the extender's gRPC?")
        return FitsError(f"the extender at {self._where} did not answer: {details or code.name}")


def add_flags(run: argparse.ArgumentParser) -> None:
    """Add the flags of whoever asks the extender."""
    run.add_argument(
        "--extender", type=address, metavar="HOST:PORT",
        help="the extender's gRPC service, for workloads with limit-to-placeable; on another address than loopback it "
        "is asked over TLS (default: it is not asked, and nothing is limited)",
    )  # fmt: skip
    run.add_argument("--extender-ca-file", type=Path, metavar="FILE", help="who signed its certificate (PEM); default: "
                     "the authorities that gRPC brings")  # fmt: skip
    run.add_argument("--extender-server-name", default="", metavar="NAME", help="the name in its certificate, where it "
                     "is another than the host")  # fmt: skip
    run.add_argument("--extender-token-file", type=Path, metavar="FILE", help="the bearer token to convince it with; "
                     "read anew for each question")  # fmt: skip


@asynccontextmanager
async def asked(flags: argparse.Namespace) -> AsyncIterator[Extender | None]:
    """Give the extender that the flags name, as long as the block lasts; None where they name none.

    Raises:
        ProblemAtStart: they do not go together, or a file cannot be used.
    """
    if flags.extender is None:
        given = [name for name in ("ca_file", "server_name", "token_file") if getattr(flags, f"extender_{name}")]
        if given:
            flag = f"--extender-{given[0].replace('_', '-')}"
            raise ProblemAtStart(
                f"{flag} says how the extender is asked, and --extender is missing: give its HOST:PORT"
            )
        yield None
        return
    host, port = flags.extender
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    async with _channel(flags, host, where) as channel:
        yield Extender(where, channel, flags.extender_token_file)


def _channel(flags: argparse.Namespace, host: str, where: str) -> grpc.aio.Channel:
    secret = flags.extender_ca_file or flags.extender_server_name or flags.extender_token_file
    options: list[tuple[str, Any]] = list(_OPTIONS)
    if not secret and is_loopback(host):
        return grpc.aio.insecure_channel(where, options)
    roots = None
    if flags.extender_ca_file is not None:
        try:
            roots = flags.extender_ca_file.read_bytes()
        except OSError as error:
            raise ProblemAtStart(f"{error.filename} cannot be read: {error.strerror}") from error
        if b"-----BEGIN CERTIFICATE-----" not in roots:
            raise ProblemAtStart(f"{flags.extender_ca_file} holds no certificate in PEM form")
    if flags.extender_server_name:
        options.append(("grpc.ssl_target_name_override", flags.extender_server_name))
    return grpc.aio.secure_channel(where, grpc.ssl_channel_credentials(roots), options)


def _one_line(text: str) -> str:
    """Return what others wrote as a line that can stand in a sentence."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}..."
