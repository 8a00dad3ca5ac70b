"""A Knative revision gets its min-scale of pods at once or nothing: on a real control plane, as Knative makes pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kube.gangs import GANG
from tests.e2e import gangs, pods

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.local import LocalCluster


@pytest.fixture(autouse=True)
def running_extender(cluster: LocalCluster, managed_namespace: str) -> Iterator[None]:
    """Run the extender, in a namespace whose revisions are gangs."""
    if cluster.pid("extender") is None:
        cluster.start_extender()
    labels = {"plimsoll.dev/knative-gangs": "true"}
    pods.patch(cluster, f"/api/v1/namespaces/{managed_namespace}", {"metadata": {"labels": labels}})
    yield
    del managed_namespace


def test_a_revision_waits_for_room_for_its_min_scale_and_then_runs_whole_and_grows(
    cluster: LocalCluster, managed_namespace: str, add_nodes: Callable[[int, int], None]
) -> None:
    gangs.create_deployment(cluster, managed_namespace, _revision("model-00001", replicas=20, min_scale=18))
    pods.wait_until("it is told why", lambda: _told(cluster, managed_namespace, "18 pods needed at once, 16 fit"))
    assert gangs.bound(cluster, managed_namespace) == []
    add_nodes(1, 2)
    pods.wait_until("its minimum runs", lambda: len(gangs.bound(cluster, managed_namespace, "model-00001")) == 18)
    add_nodes(1, 2)
    pods.wait_until("all of it runs", lambda: len(gangs.bound(cluster, managed_namespace, "model-00001")) == 20)


def test_a_revision_that_may_have_fewer_pods_than_it_began_with_is_no_gang(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    revision = _revision("model-00001", replicas=20, min_scale=1)
    revision["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/initial-scale"] = "20"
    gangs.create_deployment(cluster, managed_namespace, revision)
    pods.wait_until("what has room runs", lambda: len(gangs.bound(cluster, managed_namespace)) == 16)


def _revision(name: str, *, replicas: int, min_scale: int) -> dict[str, Any]:
    """Return the Deployment of a revision: nothing of Plimsoll's stands on it."""
    made = gangs.deployment(name, replicas)
    metadata = made["spec"]["template"]["metadata"]
    del metadata["labels"][GANG]
    metadata["labels"]["serving.knative.dev/revision"] = name
    metadata["annotations"] = {"autoscaling.knative.dev/min-scale": str(min_scale)}
    return made


def _told(cluster: LocalCluster, namespace: str, what: str) -> bool:
    return any(what in one.message for one in pods.events(cluster, namespace))
