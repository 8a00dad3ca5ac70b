"""The command line of the local control plane: build, up, down, status."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

from deploy.local.binaries import Binaries
from deploy.local.cluster import LocalCluster
from deploy.local.places import ClusterFiles
from deploy.local.problem import LocalProblem
from deploy.local.processes import Processes
from deploy.local.programs import ClusterSpec, sweep

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except LocalProblem as problem:
        print(f"plimsoll: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"plimsoll: {error}", file=sys.stderr)  # a full disk, a file of another user: the system's own words
        return 1
    except KeyboardInterrupt:
        print("plimsoll: interrupted; nothing is left running", file=sys.stderr)
        return 130
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    usual = ClusterSpec()
    build = commands.add_parser("build", help="build the programs, if they are not built yet")
    build.set_defaults(command=_build)
    up = commands.add_parser("up", help="bring a cluster up and leave it running")
    up.set_defaults(command=_up)
    up.add_argument("--nodes", type=int, default=usual.nodes, help="GPU nodes (default: %(default)s)")
    up.add_argument("--gpus", type=int, default=usual.gpus_per_node, help="GPUs a node (default: %(default)s)")
    up.add_argument("--programs", action="store_true", help="start the extender and the autoscaler too")
    down = commands.add_parser("down", help="end everything that belongs to a cluster")
    down.set_defaults(command=_down)
    status = commands.add_parser("status", help="tell what runs, and where")
    status.set_defaults(command=_status)
    for command in (up, down, status):
        command.add_argument("--name", default=usual.name, help="the cluster's name (default: %(default)s)")
    return parser


def _tell(line: str) -> None:
    print(line, flush=True)


def _build(_options: argparse.Namespace) -> None:
    binaries = Binaries.ready(progress=_tell)
    _tell(f"{binaries.components}\n{binaries.prometheus}")


def _up(options: argparse.Namespace) -> None:
    spec = ClusterSpec(name=options.name, nodes=options.nodes, gpus_per_node=options.gpus)
    cluster = LocalCluster.start(spec, progress=_tell)
    try:
        if options.programs:
            cluster.start_extender()
            cluster.start_autoscaler()
    except BaseException:
        cluster.close()
        raise
    cluster.leave_running()
    _status(options)


def _down(options: argparse.Namespace) -> None:
    ended = sweep(ClusterFiles.named(options.name))
    _tell(f"ended: {', '.join(ended)}" if ended else f"no process of the cluster {options.name} was running")


def _status(options: argparse.Namespace) -> None:
    files = ClusterFiles.named(options.name)
    processes = Processes(files.processes, files.logs)
    if not processes.names():
        raise LocalProblem(f"no cluster {options.name}: python -m deploy.local up --name {options.name} starts one")
    for name in processes.names():
        pid = processes.pid(name)
        _tell(f"{name:<24} {'ended' if pid is None else f'pid {pid}':<12} {processes.log(name)}")
    for what, value in json.loads(files.description.read_text()).items():
        _tell(f"{what:<24} {value}")


if __name__ == "__main__":
    # A polite end is an end like Ctrl-C: what was started is ended too.
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main())
