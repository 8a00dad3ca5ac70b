"""Which figures stand in docs/benchmarks.md? Those that this wrote: each table between its own two markers."""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.benchmarks import binding

PAGE = Path("docs/benchmarks.md")


def main() -> int:
    """Run every measurement and rewrite its table."""
    rates = binding.measure(lambda line: print(line, flush=True))
    rows = [
        "| | pods bound per second: median (least to most) |",
        "|---|---|",
        *(
            f"| {arm.title} | {median(rate):.0f} ({min(rate):.0f} to {max(rate):.0f}) |"
            for arm, rate in ((binding.WITHOUT, rates.without), (binding.WITH, rates.with_extender))
        ),
        f"| **with over without**, median of the rounds' ratios | **{rates.ratio:.2f}** |",
        f"| fullest device after any burst, milli-GPU | {rates.fullest} |",
        "",
        (
            f"{binding.ROUNDS} rounds of {binding.PODS} pods, {binding.NODES} nodes of {binding.GPUS_PER_NODE} GPUs; "
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}."
        ),
    ]
    text = PAGE.read_text()
    marked = re.compile(r"(<!-- binding: begin -->\n).*(<!-- binding: end -->)", re.DOTALL)
    PAGE.write_text(marked.sub(lambda found: found[1] + "\n".join(rows) + "\n" + found[2], text))
    print("\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
