"""The autoscaler's command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.app import serve
from autoscaler.shell.rpc_address import add_flags
from kube.program import flags, run_program

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's own) name; return the exit status."""
    parser, run = flags(
        "plimsoll-autoscaler", "Scale workloads by the load that Prometheus sees.", listen="127.0.0.1:8901"
    )
    source = run.add_mutually_exclusive_group(required=True)
    source.add_argument("--prometheus-url", type=_url, metavar="URL", help="where Prometheus answers")
    source.add_argument(
        "--scrape-targets",
        type=Path,
        metavar="FILE",
        help="for a first look and small tests, instead of a Prometheus: read the metrics pages of the targets in "
        "FILE, in the JSON format of Prometheus' file_sd_configs, every second",
    )
    run.add_argument(
        "--namespace", default="plimsoll-system", help="where config-autoscaler stands (default: %(default)s)"
    )
    add_flags(run)
    return run_program(parser, serve, arguments)


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f'"{text}" must begin with http:// or https://')
    return text


if __name__ == "__main__":
    sys.exit(main())
