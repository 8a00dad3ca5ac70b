"""The autoscaler's command line."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from autoscaler.app import serve
from kube.program import flags, run_program

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's own) name; return the exit status."""
    parser, run = flags(
        "plimsoll-autoscaler", "Scale workloads by the load that Prometheus sees.", listen="127.0.0.1:8901"
    )
    run.add_argument("--prometheus-url", type=_url, required=True, metavar="URL", help="where Prometheus answers")
    run.add_argument(
        "--namespace", default="plimsoll-system", help="where config-autoscaler stands (default: %(default)s)"
    )
    return run_program(parser, serve, arguments)


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f'"{text}" must begin with http:// or https://')
    return text


if __name__ == "__main__":
    sys.exit(main())
