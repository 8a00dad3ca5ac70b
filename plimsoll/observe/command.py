"""What does `plimsoll observe` do? Ask Prometheus, compare, and print or draw."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from autoscaler.shell import sources
from plimsoll.observe.core.comparison import compared
from plimsoll.observe.core.document import document
from plimsoll.observe.core.history import Standing, moments
from plimsoll.observe.core.period import SINCE, Asked, period
from plimsoll.observe.core.text import Observed, drawn, told
from plimsoll.observe.problem import ObserveError
from plimsoll.observe.shell.asking import Workload, ask

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    Say = Callable[[str], None]


def add_command(commands: Any) -> None:
    """Add the command to a parser's `add_subparsers`; `run` of what is parsed does it and returns the status."""
    observe = commands.add_parser(
        "observe",
        help="compare what was decided with what another autoscaler did",
        description="Compare, from Prometheus, the replicas that Plimsoll decided on while it only observed (mode "
        "observe) with those that another autoscaler asked for: over time, in replica-minutes and in GPU-minutes.",
    )
    observe.add_argument("workload", metavar="NAMESPACE/NAME")
    observe.add_argument("--kind", default="", help="where several kinds share the name, such as StatefulSet")
    observe.add_argument("--since", default="", metavar="DURATION", help=f"how far back it begins (default: {SINCE})")
    observe.add_argument("--from", dest="begin", default="", metavar="TIME",
                         help="when it begins, such as 2026-11-25T18:00 (UTC without an offset)")  # fmt: skip
    observe.add_argument("--to", dest="end", default="", metavar="TIME", help="when it ends (default: now)")
    observe.add_argument("--step", default="", metavar="DURATION", help="how finely (default: by the length)")
    observe.add_argument("--plot", type=Path, metavar="FILE", help="draw both as a picture, FILE.svg")
    observe.add_argument("-o", "--output", choices=("text", "json"), default="text")
    group = observe.add_argument_group("how Prometheus is reached, as by the autoscaler")
    group.add_argument("--prometheus-url", type=sources.url, required=True, metavar="URL",
                       help="where Prometheus answers")  # fmt: skip
    sources.add_access_flags(group)
    observe.set_defaults(run=_observe)


def _observe(given: argparse.Namespace, say: Say) -> int:
    namespace, slash, name = given.workload.partition("/")
    if not (slash and namespace and name) or "/" in name:
        raise ObserveError(
            f'"{given.workload}" must be NAMESPACE/NAME, such as chat/llama: plimsoll workloads lists them'
        )
    if given.plot is not None and given.plot.suffix != ".svg":
        raise ObserveError(f"--plot {given.plot} must end in .svg: the picture is written as SVG")
    over = period(Asked(given.since, given.begin, given.end, given.step), time.time())
    problems = sources.problems(given)
    if problems:
        raise ObserveError("; ".join(problems))
    workload = Workload(namespace, name, given.kind)
    found = ask(sources.access(given), given.prometheus_replica_label, workload, over)
    seen = moments(found.exporters, found.leading, over)
    observed = Observed(str(workload), found.kind, over, seen, compared(seen, over))
    if not observed.comparison.by_standing[Standing.COMPARED]:
        raise ObserveError(_nothing(observed))
    if given.plot is not None:
        _write(given.plot, drawn(observed))
    say(_json(document(observed)) if given.output == "json" else told(observed))
    return 0


def _nothing(observed: Observed) -> str:
    """Return why there is no moment to compare."""
    seconds = observed.comparison.by_standing
    if seconds[Standing.SCALED]:
        return (
            f"nothing to compare: Plimsoll scaled {observed.name} by itself in this period; annotate it "
            "plimsoll.dev/mode: observe, and let another autoscaler scale it"
        )
    if seconds[Standing.LEFT]:
        return f"nothing to compare: {observed.name} was scaled to zero all the time, so nothing was decided"
    return f"Prometheus has nothing of {observed.name} in this period that is whole enough to compare"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as error:
        raise ObserveError(f"the picture {file} cannot be written: {error.strerror}") from error


def _json(values: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(values), indent=2).decode()
