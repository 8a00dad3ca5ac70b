"""Every kind that can be scaled is found and scaled on a real control plane, and nobody who writes too is fought.

The autoscaler's shells run here, as its service account: what its roles lack would show.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from autoscaler.core.targets.inventory import Inventory
from autoscaler.core.targets.writers import Writers
from autoscaler.core.targets.writing import Overtaken, Written
from autoscaler.shell import targets
from autoscaler.shell.scaling import Scaling
from autoscaler.shell.targets import Targets
from kube.client import APPLY_PATCH, MERGE_PATCH, Api
from kube.discovery import Scalable, discover

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from autoscaler.core.targets.target import Target
    from deploy.local import LocalCluster
    from kube.events import Notice

GROUP = "serving.plimsoll.test"
LABELS = {"plimsoll.dev/autoscale": "true"}


class Running:
    """The shells at work, as the autoscaler's service account; `admin` may do everything."""

    def __init__(self, admin: Api, api: Api, namespace: str) -> None:
        self.admin, self.namespace = admin, namespace
        self.inventory, self.writers = Inventory(), Writers()
        self.notices: list[Notice] = []
        self.targets = Targets(api, self.inventory, self.writers, self.notices.append)
        self.scaling = Scaling(api, self.inventory, self.writers, self.notices.append)

    def path(self, plural: str, api_version: str = "apps/v1") -> str:
        return f"/apis/{api_version}/namespaces/{self.namespace}/{plural}"

    def target(self, name: str) -> Target | None:
        mine = (one for one in self.inventory.targets.values() if one.key.namespace == self.namespace)
        return next((one for one in mine if one.key.name == name and not one.refused), None)

    def ready(self, name: str) -> int:
        target = self.target(name)
        return -1 if target is None else len(self.inventory.sights()[target.key.uid].ready)

    def current(self, name: str) -> int:
        target = self.target(name)
        return -1 if target is None else target.replicas

    def hold(self, name: str) -> str:
        target = self.target(name)
        return "" if target is None else self.scaling.holds(lambda _: 60).get(target.key.uid, "")

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(60.0):
            while not true():  # noqa: ASYNC110  what is waited for happens in another process
                await asyncio.sleep(0.05)

    async def replicas(self, path: str) -> int:
        found: dict[str, Any] = msgspec.json.decode(await self.admin.request("GET", path))
        return int(found["spec"].get("replicas", 0))

    async def patch(self, path: str, body: Any, manager: str) -> None:
        query = {"fieldManager": manager}
        await self.admin.request("PATCH", path, body=body, query=query, content_type=MERGE_PATCH)

    async def scale_by(self, name: str, replicas: int) -> object:
        target = self.target(name)
        assert target is not None
        return await self.scaling.write(target.key, target.replicas, replicas)


@asynccontextmanager
async def running(cluster: LocalCluster, namespace: str) -> AsyncIterator[Running]:
    admin = await Api.connect(cluster.admin_kubeconfig)
    api = await Api.connect(cluster.kubeconfig("plimsoll-autoscaler"))
    shells = Running(admin, api, namespace)
    task = asyncio.create_task(shells.targets.run())
    try:
        await shells.until(lambda: shells.targets.ready() or task.done())
        yield shells
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await api.close()
        await admin.close()


@pytest.fixture
def run(cluster: LocalCluster, plain_namespace: str) -> Callable[[Callable[[Running], Awaitable[None]]], None]:
    """Run a scenario beside the shells."""

    def run(scenario: Callable[[Running], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with asyncio.timeout(180.0), running(cluster, plain_namespace) as shells:
                await scenario(shells)

        asyncio.run(whole())

    return run


def replicated(name: str, replicas: int, **spec: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "i"}], "terminationGracePeriodSeconds": 0},
    }
    whole = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"metadata": {"name": name, "labels": LABELS}, "spec": whole}


