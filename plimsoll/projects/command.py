"""What does `plimsoll projects` do? Ask the extender how the projects stand, and print it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from plimsoll.asking import add_server_flags, server_of
from plimsoll.gpus.shell import server as servers
from plimsoll.projects.core.table import projects_table
from plimsoll.projects.shell.documents import document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add_command(commands: Any) -> None:
    """Add the command to a parser's `add_subparsers`; `run` of what is parsed does it and returns the status."""
    projects = commands.add_parser(
        "projects",
        help="show the quota of every project, who uses it, and what waits",
        description="Print, of every project of config-projects, its quota in GPUs, what is left of it, what its pods "
        "hold or are promised by kind, what of that is beyond the quota, and how many pods wait for how many GPUs.",
    )
    projects.add_argument("name", nargs="?", default="", help="only projects of such a name, such as 'search*'")
    add_server_flags(projects, servers.EXTENDER)
    projects.add_argument("-o", "--output", choices=("text", "json"), default="text")
    projects.set_defaults(run=_projects)


def _projects(given: argparse.Namespace, say: Callable[[str], None]) -> int:
    accounts = servers.accounts(server_of(given, servers.EXTENDER), given.name)
    if given.output == "json":
        say(msgspec.json.format(msgspec.json.encode(document(accounts)), indent=2).decode())
    else:
        say(projects_table(accounts))
    return 0
