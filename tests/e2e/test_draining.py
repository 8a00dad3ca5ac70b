"""Which replicas go when there are to be fewer, on a real control plane: a busy one, and with our key the idle one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from autoscaler.core.targets.draining import COST, SURVIVED_MS
from plimsoll.embedded.core.controllers.ranking import first_to_go, is_ready
from tests.e2e import pods
from tests.e2e.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster
    from kube.client import Api

NAME = "chat"
BUSY = 9.0
_LASTING_S = 45.0
_TRIES = 3


@pytest.fixture(autouse=True)
def running_programs(cluster: LocalCluster) -> None:
    """Run both programs."""
    for name, start in (("extender", cluster.start_extender), ("autoscaler", cluster.start_autoscaler)):
        if cluster.pid(name) is None:
            start()


@pytest.fixture
def load(cluster: LocalCluster, managed_namespace: str) -> Iterator[Load]:
    with Load(cluster, managed_namespace) as running:
        yield running


def post(cluster: LocalCluster, path: str, body: dict[str, Any]) -> None:
    async def work(api: Api) -> None:
        await api.request("POST", path, body=body)

    cluster.call(work)


def create(cluster: LocalCluster, namespace: str, replicas: int, *, aware: bool, kind: str = "deployments") -> None:
    """Create a workload whose replicas carry 10 requests each, and wait until they are placed."""
    template = {
        "metadata": {"labels": {"app": NAME}, "annotations": {"gpu-fraction": "0.25"}},
        "spec": {"containers": [{"name": "main", "image": "model-server"}], "terminationGracePeriodSeconds": 0},
    }
    annotations = {
        "autoscaling.knative.dev/target": "10",
        "autoscaling.knative.dev/target-utilization-percentage": "100",
        "autoscaling.knative.dev/window": "10s",
        "autoscaling.knative.dev/min-scale": str(replicas),  # none goes before it is told to, however long that takes
        "plimsoll.dev/drain-aware-scale-down": "true" if aware else "false",
    }
    meta = {"name": NAME, "labels": {"plimsoll.dev/autoscale": "true"}, "annotations": annotations}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": NAME}}, "template": template}
    post(cluster, f"/apis/apps/v1/namespaces/{namespace}/{kind}", {"metadata": meta, "spec": spec})
    pods.wait_bound(cluster, namespace, replicas)


def allow(cluster: LocalCluster, namespace: str) -> None:
    """Bind the role as docs/configuration.md says."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "plimsoll-autoscaler-drain"}
    subject = {"kind": "ServiceAccount", "name": "plimsoll-autoscaler", "namespace": "plimsoll-system"}
    body = {"metadata": {"name": "drain"}, "roleRef": role, "subjects": [subject]}
    post(cluster, f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings", body)


def listed(cluster: LocalCluster, namespace: str) -> list[dict[str, Any]]:
    async def work(api: Api) -> bytes:
        return await api.request("GET", f"/api/v1/namespaces/{namespace}/pods")

    found: list[dict[str, Any]] = msgspec.json.decode(cluster.call(work))["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def names(found: list[dict[str, Any]]) -> set[str]:
    return {pod["metadata"]["name"] for pod in found}


def wait_measured(cluster: LocalCluster, namespace: str, total: float, ready: int) -> None:
    def measured() -> bool:
        told = next((one for one in pods.decisions(cluster) if one["namespace"] == namespace), {})
        return (told.get("panic"), told.get("ready")) == (total, ready) and told.get("mode") != "held"

    pods.wait_until(f"a load of {total} measured", measured)


def keep(cluster: LocalCluster, namespace: str, replicas: int, kind: str = "deployments") -> None:
    bounds = {f"autoscaling.knative.dev/{bound}-scale": str(replicas) for bound in ("min", "max")}
    body = {"metadata": {"annotations": bounds}}
    pods.patch(cluster, f"/apis/apps/v1/namespaces/{namespace}/{kind}/{NAME}", body)


def in_flight_when_it_went(cluster: LocalCluster, namespace: str, load: Load, kind: str = "deployments") -> float:
    """Let the replica idle that Kubernetes would take away last, take one of four; return what it had in flight.

    Ages count by powers of two: where one was reached before the replica went, its order was another than the one that
    the idle replica was chosen by, and it is tried again.
    """
    _tell_apart(cluster, namespace)
    for _ in range(_TRIES):
        load.by_pod = dict.fromkeys(names(listed(cluster, namespace)), BUSY)
        wait_measured(cluster, namespace, 4 * BUSY, 4)
        before = listed(cluster, namespace)
        chosen_by = _lasting_order(before)
        load.by_pod[chosen_by[-1]] = 0.0
        wait_measured(cluster, namespace, 3 * BUSY, 4)
        keep(cluster, namespace, 3, kind)
        pods.wait_until("three replicas", lambda: len(listed(cluster, namespace)) == 3)
        (went,) = names(before) - names(listed(cluster, namespace))
        if _order(before, 0.0) == chosen_by:
            break
        keep(cluster, namespace, 4, kind)
        load.by_pod = dict.fromkeys(names(listed(cluster, namespace)), 4 * BUSY / 3)
        load.total = 4 * BUSY
        pods.wait_until("four replicas again", lambda: len(listed(cluster, namespace)) == 4)
    else:
        pytest.fail(f"the order of deletion changed in each of {_TRIES} tries: the machine is too slow to tell")
    return load.by_pod[went]


def _tell_apart(cluster: LocalCluster, namespace: str) -> None:
    """Make anew what was made in one second with others: of replicas that are equal in all, Kubernetes takes any."""
    pods.wait_until("four ready replicas", lambda: _four_without(cluster, namespace, ""))
    while twin := _twin(_ages(cluster, namespace)):
        time.sleep(1.0)
        pods.delete(cluster, namespace, twin)
        pods.wait_until("another in its place", lambda gone=twin: _four_without(cluster, namespace, gone))  # type: ignore[misc]


def _twin(ages: dict[str, tuple[str, str]]) -> str:
    """Return a replica that is as old as another, "" where there is none."""
    return next((name for name in sorted(ages) if list(ages.values()).count(ages[name]) > 1), "")


def _ages(cluster: LocalCluster, namespace: str) -> dict[str, tuple[str, str]]:
    """Return since when each replica is ready, and when it was made, to the second as the API server tells it."""
    return {
        pod["metadata"]["name"]: (
            next(one["lastTransitionTime"] for one in pod["status"]["conditions"] if one["type"] == "Ready"),
            pod["metadata"]["creationTimestamp"],
        )
        for pod in listed(cluster, namespace)
    }


def _four_without(cluster: LocalCluster, namespace: str, gone: str) -> bool:
    found = listed(cluster, namespace)
    return sum(map(is_ready, found)) == 4 and gone not in names(found)


def _lasting_order(replicas: list[dict[str, Any]]) -> list[str]:
    """Wait until the order stays for as long as a load takes to be scraped, averaged and acted on; return it."""
    pods.wait_until("an order that lasts", lambda: _order(replicas, 0.0) == _order(replicas, _LASTING_S), seconds=240.0)
    return _order(replicas, 0.0)


def _order(replicas: list[dict[str, Any]], later_s: float) -> list[str]:
    """Return the names in the order in which Kubernetes would take them away, so many seconds from now."""
    ranked = first_to_go(replicas, replicas, len(replicas), time.time() + later_s)
    return [pod["metadata"]["name"] for pod in ranked]


def test_without_the_key_a_busy_replica_goes_and_what_it_had_in_flight_is_lost(
    cluster: LocalCluster, managed_namespace: str, load: Load
) -> None:
    create(cluster, managed_namespace, 4, aware=False)
    assert in_flight_when_it_went(cluster, managed_namespace, load) == BUSY


@pytest.mark.parametrize("kind", ["deployments", "replicasets"])
def test_with_the_key_the_idle_one_goes_and_nothing_is_lost(
    cluster: LocalCluster, managed_namespace: str, load: Load, kind: str
) -> None:
    allow(cluster, managed_namespace)
    create(cluster, managed_namespace, 4, aware=True, kind=kind)
    assert in_flight_when_it_went(cluster, managed_namespace, load, kind) == 0.0
    costs = [COST in (pod["metadata"].get("annotations") or {}) for pod in listed(cluster, managed_namespace)]
    assert costs == [False] * 3, "no other pod was written"


def test_without_the_right_to_patch_pods_the_replicas_go_all_the_same_and_that_is_told(
    cluster: LocalCluster, managed_namespace: str, load: Load
) -> None:
    create(cluster, managed_namespace, 4, aware=True)
    assert in_flight_when_it_went(cluster, managed_namespace, load) == BUSY

    def told() -> bool:
        return any(
            event.reason == "NotDrainAware" and "bind the ClusterRole plimsoll-autoscaler-drain" in event.message
            for event in pods.events_about(cluster, managed_namespace, NAME)
        )

    pods.wait_until("an Event that says which role is missing", told)


def test_while_a_rollout_goes_on_each_replica_set_loses_its_least_loaded_and_survivors_lose_their_cost(
    cluster: LocalCluster, managed_namespace: str, load: Load
) -> None:
    namespace = managed_namespace
    allow(cluster, namespace)
    create(cluster, namespace, 8, aware=True)
    # The new pods fit nowhere, so that the rollout stays as it is: most of the old ones, and some that wait.
    selector = {"spec": {"template": {"spec": {"nodeSelector": {"no-such": "node"}}}}}
    pods.patch(cluster, f"/apis/apps/v1/namespaces/{namespace}/deployments/{NAME}", selector)

    def stuck() -> bool:
        return sum(map(is_ready, listed(cluster, namespace))) == 6 and len(listed(cluster, namespace)) == 10

    pods.wait_until("a rollout that does not go on", stuck)
    ready = [pod for pod in listed(cluster, namespace) if is_ready(pod)]
    load.by_pod = {name: float(place) for place, name in enumerate(sorted(names(ready)))}
    wait_measured(cluster, namespace, sum(load.by_pod.values()), 6)
    keep(cluster, namespace, 4)
    pods.wait_until("fewer", lambda: pods.replicas(cluster, namespace, NAME) == 4)
    time.sleep(5.0)  # until the controllers have done what they do
    left = names([pod for pod in listed(cluster, namespace) if is_ready(pod)])
    went = names(ready) - left
    assert went, "the old ReplicaSet lost some"
    assert max(load.by_pod[name] for name in went) < min(load.by_pod[name] for name in left)

    def uncosted() -> bool:
        return not any(COST in (pod["metadata"].get("annotations") or {}) for pod in listed(cluster, namespace))

    pods.wait_until("no cost that is not needed", uncosted, SURVIVED_MS / 1000 + 30)