@pytest.mark.parametrize(
    ("plural", "spec"),
    [("deployments", {}), ("replicasets", {}), ("statefulsets", {"serviceName": "none"})],
)
def test_a_built_in_kind_is_found_and_scaled(run: Any, plural: str, spec: dict[str, Any]) -> None:
    async def scenario(shells: Running) -> None:
        await shells.admin.request("POST", shells.path(plural), body=replicated("chat", 2, **spec))
        await shells.until(lambda: shells.ready("chat") == 2)
        assert isinstance(await shells.scale_by("chat", 4), Written)
        await shells.until(lambda: shells.ready("chat") == 4)
        assert shells.hold("chat") == ""
        assert not shells.notices

    run(scenario)


def test_a_replication_controller_is_found_and_scaled(run: Any) -> None:
    async def scenario(shells: Running) -> None:
        path = f"/api/v1/namespaces/{shells.namespace}/replicationcontrollers"
        await shells.admin.request("POST", path, body=replicated("old", 1, selector={"app": "old"}))
        await shells.until(lambda: shells.ready("old") == 1)
        assert isinstance(await shells.scale_by("old", 2), Written)
        await shells.until(lambda: shells.ready("old") == 2)

    run(scenario)


def definition(plural: str, kind: str) -> dict[str, Any]:
    """Return a custom resource whose count and selector stand where Kubernetes itself would not look."""
    open_object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": open_object, "status": open_object}}},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.engines",
                "statusReplicasPath": ".status.engines",
                "labelSelectorPath": ".status.chosen",
            },
        },
    }
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def role(plural: str) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"test-{plural}", "labels": {"plimsoll.dev/aggregate-to-autoscaler": "true"}},
        "rules": [
            {"apiGroups": [GROUP], "resources": [plural], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [GROUP], "resources": [f"{plural}/scale"], "verbs": ["get", "patch"]},
        ],
    }


