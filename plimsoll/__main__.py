"""The command line: `plimsoll` or `kubectl plimsoll`."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from deploy.local import LocalProblem
from deploy.local.places import clusters_directory
from plimsoll.asking import AskingError
from plimsoll.check import app as check
from plimsoll.demo import app
from plimsoll.demo.core.story import generated_load, traced_load, whole
from plimsoll.demo.core.trace import TraceError
from plimsoll.demo.ground import Ground, chosen
from plimsoll.demo.problem import DemoError
from plimsoll.demo.shell.screens import Lines, LiveScreen
from plimsoll.demo.shell.trace_file import read_trace
from plimsoll.explain import command as explain
from plimsoll.explain.problem import ExplainError
from plimsoll.gpus import command as gpus
from plimsoll.observe import command as observe
from plimsoll.observe.problem import ObserveError
from plimsoll.projects import command as projects

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


def main() -> None:
    """Do what the command line asks for; what goes wrong is one sentence, and the exit status is 1."""
    given = _parser().parse_args()
    try:
        status = given.run(given, _say)
    except (TraceError, LocalProblem, DemoError, AskingError, ExplainError, ObserveError) as problem:
        sys.exit(f"plimsoll: {problem}")
    except KeyboardInterrupt:
        _say("ended early; nothing is left running")
        sys.exit(_INTERRUPTED)
    if status:
        sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plimsoll", description="Keep GPU inference at its load line.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    checking = commands.add_parser(
        "check",
        help="tell what is wrong with ConfigMaps and annotations before they are applied",
        description="Check config-autoscaler, config-deployment, config-extender, config-projects and the annotations "
        "of workloads in YAML files, with no cluster. Every problem is told with file, line, key, value and rule; exit "
        "status 0 without any, else 2.",
    )
    checking.add_argument(
        "files", nargs="+", metavar="FILE", help="YAML, several documents or Lists; - for standard input"
    )
    checking.set_defaults(run=lambda given, say: check.run(given.files, say))
    demo = commands.add_parser(
        "demo",
        help="watch real requests raise and lower replicas",
        description="Start a cluster on this machine, send real HTTP requests to inference workloads on its fake GPU "
        "nodes, show how Plimsoll scales and packs them, and end by itself: on the embedded cluster in about a minute, "
        "on a real control plane within five.",
    )
    demo.add_argument(
        "--cluster",
        choices=[ground.value for ground in Ground],
        help="real: etcd, kube-apiserver, kube-scheduler, KWOK and Prometheus, built on first use; embedded: a small "
        "cluster in this process; default: real where it is built, else embedded",
    )
    demo.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="follow the requests in FILE, CSV or CSV.gz with the columns t_s, in_tokens, out_tokens; "
        "without it a calm, a burst and a calm are generated",
    )
    demo.add_argument(
        "--compress",
        type=_factor,
        metavar="X",
        help="let the trace run X times as fast; by default as fast as it takes to see the whole of it",
    )
    demo.add_argument("--seed", type=int, default=1, help="of the generated load, and of the thinning of a trace")
    demo.add_argument("--report", type=Path, metavar="FILE", help="where the HTML report goes")
    demo.add_argument(
        "--name", default="demo", help="of the local cluster; a second demo beside this one needs another"
    )
    demo.add_argument("--plain", action="store_true", help="print lines instead of the live view")
    demo.set_defaults(run=_demo)
    explain.add_commands(commands)
    gpus.add_command(commands)
    projects.add_command(commands)
    observe.add_command(commands)
    return parser


def _demo(given: argparse.Namespace, say: Callable[[str], None]) -> int:
    app.run(_plan(given), Lines(say) if _plain(given.plain) else LiveScreen(Console()), say)
    return 0


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not (math.isfinite(factor) and factor > 0):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0")
    return factor


def _plan(given: argparse.Namespace) -> app.Plan:
    report = _writable(given.report or _own_report())
    ground = chosen(given.cluster)
    tempo = ground.tempo
    if given.trace is None:
        if given.compress is not None:
            raise TraceError("--compress speeds a trace up: give one with --trace")
        load, origin = generated_load(given.seed, tempo), f"Generated load, seed {given.seed}"
    else:
        trace = read_trace(given.trace)
        compress = given.compress or whole(trace, tempo)
        load, origin = (
            traced_load(trace, compress, given.seed, tempo=tempo),
            f"Trace {given.trace.name}, {compress:.3g} times as fast",
        )
    return app.Plan(given.name, load, origin, report, ground)


def _own_report() -> Path:
    """Return a new file in our own directory of reports, which is made.

    Raises:
        DemoError: it cannot be.
    """
    reports = clusters_directory().parent / "reports"
    try:
        reports.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(f"the directory of reports {reports} cannot be made: {error.strerror}") from error
    return reports / time.strftime("demo-%Y%m%d-%H%M%S.html")


def _writable(report: Path) -> Path:
    """Return `report` if it can be written: better refused now than after three minutes.

    Raises:
        DemoError: it cannot be. No directory is made for it: a name that was mistyped would make one.
    """
    there = report.exists()
    try:
        with report.open("ab"):  # root may write everywhere by the mode bits alone: only the try tells
            pass
        if not there:
            report.unlink()
    except OSError as error:
        why = "there is no such directory" if isinstance(error, FileNotFoundError) else error.strerror
        raise DemoError(f"the report {report} cannot be written ({why}): choose another file with --report") from error
    return report


def _plain(asked: bool) -> bool:  # noqa: FBT001  a flag of the command line
    """Tell whether lines are wanted: asked for, no terminal, or one without colours and cursor."""
    return asked or not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"


def _say(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:
        # Nobody reads any more (a closed pipe or terminal): end as after Ctrl-C, and say the rest to nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise KeyboardInterrupt from None


if __name__ == "__main__":
    main()
