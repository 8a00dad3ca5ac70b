"""Which pods are there, and what do they belong to? All pods and replica sets of the cluster, kept in the inventory."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from autoscaler.shell import cluster
from kube.objects import Pod, ReplicaSet
from kube.outage import Outage
from kube.watch import Gone, Put, Relisted, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoscaler.core.targets.inventory import Inventory
    from kube.client import Api

_log = logging.getLogger("autoscaler")

_MEANWHILE = "decisions go on with what was known last"


async def follow_pods(api: Api, inventory: Inventory, on_listed: Callable[[], None]) -> None:
    """Keep the pods of an inventory up to date, without end."""
    outage = Outage("the list of pods", _MEANWHILE, _log)
    async for change in watch(api, "/api/v1/pods", Pod, on_trouble=outage.hear):
        match change:
            case Relisted(pods):
                inventory.only_pods(map(cluster.owned_pod, pods))
                on_listed()
            case Put(pod):
                inventory.put_pod(cluster.owned_pod(pod))
            case Gone(pod):
                inventory.drop_pod(pod.metadata.uid)


async def follow_owners(api: Api, inventory: Inventory, on_listed: Callable[[], None]) -> None:
    """Keep what controls each replica set up to date, without end."""
    outage = Outage("the list of replica sets", _MEANWHILE, _log)
    async for change in watch(api, "/apis/apps/v1/replicasets", ReplicaSet, on_trouble=outage.hear):
        match change:
            case Relisted(found):
                inventory.only_owners({each.metadata.uid: cluster.controller_uid(each) for each in found})
                on_listed()
            case Put(one):
                inventory.put_owner(one.metadata.uid, cluster.controller_uid(one))
            case Gone(one):
                inventory.drop_owner(one.metadata.uid)
