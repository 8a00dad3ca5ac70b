"""`plimsoll check FILE...`: read the files, tell what is wrong, answer with an exit status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.check.documents import UnreadableError, documents
from plimsoll.check.findings import check

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plimsoll.check.documents import Document

FINE, PROBLEMS = 0, 2
"""Exit statuses: nothing that would be refused; something that would, or that cannot be read."""

_STANDARD_INPUT = "-"
_NOT_OURS = "warning: nothing here is for Plimsoll: neither its ConfigMaps nor a workload with its label or annotations"


def run(files: Sequence[str], say: Callable[[str], None]) -> int:
    """Check `files` (`-`: standard input), say every finding and how many there are, return the exit status."""
    read: list[Document] = []
    empty, unreadable = 0, 0
    for file in files:
        try:
            found = documents(file, _text(file))
        except OSError as error:
            say(f"{file}: it cannot be read: {error.strerror}")
            unreadable += 1
        except UnicodeDecodeError:
            say(f"{file}: it cannot be read: it is not UTF-8 text")
            unreadable += 1
        except UnreadableError as error:
            say(f"{file}: it is not YAML: {error}")
            unreadable += 1
        else:
            read += found
            if not found:
                say(f"{file}: warning: it holds no Kubernetes object")
                empty += 1
    checked = check(read)
    for finding in checked.findings:
        say(str(finding))
    if read and not checked.objects:
        say(_NOT_OURS)
        empty += 1
    problems = unreadable + sum(finding.problem for finding in checked.findings)
    warnings = empty + sum(not finding.problem for finding in checked.findings)
    say(f"{_count(checked.objects, 'object')} checked: {_count(problems, 'problem')}, {_count(warnings, 'warning')}")
    return PROBLEMS if problems else FINE


def _text(file: str) -> str:
    if file == _STANDARD_INPUT:
        return sys.stdin.buffer.read().decode()
    return Path(file).read_bytes().decode()


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