def test_a_custom_resource_is_found_once_it_may_be_and_scaled(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "_REDISCOVER_S", 0.5)
    monkeypatch.setattr(targets, "_LONGEST_PAUSE_S", 0.5)
    plural = f"engines{uuid.uuid4().hex[:6]}"
    roles, definitions = (
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    )

    async def scenario(shells: Running) -> None:
        await shells.admin.request("POST", definitions, body=definition(plural, plural.capitalize()))
        # The kind comes up, and may not be listed: that is told, and stands in nobody's way.
        name = f"{plural}.{GROUP}"
        await shells.until(lambda: "forbidden" in shells.targets.refused().get(name, ""))
        assert shells.targets.ready()
        await shells.admin.request("POST", roles, body=role(plural))
        path = shells.path(plural, f"{GROUP}/v1alpha1")
        body = {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": plural.capitalize(),
            "metadata": {"name": "chat", "labels": LABELS},
            "spec": {"engines": 2},
        }
        await shells.admin.request("POST", path, body=body)
        # Without a selector nobody knows its pods: it is refused, with the reason on the object.
        await shells.until(lambda: any("status.selector" in notice.message for notice in shells.notices))
        pod = {
            "metadata": {"name": "engine-0", "labels": {"app": "engine"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        await shells.admin.request("POST", f"/api/v1/namespaces/{shells.namespace}/pods", body=pod)
        status = {"status": {"engines": 1, "chosen": "app in (engine),!spot"}}
        await shells.patch(f"{path}/chat/status", status, "its-controller")
        await shells.until(lambda: shells.ready("chat") == 1)
        assert isinstance(await shells.scale_by("chat", 5), Written)
        found = msgspec.json.decode(await shells.admin.request("GET", f"{path}/chat"))
        assert found["spec"] == {"engines": 5}
        assert shells.hold("chat") == ""
        await shells.patch(f"{path}/chat/scale", {"spec": {"replicas": 3}}, "kubectl-scale")
        await shells.until(lambda: "replicas 5 -> 3 were set by another (kubectl-scale)" in shells.hold("chat"))
        await shells.admin.request("DELETE", f"{definitions}/{name}")
        await shells.until(lambda: name not in shells.targets.kinds())
        assert shells.target("chat") is None
        await shells.admin.request("DELETE", f"{roles}/test-{plural}")

    run(scenario)


def test_a_person_is_told_by_name_and_not_written_over(run: Any) -> None:
    async def scenario(shells: Running) -> None:
        path = shells.path("deployments")
        await shells.admin.request("POST", path, body=replicated("chat", 2))
        await shells.until(lambda: shells.ready("chat") == 2)
        decided_on = shells.target("chat")
        assert decided_on is not None
        await shells.patch(f"{path}/chat/scale", {"spec": {"replicas": 3}}, "kubectl-scale")
        outcome = await shells.scaling.write(decided_on.key, decided_on.replicas, 5)
        assert isinstance(outcome, Overtaken)
        assert (outcome.found, outcome.by) == (3, "kubectl-scale")
        assert await shells.replicas(f"{path}/chat") == 3
        assert "replicas 2 -> 3 were set by another (kubectl-scale)" in shells.hold("chat")
        assert [notice.reason for notice in shells.notices] == ["ReplicasSetByAnother"]

    run(scenario)


def test_a_deployment_tool_that_resets_the_count_is_told_by_name(run: Any) -> None:
    async def scenario(shells: Running) -> None:
        path = f"{shells.path('deployments')}/chat"
        applied = {"apiVersion": "apps/v1", "kind": "Deployment", **replicated("chat", 1)}

        async def apply() -> None:
            query = {"fieldManager": "argocd-controller", "force": "true"}
            await shells.admin.request("PATCH", path, body=applied, query=query, content_type=APPLY_PATCH)

        await apply()
        await shells.until(lambda: shells.ready("chat") == 1)
        for _ in range(3):
            assert isinstance(await shells.scale_by("chat", 3), Written)
            await apply()
            await shells.until(lambda: shells.current("chat") == 1)
        assert "undid 3 changes" in shells.hold("chat")
        assert "argocd-controller" in shells.hold("chat")

    run(scenario)


def test_a_horizontal_pod_autoscaler_has_its_workload(run: Any) -> None:
    async def scenario(shells: Running) -> None:
        await shells.admin.request("POST", shells.path("deployments"), body=replicated("chat", 2))
        await shells.until(lambda: shells.ready("chat") == 2)
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"}
        body = {
            "metadata": {"name": "theirs"},
            "spec": {"maxReplicas": 4, "minReplicas": 3, "scaleTargetRef": reference},
        }
        path = shells.path("horizontalpodautoscalers", "autoscaling/v2")
        await shells.admin.request("POST", path, body=body)
        await shells.until(lambda: "HorizontalPodAutoscaler theirs scales it too" in shells.hold("chat"))
        assert [notice.reason for notice in shells.notices] == ["ScaledByAnotherAutoscaler"]
        await shells.admin.request("DELETE", f"{path}/theirs")
        await shells.until(lambda: "HorizontalPodAutoscaler" not in shells.hold("chat"))

    run(scenario)


def test_a_storm_of_changes_by_others_costs_no_write_and_loses_none(run: Any) -> None:
    async def scenario(shells: Running) -> None:
        path = f"{shells.path('deployments')}/chat"
        await shells.admin.request("POST", shells.path("deployments"), body=replicated("chat", 1))
        await shells.until(lambda: shells.ready("chat") == 1)
        over = asyncio.Event()

        async def storm() -> None:
            number = 0
            while not over.is_set():
                number += 1
                await shells.patch(path, {"metadata": {"labels": {"n": str(number)}}}, "busy")
                await asyncio.sleep(0.002)

        storming = asyncio.create_task(storm())
        outcomes = []
        for replicas in (2, 3, 4, 5, 6):
            outcome = None
            while not isinstance(outcome, Written):  # as at the next tick
                outcome = await shells.scale_by("chat", replicas)
                outcomes.append(outcome)
        over.set()
        await storming
        assert await shells.replicas(path) == 6
        assert len(outcomes) < 25, outcomes
        assert shells.hold("chat") == ""

    run(scenario)


def test_discovery_tells_both_ways_the_same(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(api: Api) -> tuple[Scalable, ...]:
        whole = await discover(api)
        assert whole.failed == {}
        return whole.scalables

    aggregated = cluster.call(found)
    monkeypatch.setattr("kube.discovery._AGGREGATED", "application/json")
    assert cluster.call(found) == aggregated
    assert {each.name for each in aggregated} >= {
        "deployments.apps", "replicasets.apps", "statefulsets.apps", "replicationcontrollers",
    }  # fmt: skip
