"""What do we decide where Knative decided? `python -m tests.conformance KIND` answers recorded cases.

One case a line on standard input, one answer a line on standard output, in order. A kind's module beside this one has
`answer(case)`; cases may come without the recorded outputs. A case that cannot be answered is answered with `error`
and told on standard error, the others are answered all the same, and the exit status is 1.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

KINDS = ("config", "kpa", "scaler", "window")


def main() -> None:
    """Answer every case of the kind that the command line names."""
    if len(sys.argv) != 2 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: python -m tests.conformance {{{','.join(KINDS)}}} < CASES")
    kind = importlib.import_module(f"tests.conformance.{sys.argv[1]}")
    unanswered = 0
    for line in sys.stdin.buffer:
        if line.strip():
            answer, error = _answer(kind, line)
            unanswered += bool(error)
            sys.stderr.write(error)
            # Answered as they come: whoever asks may wait for one answer before the next case.
            print(answer, flush=True)
    sys.exit(1 if unanswered else 0)


def _answer(kind: ModuleType, line: bytes) -> tuple[str, str]:
    """Return a line to answer with, and what to tell where it is no answer."""
    case = {}
    try:
        case = json.loads(line)
        return json.dumps(kind.answer(case), allow_nan=False), ""
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        told = {"id": case.get("id") if isinstance(case, dict) else None, "error": repr(error)}
        return json.dumps(told), traceback.format_exc()


if __name__ == "__main__":
    main()
