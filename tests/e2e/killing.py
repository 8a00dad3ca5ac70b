"""What is left when the extender is killed while it places pods? One round, for the test and the long measurement.

Three hundred pods of five shares are created at once on a cluster that they nearly fill; when a given number of them is
bound, by the extender's own count, it is killed with SIGKILL and started again. The round ends when every pod is bound
and the extender holds nothing but what is bound.
"""

from __future__ import annotations

import re
import threading
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.local import ClusterSpec
from tests.e2e import pods

if TYPE_CHECKING:
    from deploy.local import LocalCluster

PODS, NODES, GPUS_PER_NODE = 300, 16, 8
LAST_POINT = 150  # a later kill may come when the last pod is bound already: seeing a count and killing take their time
_SHARES = ("0.25", "0.5", "0.3", "0.1", "0.7")
_HOLDINGS = re.compile(r'^plimsoll_extender_holdings\{state="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found.

    `bound_at_kill`: pods that were bound once the extender was dead; `fullest`: milli-GPU on the fullest device
    afterwards; `lost`: pods that are not bound; `left`: holdings of the extender that are not of bound pods; `seconds`
    from the kill until all that held.
    """

    bound_at_kill: int
    fullest: int
    lost: int
    left: int
    seconds: float


def spec(name: str) -> ClusterSpec:
    """Return the cluster of such rounds."""
    return ClusterSpec(name=name, nodes=NODES, gpus_per_node=GPUS_PER_NODE, prometheus=False, default_scheduler=False)


def wanted() -> list[dict[str, Any]]:
    """Return the pods of one round."""
    return [pods.fraction(f"p{number:03}", _SHARES[number % len(_SHARES)]) for number in range(PODS)]


def killed(cluster: LocalCluster, namespace: str, after: int) -> Round:
    """Run one round in a new namespace: kill the extender once `after` pods are bound."""
    pods.create_namespace(cluster, namespace)
    creating = threading.Thread(target=pods.create, args=(cluster, namespace, wanted()))
    creating.start()
    try:
        pods.wait_until(f"{after} pods bound", lambda: _held(cluster)["bound"] >= after, 180.0, every_s=0.01)
        cluster.kill("extender")
        at_kill = _bound(cluster, namespace)
    finally:
        creating.join()
    cluster.start_extender()
    seconds = pods.wait_until("every pod bound", lambda: _bound(cluster, namespace) == PODS, 400.0)
    seconds += pods.wait_until("no holding but of bound pods", lambda: _left(cluster) == 0, 120.0)
    found = Round(
        bound_at_kill=at_kill,
        fullest=max(pods.used(cluster).values()),
        lost=PODS - _bound(cluster, namespace),
        left=_left(cluster),
        seconds=seconds,
    )
    pods.empty(cluster, namespace)
    return found


def _bound(cluster: LocalCluster, namespace: str) -> int:
    return len(pods.placed(pods.pods_of(cluster, namespace)))


def _left(cluster: LocalCluster) -> int:
    """Return how many pods the extender holds devices for that are not bound, by its own metrics."""
    held = _held(cluster)
    return abs(PODS - held["bound"]) + sum(count for state, count in held.items() if state != "bound")


def _held(cluster: LocalCluster) -> dict[str, int]:
    """Return how many pods the extender holds devices for, by the state of the holding."""
    with urllib.request.urlopen(f"{cluster.extender_url}/metrics", timeout=10) as answer:  # noqa: S310  loopback
        return {state: int(float(count)) for state, count in _HOLDINGS.findall(answer.read().decode())}
