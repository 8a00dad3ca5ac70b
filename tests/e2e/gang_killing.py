"""What is left of a gang when the extender is killed while it lets the members go? One round, for test and measurement.

A gang that nearly fills the cluster is created. When a given number of its members has no gate any more, the extender
is killed with SIGKILL; then as many single pods as there are members are created, which would take the room of those
that were not let go yet, and the extender is started again. The round ends when the gang runs whole, or holds nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kube.gangs import GANG
from kube.objects import Pod
from kube.watch import Relisted, watch
from tests.e2e import gangs, pods

if TYPE_CHECKING:
    from deploy.local import LocalCluster
    from kube.client import Api

MEMBERS = 200
LAST_POINT = 150  # of the members that are let go: seeing a count and killing take their time


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found.

    `let_go_at_kill`: members without a gate once the extender was dead; `bound`: members with a node at the end,
    `held`: holdings that are promised still, and `seconds` from the kill until then.
    """

    let_go_at_kill: int
    bound: int
    held: int
    seconds: float


def killed(cluster: LocalCluster, namespace: str, point: int) -> Round:
    """Run one round: kill the extender once `point` members are let go."""
    pods.create(cluster, namespace, gangs.members("g", MEMBERS))
    cluster.call(lambda api: _kill(cluster, api, namespace, point))
    at_kill = _let_go(cluster, namespace)
    pods.create(cluster, namespace, [pods.pod(f"single-{number}", gpus=1) for number in range(MEMBERS)])
    cluster.start_extender()

    def over() -> bool:
        return len(gangs.bound(cluster, namespace, "g")) in (0, MEMBERS) and pods.holdings(cluster)["reserved"] == 0

    seconds = pods.wait_until("the gang runs whole, or holds nothing", over, 180.0)
    bound, held = len(gangs.bound(cluster, namespace, "g")), pods.holdings(cluster)["reserved"]
    return Round(at_kill, bound, held, seconds)


async def _kill(cluster: LocalCluster, api: Api, namespace: str, point: int) -> None:
    """Kill the extender as soon as a watch has shown `point` members let go; a list would take too long."""
    found: set[str] = set()
    async with asyncio.timeout(90.0), aclosing(watch(api, f"/api/v1/namespaces/{namespace}/pods", Pod)) as changes:
        async for change in changes:
            shown = change.objects if isinstance(change, Relisted) else (change.object,)
            found.update(pod.metadata.name for pod in shown if _is_let_go(pod))
            if len(found) >= point:
                cluster.kill("extender")
                return


def _let_go(cluster: LocalCluster, namespace: str) -> int:
    return sum(_is_let_go(pod) for pod in pods.pods_of(cluster, namespace))


def _is_let_go(pod: Pod) -> bool:
    return (pod.metadata.labels or {}).get(GANG) == "g" and not pod.spec.scheduling_gates
