"""What does a program of ours answer to whoever asks it, with a certificate or without?"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def trusting(authority: Path, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """Return the TLS of who believes an authority, and shows a certificate with its key, or none."""
    context = ssl.create_default_context(cafile=authority)
    if certificate is not None:
        context.load_cert_chain(*certificate)
    return context


def status_of(url: str, body: Any = None, tls: ssl.SSLContext | None = None) -> int:
    """Return the status of the answer, 0 where there is none; with a body it is sent as JSON."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10.0, context=tls) as answer:  # noqa: S310  loopback
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code
    except OSError:
        return 0
