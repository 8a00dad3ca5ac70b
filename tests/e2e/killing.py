"""What is left when the extender is killed while it places pods? One round, for the test and the long measurement.

Three hundred pods of five shares are created on a cluster that they nearly fill. When a given number of them is bound,
by the extender's own count, it is killed with SIGKILL; then the last of them are created, and it is started again. The
round ends when every pod is bound and the extender holds nothing but what is bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.local import ClusterSpec
from tests.e2e import pods

if TYPE_CHECKING:
    from deploy.local import LocalCluster

PODS, NODES, GPUS_PER_NODE = 300, 16, 8
HELD_BACK = 60  # created once the misfortune has struck: seeing a count and striking take their time
LAST_POINT = 150  # of PODS - HELD_BACK: a later kill would mostly come when all of these are bound
_SHARES = ("0.25", "0.5", "0.3", "0.1", "0.7")


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
    with pods.creating(cluster, namespace, wanted(), HELD_BACK):
        pods.wait_until(f"{after} pods bound", lambda: pods.holdings(cluster)["bound"] >= after, 180.0, every_s=0.01)
        cluster.kill("extender")
        at_kill = _bound(cluster, namespace)
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
    held = pods.holdings(cluster)
    return abs(PODS - held["bound"]) + sum(count for state, count in held.items() if state != "bound")
