"""How is the relay started? Flags in; it serves until a signal ends it, and needs no API server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from extender.relay.far import Far, Trust
from extender.relay.relaying import Relay
from kube.program import ProblemAtStart, address, listening, run_until_signal, serve, serving_beside

if TYPE_CHECKING:
    from collections.abc import Sequence

_PURPOSE = (
    "Stand beside a kube-scheduler that pods without GPUs share: pass its questions on to the extender, and say no at "
    "once while that does not answer."
)


def relay(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status."""
    return run_until_signal(_flags(), _serve, arguments)


async def _serve(chosen: argparse.Namespace) -> None:
    if (chosen.client_cert_file is None) != (chosen.client_key_file is None):
        missing = "--client-key-file" if chosen.client_key_file is None else "--client-cert-file"
        raise ProblemAtStart(f"a certificate and its key go together: give {missing} too")
    trust = Trust(chosen.ca_file, chosen.client_cert_file, chosen.client_key_file, chosen.server_name)
    if trust != Trust() and not chosen.extender.startswith("https:"):
        raise ProblemAtStart(f"certificates are of use with TLS only: --extender {chosen.extender} must be https://...")
    with listening(*chosen.listen) as listener:
        far = Far(chosen.extender, trust)
        try:
            application = Relay(far)
            async with serving_beside(application.pages, chosen.pages_listen, "--pages-listen"):
                await serve(application, listener, application.run())
        finally:
            await far.close()


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plimsoll-extender relay", description=_PURPOSE)
    add = parser.add_argument
    add("--extender", type=_url, required=True, metavar="URL",
        help="where the extender answers, https://HOST:PORT or http://HOST:PORT")  # fmt: skip
    add("--listen", type=address, default="127.0.0.1:8905", metavar="HOST:PORT",
        help="address to serve on; only callers on this machine are obeyed (default: %(default)s)")  # fmt: skip
    add("--pages-listen", type=address, metavar="HOST:PORT",
        help="address for health and metrics alone, beside --listen (default: none)")  # fmt: skip
    add("--ca-file", type=Path, metavar="FILE",
        help="authorities (PEM) of the extender's certificate; without it the system's")  # fmt: skip
    add("--client-cert-file", type=Path, metavar="FILE",
        help="our certificate (PEM); read again when it changes, as are the other files")  # fmt: skip
    add("--client-key-file", type=Path, metavar="FILE", help="its private key (PEM)")
    add("--server-name", default="", metavar="NAME",
        help="the name in the extender's certificate, where the URL has another")  # fmt: skip
    add("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    return parser


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise argparse.ArgumentTypeError(f'"{text}" must be https://HOST:PORT or http://HOST:PORT, without a path')
    return text
