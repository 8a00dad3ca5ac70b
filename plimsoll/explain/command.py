"""What do `plimsoll explain` and `plimsoll workloads` do? Ask, or read a file, and print."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from autoscaler.core.decisions.decision import decide_again
from autoscaler.shell.record_text import NotARecordError
from plimsoll.asking import add_server_flags, server_of
from plimsoll.explain.core.pods import explained as explained_pod
from plimsoll.explain.core.replay import again
from plimsoll.explain.core.table import table
from plimsoll.explain.core.text import explained
from plimsoll.explain.problem import ExplainError
from plimsoll.explain.shell import documents, pods
from plimsoll.explain.shell import server as servers
from plimsoll.gpus.shell.server import EXTENDER

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    Say = Callable[[str], None]

SAME, NOT_SAME = 0, 2

POD = "pod"
"""The word before the name of a pod; a workload's name has a slash, so that none is taken for it."""


def add_commands(commands: Any) -> None:
    """Add both commands to a parser's `add_subparsers`; `run` of what is parsed does them and returns the status."""
    explain = commands.add_parser(
        "explain",
        usage="plimsoll explain [OPTIONS] NAMESPACE/NAME | pod NAMESPACE/NAME | --replay FILE",
        help="say why a workload has so many replicas, or why a pod waits or is where it is",
        description="Print the standing decision of a workload as a chain of steps, and the last changes of its "
        "replica count. With the word pod before the name: why a GPU pod waits, counted over nodes, or why it was "
        "placed where it is. With --replay: decide recorded decisions again (exit status 2 where one comes out "
        "otherwise).",
    )
    explain.add_argument("named", nargs="*", metavar="[pod] NAMESPACE/NAME")
    explain.add_argument("--kind", default="", help="where several kinds share the name, such as StatefulSet")
    explain.add_argument("-v", "--verbose", action="store_true", help="show every step, with its rule")
    explain.add_argument(
        "--replay", metavar="FILE", help="a record, or all that -o json printed; - is the standard input"
    )
    add_server_flags(explain, servers.AUTOSCALER, EXTENDER)
    _add_output(explain)
    explain.set_defaults(run=lambda given, say: _explain(given, say, explain))

    workloads = commands.add_parser(
        "workloads",
        help="list what is autoscaled, and its standing decisions",
        description="Print the standing decision of every workload, a row each.",
    )
    workloads.add_argument("-n", "--namespace", default="", help="only workloads of this namespace")
    add_server_flags(workloads, servers.AUTOSCALER)
    _add_output(workloads)
    workloads.set_defaults(run=_workloads)


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument("-o", "--output", choices=("text", "json"), default="text")


def _explain(given: argparse.Namespace, say: Say, parser: argparse.ArgumentParser) -> int:
    if bool(given.named) == (given.replay is not None):
        parser.error("name one workload as NAMESPACE/NAME, one pod as pod NAMESPACE/NAME, or a file with --replay")
    if given.replay is not None:
        return _replay(given.replay, say)
    if given.named[0] == POD and len(given.named) > 1:
        return _explain_pod(given, say, parser)
    if len(given.named) > 1:
        parser.error(f"one at a time: {given.named[0]} or {given.named[1]}")
    namespace, name = _name(given.named[0], "chat/llama: plimsoll workloads lists them")
    told = servers.explain(server_of(given, servers.AUTOSCALER), namespace, name, given.kind)
    say(_json(documents.one(told)) if given.output == "json" else explained(told, _now_ms(), verbose=given.verbose))
    return 0


def _explain_pod(given: argparse.Namespace, say: Say, parser: argparse.ArgumentParser) -> int:
    if len(given.named) > 2 or given.kind:
        parser.error("one pod at a time, and --kind is for workloads")
    told = pods.explain(
        server_of(given, EXTENDER), *_name(given.named[1], "chat/llama-0: kubectl get pods -A lists them")
    )
    say(_json(pods.document(told)) if given.output == "json" else explained_pod(told, _now_ms()))
    return 0


def _name(text: str, example: str) -> tuple[str, str]:
    namespace, slash, name = text.partition("/")
    if not (slash and namespace and name) or "/" in name:
        raise ExplainError(f'"{text}" must be NAMESPACE/NAME, such as {example}')
    return namespace, name


def _workloads(given: argparse.Namespace, say: Say) -> int:
    told = servers.workloads(server_of(given, servers.AUTOSCALER), given.namespace)
    say(_json(documents.many(told)) if given.output == "json" else table(told, _now_ms()))
    return 0


def _replay(file: str, say: Say) -> int:
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        records = documents.records(msgspec.json.decode(text))
    except OSError as error:
        raise ExplainError(f"{file} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ExplainError(f"{file} is no JSON: {error}") from error
    except NotARecordError as error:
        raise ExplainError(f"{file} holds no record: {error}") from error
    same, says = again(records, decide_again)
    say(says)
    return SAME if same else NOT_SAME


def _json(document: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
