"""What do we decide where Knative decided? `python -m tests.conformance KIND` answers recorded cases.

One case a line on standard input, one answer a line on standard output, in order. A kind's module beside this one has
`answer(case)`; cases may come without the recorded outputs.
"""

from __future__ import annotations

import importlib
import json
import sys

KINDS = ("config", "kpa", "scaler", "window")


def main() -> None:
    """Answer every case of the kind that the command line names."""
    if len(sys.argv) != 2 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: python -m tests.conformance {{{','.join(KINDS)}}} < CASES")
    kind = importlib.import_module(f"tests.conformance.{sys.argv[1]}")
    for line in sys.stdin:
        if line.strip():
            # Answered as they come: whoever asks may wait for one answer before the next case.
            print(json.dumps(kind.answer(json.loads(line)), allow_nan=False), flush=True)


if __name__ == "__main__":
    main()
