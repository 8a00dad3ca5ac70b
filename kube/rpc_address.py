"""Where does a gRPC service of ours listen, and with which certificate? Loopback is open; anything else has TLS."""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from kube.program import ProblemAtStart, address

if TYPE_CHECKING:
    import argparse

    from grpc import ServerCertificateConfiguration, ServerCredentials

    from kube.gate import Right

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RpcAddress:
    """`HOST:PORT`, and the credentials to serve with; None: in the clear, on loopback, for whoever is there."""

    address: str
    credentials: ServerCredentials | None


def add_flags(run: argparse.ArgumentParser, default: str, asker: str, right: Right) -> None:
    """Add the flags of a gRPC service that `asker` asks, on the address `default`."""
    run.add_argument(
        "--rpc-listen", type=_address_or_off, default=default, metavar="HOST:PORT",
        help=f"address of the gRPC service that {asker} asks (default: %(default)s); another than loopback needs a "
        f"certificate, and callers then need a bearer token that may read {right.what}; off: no service",
    )  # fmt: skip
    run.add_argument("--rpc-tls-cert", type=Path, metavar="FILE", help="its certificate chain (PEM); read again when "
                     "it changes")  # fmt: skip
    run.add_argument("--rpc-tls-key", type=Path, metavar="FILE", help="the certificate's key (PEM)")


def rpc_address(flags: argparse.Namespace) -> RpcAddress | None:
    """Return what the flags ask for; None where no service is wanted.

    Raises:
        ProblemAtStart: they do not go together, or a file cannot be used.
    """
    if flags.rpc_listen is None:
        return None
    host, port = flags.rpc_listen
    cert, key = flags.rpc_tls_cert, flags.rpc_tls_key
    listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if (cert is None) != (key is None):
        missing = "--rpc-tls-key" if key is None else "--rpc-tls-cert"
        raise ProblemAtStart(f"a certificate and its key go together: give {missing} too")
    if cert is not None:
        return RpcAddress(listen, _Certificate(cert, key).credentials())
    if not is_loopback(host):
        raise ProblemAtStart(
            f"--rpc-listen {listen} can be reached by others: give --rpc-tls-cert and --rpc-tls-key, or listen on "
            "127.0.0.1 and use kubectl port-forward"
        )
    return RpcAddress(listen, None)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine to itself; a name other than localhost may be anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Certificate:
    """A certificate and its key, in files that others replace (cert-manager, a mounted secret)."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._files = (cert, key)
        self._stamps = self._stamped()

    def credentials(self) -> ServerCredentials:
        """Return credentials that follow the files."""
        return grpc.dynamic_ssl_server_credentials(self._read(), self._changed)  # type: ignore[arg-type]

    def _stamped(self) -> tuple[tuple[int, int], ...]:
        try:
            found = [path.stat() for path in self._files]
        except OSError as error:
            raise ProblemAtStart(f"{error.filename} cannot be read: {error.strerror}") from error
        return tuple((each.st_mtime_ns, each.st_ino) for each in found)

    def _read(self) -> ServerCertificateConfiguration:
        try:
            cert, key = (path.read_bytes() for path in self._files)
        except OSError as error:
            raise ProblemAtStart(f"{error.filename} cannot be read: {error.strerror}") from error
        for path, content, mark in (
            (self._files[0], cert, b"-----BEGIN CERTIFICATE-----"),
            (self._files[1], key, b"PRIVATE KEY-----"),
        ):
            if mark not in content:
                raise ProblemAtStart(f"{path} holds no {'certificate' if content is cert else 'key'} in PEM form")
        return grpc.ssl_server_certificate_configuration([(key, cert)])

    def _changed(self) -> ServerCertificateConfiguration | None:
        """Return the certificate where it is another than before; called by gRPC before each handshake."""
        try:
            stamps = self._stamped()
            if stamps == self._stamps:
                return None
            read = self._read()
        except ProblemAtStart as problem:
            _log.warning("the certificate before stays in use", extra={"error": str(problem)})
            return None
        self._stamps = stamps
        return read


def _address_or_off(text: str) -> tuple[str, int] | None:
    return None if text == "off" else address(text)
