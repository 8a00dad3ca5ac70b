"""The extender's command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from extender.app import serve
from extender.replay.command import replay
from extender.shell import rpc
from kube import rpc_address, tls
from kube.program import flags, run_program

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's own) name; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["replay"]:
        return replay(given[1:])
    parser, run = flags("plimsoll-extender", "Place GPU fractions for kube-scheduler.", listen="127.0.0.1:8900")
    rpc_address.add_flags(run, rpc.DEFAULT, "plimsoll gpus", rpc.RIGHT)
    tls.add_flags(run)
    run.add_argument(
        "--namespace", default="plimsoll-system", help="where config-extender stands (default: %(default)s)"
    )
    parser.epilog = (
        "There is also: plimsoll-extender replay, which plays a trace through the same core (replay --help)."
    )
    return run_program(parser, serve, given)


if __name__ == "__main__":
    sys.exit(main())
