"""Certificates for the tests of TLS, made by openssl when they are needed."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


_NEW = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
_ADDRESS = ("-addext", "subjectAltName=IP:127.0.0.1")


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the files of a new certificate for 127.0.0.1, its own authority, and of its key."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    _openssl(*_NEW, "-subj", f"/CN={name}", *_ADDRESS, "-keyout", key, "-out", certificate)
    return certificate, key


def issued(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """Return the files of a new authority as openssl makes it, of its certificate for 127.0.0.1, and of its key."""
    authority, authority_key = folder / f"{name}-ca.crt", folder / f"{name}-ca.key"
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    _openssl(*_NEW, "-subj", f"/CN={name}-ca", "-keyout", authority_key, "-out", authority)
    _openssl(*_NEW, "-subj", f"/CN={name}", *_ADDRESS, "-addext", "basicConstraints=CA:FALSE", "-CA", authority,
             "-CAkey", authority_key, "-keyout", key, "-out", certificate)  # fmt: skip
    return authority, certificate, key


def _openssl(*arguments: str | Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    subprocess.run([openssl, *arguments], check=True, capture_output=True, timeout=30)


def strict(make: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    """Return `make` with what it does since Python 3.13: certificates of `issued` are refused.

    Their authority does not say what its key may be used for.
    """

    def made(*arguments: Any, **named: Any) -> ssl.SSLContext:
        context = make(*arguments, **named)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    return made
