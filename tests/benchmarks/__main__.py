"""Which figures stand in docs/benchmarks.md? Those that this wrote: each table between its own two markers.

`python -m tests.benchmarks` measures all of them, with names only those.
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import (
    binding,
    churning,
    failover,
    failover_extender,
    gang_planning,
    gang_rounds,
    gang_scale,
    isolation,
    killing,
    latency,
    law,
    listing,
    loop,
    packing,
    predicates,
    preemption_killing,
    preemption_planning,
    preemption_scale,
    relay,
    restart,
    serving,
    starting,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path("docs/benchmarks.md")
TABLES: dict[str, Callable[[Callable[[str], None]], list[str]]] = {
    "law": law.table,
    "loop": loop.table,
    "binding": binding.table,
    "killing": killing.table,
    "churn": churning.table,
    "starting": starting.table,
    "latency": latency.table,
    "failover": failover.table,
    "failover-extender": failover_extender.table,
    "isolation": isolation.table,
    "restart": restart.table,
    "serving": serving.table,
    "relay": relay.table,
    "listing": listing.table,
    "predicates": predicates.table,
    "gang-planning": gang_planning.table,
    "gang-rounds": gang_rounds.two,
    "gang-killing": gang_rounds.killed,
    "gang-scale": gang_scale.table,
    "preemption-killing": preemption_killing.table,
    "preemption-planning": preemption_planning.table,
    "preemption-scale": preemption_scale.table,
    "packing": packing.staying,
    "packing-cost": packing.cost,
    "packing-learning": packing.learning,
    "packing-leaving": packing.leaving,
}


def main(names: list[str]) -> int:
    """Measure what is named, or everything, and rewrite each table as soon as it is measured."""
    unknown = sorted(set(names) - set(TABLES))
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(TABLES)}", file=sys.stderr)
        return 2
    for name in names or TABLES:
        lines = TABLES[name](lambda line: print(line, flush=True))
        lines[-1] += f" {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}."
        write(name, lines)
        print("\n".join(lines))
    return 0


def write(name: str, lines: list[str]) -> None:
    """Put lines between the two markers of a table."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, _, rest = PAGE.read_text().partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text("".join((before, begin, *(f"{line}\n" for line in lines), end, after)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
