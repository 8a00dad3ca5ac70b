"""Does an autoscaler that is restarted every 90 s through two hours decide as one that never was?

On a real Prometheus that holds the history: loads of a dozen kinds of workloads, one with a latency target among them,
and what the uninterrupted autoscaler exported, scraped every 2 s or every 15 s. Time is an argument. Every decision of
every tick is compared: replicas wanted and decided, mode, panic and its floor.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.remote_write import RECEIVER
from tests.integration.restarting import KINDS, played
from tests.integration.scraping import running_prometheus

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH_S, _EVERY_S = 7200, 90


def table(progress: Callable[[str], None]) -> list[str]:
    """Play both; return the table."""
    lines = [
        "| the autoscaler is scraped | restarts | decisions | in panic | changes | came out otherwise | by workload |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for own_s in (2, 15):
        with tempfile.TemporaryDirectory() as home, running_prometheus(Path(home), [], RECEIVER) as url:
            begin_s = int(time.time()) - _LENGTH_S - 60
            outcome = played(url, begin_s, length_s=_LENGTH_S, every_s=_EVERY_S, own_s=own_s)
        other = sum(outcome.other.values())
        by_name = ", ".join(f"{name} {count}" for name, count in sorted(outcome.other.items())) or "none"
        lines.append(
            f"| every {own_s} s | {outcome.restarts} | {outcome.compared} | {outcome.panics} | {outcome.changes} "
            f"| {other} ({other / outcome.compared:.1%}) | {by_name} |"
        )
        progress(lines[-1])
        for sentence in outcome.first[:20]:
            progress(sentence)
    lines += ["", f"{_LENGTH_S} s, {len(KINDS)} workloads, a restart every {_EVERY_S} s."]
    return lines
