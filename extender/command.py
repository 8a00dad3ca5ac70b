"""How is the extender itself started? Flags in; it serves until a signal ends it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from extender.app import serve
from extender.shell import rpc
from extender.shell.leading import LEASE
from kube import rpc_address, tls
from kube.program import address, flags, run_program

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status."""
    parser, running = flags("plimsoll-extender", "Place GPU fractions for kube-scheduler.", listen="127.0.0.1:8900")
    rpc_address.add_flags(running, rpc.DEFAULT, "plimsoll gpus", rpc.RIGHT)
    tls.add_flags(running)
    running.add_argument("--pages-listen", type=address, metavar="HOST:PORT",
                     help="address for health and metrics alone, beside --listen (default: none)")  # fmt: skip
    running.add_argument(
        "--namespace", default="plimsoll-system", help="where config-extender stands (default: %(default)s)"
    )
    leading = running.add_mutually_exclusive_group()
    leading.add_argument(
        "--follow-lease",
        type=_lease,
        metavar="NAMESPACE/NAME",
        help="act as long as the kube-scheduler on this host (in a pod: beside us) holds this Lease; by default one of "
        f"several extenders acts, by a Lease of their own ({LEASE} in that namespace)",
    )
    leading.add_argument(
        "--no-leader-elect",
        dest="leader_elect",
        action="store_false",
        help="act without any Lease: there must be only this extender",
    )
    parser.epilog = (
        "There are also: plimsoll-extender replay, which plays a trace through the same core (replay --help), and "
        "plimsoll-extender relay, which stands beside a kube-scheduler that pods without GPUs share (relay --help)."
    )
    return run_program(parser, serve, arguments)


def _lease(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        raise argparse.ArgumentTypeError(
            f'"{text}" must be NAMESPACE/NAME, as kube-scheduler\'s leaderElection names it'
        )
    return namespace, name
