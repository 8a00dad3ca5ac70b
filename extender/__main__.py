"""The extender's command line."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ASIDE = ("relay", "replay")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's own) name; return the exit status.

    A command imports what it needs and no more: whoever waits for the relay waits for neither numpy nor gRPC.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] and given[0] in _ASIDE:
        return int(getattr(import_module(f"extender.{given[0]}.command"), given[0])(given[1:]))
    return int(import_module("extender.command").run(given))


if __name__ == "__main__":
    sys.exit(main())
