"""The autoscaler's command line."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from autoscaler.app import serve
from autoscaler.shell import fits, rpc, sources
from kube import rpc_address
from kube.program import flags, run_program

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's own) name; return the exit status."""
    parser, run = flags(
        "plimsoll-autoscaler", "Scale workloads by the load that Prometheus sees.", listen="127.0.0.1:8901"
    )
    sources.add_flags(run)
    run.add_argument(
        "--namespace", default="plimsoll-system", help="where config-autoscaler stands (default: %(default)s)"
    )
    run.add_argument(
        "--leader-elect",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="of several autoscalers let one write, by a Lease in that namespace; without, there must be only this one "
        "(default: %(default)s)",
    )
    fits.add_flags(run)
    rpc_address.add_flags(run, rpc.DEFAULT, "plimsoll explain", rpc.RIGHT)
    return run_program(parser, serve, arguments)


if __name__ == "__main__":
    sys.exit(main())
