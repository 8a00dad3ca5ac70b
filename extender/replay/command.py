"""How is a replay asked for and told? Flags in; progress on stderr, a table on stdout, a picture in a file.

Exit status: 0; 2 for a flag or a file that cannot be used, with one sentence on stderr; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extender.replay.churn import Load, churn
from extender.replay.inflation import inflate
from extender.replay.picture import picture
from extender.replay.policies import ALSO, OURS, POLICIES
from extender.replay.reading import read
from extender.replay.text import churn_json, churn_table, inflation_json, inflation_table
from extender.replay.trace import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from extender.replay.churn import Churn
    from extender.replay.inflation import Inflation
    from extender.replay.trace import Trace

PROGRAM = "plimsoll-extender replay"
_PURPOSE = (
    "Play a trace of a cluster through the core that serves kube-scheduler; tell how much of its GPUs is allocated. "
    "The files have the format of the openb trace (cluster-trace-gpu-v2023), plain or gzipped."
)
_UNUSABLE, _INTERRUPTED = 2, 130
_FILES = {
    "--nodes": "table: sn, cpu_milli, memory_mib, gpu, model",
    "--pods": "table: name, cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec",
    "--order": "a line with the rank of each node, then one row of the table of pods a line",
}
_POLICY_HELP = f"{', '.join(POLICIES)}; may be given again, to compare (default: {OURS})"
_LEARN_HELP = "learn the typical pods on the way; else they are those of the table of pods"


def replay(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status."""
    chosen = _flags().parse_args(arguments)
    policies = list(dict.fromkeys(chosen.policy or [OURS]))
    try:
        if chosen.plot is not None:
            _writable(chosen.plot)
        trace = read(chosen.nodes, chosen.pods, chosen.order)
        if chosen.churn:
            _churn(trace, policies, chosen)
        else:
            _inflate(trace, policies, chosen)
        sys.stdout.flush()
    except OSError as error:
        where = error.filename or "standard output"
        sys.stderr.write(f"{PROGRAM}: {where} cannot be written: {error.strerror}; what was found is not told whole\n")
        _silence(sys.stdout)
        return _UNUSABLE
    except BadInput as problem:
        sys.stderr.write(f"{PROGRAM}: {problem}\n")
        return _UNUSABLE
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{PROGRAM}: interrupted; what was not finished is not told\n")
        return _INTERRUPTED
    return 0


def _inflate(trace: Trace, policies: Sequence[str], chosen: argparse.Namespace) -> None:
    done: list[Inflation] = []
    for policy in policies:
        progress = _Progress(sys.stderr, policy)

        def heard(pods: int, allocated: float, progress: _Progress = progress) -> None:
            progress.hear(pods / len(trace.arrivals), allocated)

        done.append(
            inflate(trace, policy, POLICIES[policy], learn=chosen.learn, clock=time.process_time_ns, heard=heard)
        )
        progress.end()
    _tell(inflation_table(done))
    if chosen.plot is not None:
        _draw(chosen.plot, picture(f"{chosen.pods.name} on {chosen.nodes.name}", done))
    if chosen.json:
        _tell([inflation_json(one) for one in done])


def _churn(trace: Trace, policies: Sequence[str], chosen: argparse.Namespace) -> None:
    load = Load(chosen.load, chosen.hours, chosen.seed)
    done: list[Churn] = []
    for policy in policies:
        progress = _Progress(sys.stderr, policy)
        done.append(
            churn(
                trace,
                policy,
                POLICIES[policy],
                load,
                learn=chosen.learn,
                clock=time.process_time_ns,
                heard=progress.hear,
            )
        )
        progress.end()
    _tell(churn_table(done))
    if chosen.json:
        _tell([churn_json(one) for one in done])


def _tell(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _draw(path: Path, drawn: str) -> None:
    try:
        path.write_text(drawn)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk names no file


def _silence(out: TextIO) -> None:
    """Let what is left to be written go nowhere: the interpreter writes it when it ends, and fails again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _writable(path: Path) -> None:
    """Refuse a picture that cannot be written before the replay begins."""
    was_there = path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise BadInput(str(path), f": the picture must be a file that can be written: {error.strerror}") from error
    if not was_there:
        path.unlink()


@dataclass(slots=True)
class _Progress:
    """How far a replay is: on a terminal one line that changes, else a line for each quarter."""

    out: TextIO
    policy: str
    told: int = 0

    def hear(self, share: float, allocated: float) -> None:
        step = int(share * 100) if self.out.isatty() else int(share * 4) * 25
        if step > self.told:
            self.told = step
            line = f"{self.policy}: {step} % played, {allocated:.1f} % of the GPUs allocated"
            self.out.write(f"\r{line} " if self.out.isatty() else f"{line}\n")
            self.out.flush()

    def end(self) -> None:
        if self.out.isatty() and self.told:
            self.out.write("\n")


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=_PURPOSE)
    for name, what in _FILES.items():
        parser.add_argument(name, type=Path, required=True, metavar="FILE", help=what)
    parser.add_argument("--policy", action="append", type=_policy, metavar="NAME", help=_POLICY_HELP)
    parser.add_argument("--learn", action="store_true", help=_LEARN_HELP)
    parser.add_argument("--json", action="store_true", help="end with a line of JSON for each policy")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the allocation curve as SVG; not with --churn")
    parser.add_argument("--churn", action="store_true", help="give pods a lifetime: exponential, a mean of an hour")
    group = parser.add_argument_group("with --churn")
    group.add_argument("--load", type=_load, default=97, metavar="PERCENT", help="offered (default: %(default)s)")
    group.add_argument("--hours", type=_hours, default=3.0, help="measured (default: %(default)s)")
    group.add_argument("--seed", type=_seed, default=1, help="draws times and lifetimes (default: %(default)s)")
    return parser


def _policy(text: str) -> str:
    name = ALSO.get(text, text)
    if name not in POLICIES:
        raise argparse.ArgumentTypeError(f'"{text}" must be one of {", ".join((*POLICIES, *ALSO))}')
    return name


def _load(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 200):
        raise argparse.ArgumentTypeError(f'"{text}" must be a whole percentage from 1 to 200')
    return int(text)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0.1 <= hours <= 1000:
        raise argparse.ArgumentTypeError(f'"{text}" must be a number from 0.1 to 1000')
    return hours


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise argparse.ArgumentTypeError(f'"{text}" must be a whole number')
    return int(text)
