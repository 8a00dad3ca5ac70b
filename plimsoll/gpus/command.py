"""What does `plimsoll gpus` do? Ask the extender for its devices, once or for as long as somebody looks, and print."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec

from extender.core.devices import Wanted
from plimsoll.asking import AwayError, add_server_flags, server_of
from plimsoll.explain.core.times import utc
from plimsoll.gpus.core.picture import picture
from plimsoll.gpus.shell import server as servers
from plimsoll.gpus.shell.documents import document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from extender.core.devices import MappedNode
    from plimsoll.asking import Server

    Say = Callable[[str], None]

_PAUSE_S = 1.0  # between two tries to reach an extender that went away
_OF_BEFORE = "The map above is of before; it goes on when the extender answers."
_FROM_THE_TOP = "\x1b[H\x1b[2J"


def add_command(commands: Any) -> None:
    """Add the command to a parser's `add_subparsers`; `run` of what is parsed does it and returns the status."""
    gpus = commands.add_parser(
        "gpus",
        help="show every GPU, who holds it, and what is free",
        description="Print the GPUs of every node with the pods on them; of more than a dozen nodes the sums, and a "
        "line for each node that is neither full nor free.",
    )
    gpus.add_argument("--node", default="", metavar="PATTERN", help="only nodes of such a name, such as 'gpu-0*'")
    gpus.add_argument("--model", default="", metavar="PATTERN", help="only nodes with GPUs of such a model: '*a100*'")
    gpus.add_argument("-v", "--verbose", action="store_true", help="show every pod, however many nodes there are")
    gpus.add_argument("-w", "--watch", action="store_true", help="show it anew on each change, until Ctrl-C")
    add_server_flags(gpus, servers.EXTENDER)
    gpus.add_argument("-o", "--output", choices=("text", "json"), default="text",
                      help="json: one document, with --watch one a line on each change")  # fmt: skip
    gpus.set_defaults(run=_gpus)


def _gpus(given: argparse.Namespace, say: Say) -> int:
    server, wanted = server_of(given, servers.EXTENDER), Wanted(given.node, given.model)
    if not given.watch:
        nodes = servers.devices(server, wanted)
        say(_json(nodes, indent=2) if given.output == "json" else picture(nodes, verbose=given.verbose))
        return 0
    try:
        for nodes in _watched(server, wanted):
            say(_json(nodes, indent=0) if given.output == "json" else _screen(nodes, verbose=given.verbose))
    except KeyboardInterrupt:
        pass  # the way to end it
    return 0


def _watched(server: Server, wanted: Wanted) -> Iterator[tuple[MappedNode, ...]]:
    """Give the wanted nodes on each change; once they were seen, an extender that goes away is waited for.

    Raises:
        AskingError: it does not answer at first, or refuses.
    """
    seen = answering = False
    while True:
        try:
            for nodes in servers.watched(server, wanted):
                seen = answering = True
                yield nodes
        except AwayError as error:
            if not seen:
                raise
            if answering:
                sys.stderr.write(f"plimsoll: {error}\n{_OF_BEFORE}\n")
                sys.stderr.flush()
            answering = False
        _pause()


def _pause() -> None:
    time.sleep(_PAUSE_S)


def _screen(nodes: Iterable[MappedNode], *, verbose: bool) -> str:
    now = utc(time.time_ns() // 1_000_000)
    lines = [f"{now}; Ctrl-C ends", "", *picture(tuple(nodes), verbose=verbose).splitlines()]
    if not sys.stdout.isatty():
        return "\n".join((*lines, ""))
    size = shutil.get_terminal_size()
    return _FROM_THE_TOP + "\n".join(cropped(lines, size.lines - 1, size.columns))


def cropped(lines: list[str], height: int, width: int) -> list[str]:
    """Return as many lines as a screen has room for; the last line, with the sums, stays."""
    if len(lines) > height:
        left_out = len(lines) - (height - 2)
        lines = [*lines[: height - 2], f"... {left_out - 1} more lines: narrow it with --node or --model", lines[-1]]
    return [line[:width] for line in lines]


def _json(nodes: Iterable[MappedNode], *, indent: int) -> str:
    text = msgspec.json.encode(document(nodes))
    return (msgspec.json.format(text, indent=indent) if indent else text).decode()
