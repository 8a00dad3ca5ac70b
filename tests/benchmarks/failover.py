"""How long does it take until the other of two autoscalers leads, and what is written meanwhile?

Fifty workloads at rest on the real control plane, two autoscalers behind wires of their own, and the leader suffers: it
is killed, stopped, cut from the API server or from Prometheus (where the other cannot do better, and nobody takes
over). The time is that from the misfortune until the other says that it leads. What is counted at the API server must
be nothing: no count changes, none is written.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from deploy.local import ClusterSpec, LocalCluster
from tests.e2e import pods
from tests.e2e.fifty import WORKLOADS, Fifty
from tests.e2e.standby import Misfortune, Pair, Standby, suffering, wait
from tests.e2e.test_many_workloads import scale_writes
from tests.integration.scraping import serving_pages

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 20
_SETTLED_S = 5.0
_NAMESPACE = "failover"


def table(progress: Callable[[str], None]) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    lines = [
        "| the leader is | the other leads after, s: median (least to most) | counts changed | counts written |",
        "|---|---|---:|---:|",
    ]
    spec = ClusterSpec(name="bars-failover", nodes=4, gpus_per_node=4)
    with (
        LocalCluster.start(spec, progress=progress) as cluster,
        serving_pages() as page,
        tempfile.TemporaryDirectory() as logs,
    ):
        page.pages["/metrics"] = ""
        cluster.scrape_targets.write_text(json.dumps([{"targets": [f"127.0.0.1:{page.port}"]}]))
        pods.create_namespace(cluster, _NAMESPACE)
        with Pair((Standby(cluster, "one", Path(logs)), Standby(cluster, "two", Path(logs)))) as pair:
            workloads = Fifty(cluster, _NAMESPACE, page)
            for each in pair.both:
                wait("every workload is decided on", lambda each=each: each.decided(_NAMESPACE) == WORKLOADS, 60.0)  # type: ignore[misc]
            for misfortune in Misfortune:
                lines.append(_row(cluster, pair, workloads, misfortune))
                progress(lines[-1])
    lines += ["", f"{ROUNDS} rounds each, {WORKLOADS} workloads, lease 8 s / 6 s / 2 s."]
    return lines


def _row(cluster: LocalCluster, pair: Pair[Standby], workloads: Fifty, misfortune: Misfortune) -> str:
    before, writes = workloads.counts(), scale_writes(cluster)
    taken: list[float] = []
    for _ in range(ROUNDS):
        with suffering(pair, misfortune) as (_, taken_s):
            taken += [] if taken_s is None else [taken_s]
            time.sleep(_SETTLED_S)
        time.sleep(_SETTLED_S)
    after = workloads.counts()
    changed = sum(after[name] != count for name, count in before.items())
    times = f"{median(taken):.1f} ({min(taken):.1f} to {max(taken):.1f})" if taken else "nobody takes over"
    return f"| {misfortune.value} | {times} | {changed} | {scale_writes(cluster) - writes} |"
