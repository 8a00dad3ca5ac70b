"""What do we answer to recorded cases of the original? `python -m tests.conformance KIND`, a case a line, in order."""

from __future__ import annotations

import json
import sys
from importlib import import_module

KINDS = ("kpa", "window", "scaler", "config")


def main(arguments: list[str]) -> int:
    """Answer each line of standard input with one of standard output."""
    if len(arguments) != 1 or arguments[0] not in KINDS:
        print(f"usage: python -m tests.conformance {'|'.join(KINDS)} < CASES", file=sys.stderr)
        return 2
    answer = import_module(f"tests.conformance.{arguments[0]}").answer
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(answer(json.loads(line))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
