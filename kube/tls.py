"""With which certificate do we serve HTTP, and which certificates do we accept? Files that others replace as they like.

The flags have the names that kube-apiserver's have. Every handshake uses the files as they are then; where they cannot
be used, what was read last stays in use.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from kube.program import ProblemAtStart

if TYPE_CHECKING:
    import argparse

_log = logging.getLogger(__name__)

_CERT, _KEY, _CA = "--tls-cert-file", "--tls-private-key-file", "--client-ca-file"
_CERTIFICATE, _PRIVATE_KEY = b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY-----"


def add_flags(run: argparse.ArgumentParser) -> None:
    """Add the flags of TLS."""
    run.add_argument(_CERT, type=Path, metavar="FILE", help="serve HTTPS with this certificate chain (PEM); read again "
                     "when it changes, as are the other two")  # fmt: skip
    run.add_argument(_KEY, type=Path, metavar="FILE", help="the certificate's private key (PEM)")
    run.add_argument(_CA, type=Path, metavar="FILE", help="authorities (PEM) of the certificates that callers must "
                     "show; without it only callers on this machine are obeyed")  # fmt: skip


def lenient(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return `context`, which accepts from now on the certificates that kubectl and Kubernetes' own programs accept.

    Since Python 3.13 those are refused whose authority says no key usage, or that name no authority's key: older
    clusters have such, and so has whoever makes an authority by openssl's defaults.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class ServerTls:
    """TLS for a server: handshakes begin with `context`; `for_callers`: callers are to show certificates."""

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        self._files = {_CERT: (cert, _CERTIFICATE), _KEY: (key, _PRIVATE_KEY)}
        if client_ca is not None:
            self._files[_CA] = (client_ca, _CERTIFICATE)
        self.for_callers = client_ca is not None
        self._stamps = self._stamped()
        self._now = self.context = self._read()
        # Called once the caller has spoken, before a certificate is chosen.
        self.context.sni_callback = self._choose

    def _choose(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        stamps = self._stamped()
        if stamps != self._stamps:
            self._stamps = stamps  # what is wrong with these files is said once
            try:
                self._now = self._read()
                _log.info("certificates were read anew")
            except ProblemAtStart as problem:
                _log.warning("the certificates before stay in use", extra={"error": str(problem)})
        handshake.context = self._now

    def _stamped(self) -> tuple[tuple[int, int, int], ...]:
        found = []
        for path, _ in self._files.values():
            try:
                stat = path.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((stat.st_mtime_ns, stat.st_ino, stat.st_size))
        return tuple(found)

    def _read(self) -> ssl.SSLContext:
        for flag, (path, mark) in self._files.items():
            try:
                content = path.read_bytes()
            except OSError as error:
                raise ProblemAtStart(f"{flag} {path} cannot be read: {error.strerror}") from error
            if mark not in content:
                what = "certificate" if mark == _CERTIFICATE else "private key"
                raise ProblemAtStart(f"{flag} {path} holds no {what} in PEM form")
        context = lenient(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
        context.set_alpn_protocols(["http/1.1"])
        (cert, _), (key, _) = self._files[_CERT], self._files[_KEY]
        try:
            context.load_cert_chain(cert, key, password="")
        except (ssl.SSLError, OSError) as error:
            raise ProblemAtStart(f"{_CERT} {cert} and {_KEY} {key} cannot be used together: {_words(error)}") from error
        if _CA in self._files:
            try:
                context.load_verify_locations(self._files[_CA][0])
            except (ssl.SSLError, OSError) as error:
                raise ProblemAtStart(f"{_CA} {self._files[_CA][0]} cannot be used: {_words(error)}") from error
            # Optional: the kubelet's probes and Prometheus have none; what needs one is refused without.
            context.verify_mode = ssl.CERT_OPTIONAL
        return context


def server_tls(flags: argparse.Namespace) -> ServerTls | None:
    """Return the TLS that the flags ask for; None where they ask for plain HTTP.

    Raises:
        ProblemAtStart: they do not go together, or a file cannot be used.
    """
    cert, key, client_ca = flags.tls_cert_file, flags.tls_private_key_file, flags.client_ca_file
    if (cert is None) != (key is None):
        raise ProblemAtStart(f"a certificate and its key go together: give {_KEY if key is None else _CERT} too")
    if cert is None:
        if client_ca is not None:
            raise ProblemAtStart(f"{_CA} {client_ca} is of use with TLS only: give {_CERT} and {_KEY} too")
        return None
    return ServerTls(cert, key, client_ca)


def _words(error: ssl.SSLError | OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return str(reason).replace("_", " ").lower()
