"""The predicates against the real kube-scheduler: 10,000 pairs of a random pod and a random node, judged by both."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from extender.core.predicates.scene import Scene
from extender.core.predicates.selectors import Labels
from extender.shell.predicates.demands import demands_of, node_of, resources_by_class
from extender.shell.predicates.residents import counts, resident_of
from extender.shell.predicates.volumes import Storage, limited_drivers
from kube.client import MERGE_PATCH
from kube.constraints import ConstrainedPod, CsiNode, DeviceClass, PersistentVolume, PersistentVolumeClaim
from kube.objects import Namespace, Node, ObjectList
from tests.e2e import pods
from tests.e2e.constrained import LABELS_OF_NAMESPACES, Cases
from tests.e2e.refusing import REFUSED, SCHEDULER, refusing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Iterator
    from pathlib import Path

    from deploy.local import LocalCluster
    from extender.core.predicates.checks import Checks
    from kube.client import Api

NODES, RESIDENTS, PODS, VOLUMES = 50, 160, 200, 24
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
AT_LEAST = 20
"""How often each predicate must refuse a node, and let one pass, for the comparison to say something of it."""
PLUGINS = {
    "InterPodAffinity",
    "NodeAffinity",
    "NodeDeclaredFeatures",
    "NodePorts",
    "NodeResourcesFit",
    "NodeUnschedulable",
    "PodTopologySpread",
    "TaintToleration",
    "VolumeBinding",
    "VolumeRestrictions",
    "VolumeZone",
}
ALL_NODES_BY_NAME = "node(s) didn't satisfy plugin"
"""How kube-scheduler begins to speak of nodes that it did not look at, as the pod names others."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One pod: what we say of it, the nodes that kube-scheduler let pass, and what it said of the others."""

    pod: ConstrainedPod
    checks: Checks
    passed: frozenset[str]
    told: str


@dataclass(frozen=True, slots=True)
class Compared:
    """All pods, judged on these nodes."""

    names: tuple[str, ...]
    judged: tuple[Judged, ...]


@pytest.fixture(scope="module")
def compared(
    cluster: LocalCluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compared]:
    seed = request.config.getoption("--seed")
    chance = random.Random(seed)  # noqa: S311  no secrets
    cases = Cases(chance, f"p{uuid.uuid4().hex[:5]}")
    try:
        yield judge(cluster, cases, tmp_path_factory.mktemp("predicates"))
    finally:
        cluster.call(lambda api: clean_up(api, cases))


def test_the_same_nodes_suit_as_with_kube_scheduler(compared: Compared) -> None:
    differing = []
    for one in compared.judged:
        for name, fits in zip(compared.names, one.checks.fits.tolist(), strict=True):
            if fits != (name in one.passed):
                reasons = one.checks.reasons(compared.names.index(name))
                differing.append((one.pod.metadata.name, name, reasons or "we let it pass", one.told))
    assert not differing, f"{len(differing)} of {len(compared.judged) * len(compared.names)}: {differing[:5]}"


def test_nothing_that_these_pods_demand_is_unmodelled(compared: Compared) -> None:
    assert [one.checks.demands.unmodelled for one in compared.judged if one.checks.demands.unmodelled] == []


def test_the_reasons_are_those_of_kube_scheduler(compared: Compared) -> None:
    """It tells how many nodes it refused for each reason."""
    alike = 0
    for one in compared.judged:
        if ALL_NODES_BY_NAME in one.told or "terms conflict" in one.told:
            continue
        reasons: Counter[str] = Counter()
        for index in range(len(compared.names)):
            reasons.update(one.checks.reasons(index) or (REFUSED,))
        told = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        assert one.told.startswith(f"0/{len(compared.names)} nodes are available: {told}."), one.pod
        alike += 1
    assert alike > PODS * 3 // 4


def test_every_predicate_has_been_put_to_the_test(compared: Compared) -> None:
    """Each lets pass and refuses some of the nodes that those before it have let pass: there it decides."""
    passed: Counter[tuple[str, str]] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    for one in compared.judged:
        reached = np.ones(len(compared.names), dtype=np.bool_)
        for verdict in one.checks.verdicts():
            key = verdict.plugin, verdict.reason
            refused[key] += int((reached & ~verdict.passes).sum())
            reached = reached & verdict.passes
            passed[key] += int(reached.sum())
    assert len(compared.judged) * len(compared.names) >= 10_000
    tested = {key for key in passed if key[0] != "NodeName"}  # a pod with spec.nodeName is bound already
    assert {plugin for plugin, _ in tested} == PLUGINS
    assert {key: (refused[key], passed[key]) for key in tested if min(refused[key], passed[key]) < AT_LEAST} == {}


def judge(cluster: LocalCluster, cases: Cases, directory: Path) -> Compared:
    """Let kube-scheduler judge, then judge by what the API server says."""
    cluster.call(lambda api: set_up(api, cases))
    pods.wait_until("residents settled", lambda: cluster.call(lambda api: settled(api, cases)))
    cluster.call(lambda api: resize(api, cases))
    with refusing(cluster, directory) as extender:
        cluster.call(lambda api: ask(api, cases))
        pods.wait_until("every pod judged", lambda: len(cluster.call(told)) == PODS)
        said = cluster.call(told)
        asked = dict(extender.asked)
    return cluster.call(lambda api: compare(api, said, asked))


async def set_up(api: Api, cases: Cases) -> None:
    """Create the nodes, volumes and residents, and bind these wherever chance will have it."""
    nodes = [cases.node(number) for number in range(NODES)]
    names = [node["metadata"]["name"] for node in nodes]
    await at_once(api.request("POST", "/api/v1/nodes", body=node) for node in nodes)
    for name, labels in zip(cases.namespaces, LABELS_OF_NAMESPACES, strict=True):
        await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name, "labels": labels}})
    await api.request("POST", RUNTIME_CLASSES, body=cases.runtime_class())
    for number in range(VOLUMES):
        namespace = cases.namespaces[number % len(cases.namespaces)]
        volume, claim = cases.volume(number, namespace)
        await api.request("POST", "/api/v1/persistentvolumes", body=volume)
        await api.request("POST", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", body=claim)

    async def put(number: int, body: dict[str, Any], namespace: str, node: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        await api.request("POST", path, body=body)
        binding = {"metadata": {"name": f"r{number}"}, "target": {"kind": "Node", "name": node}}
        await api.request("POST", f"{path}/r{number}/binding", body=binding)
        if "finalizers" in body["metadata"]:
            await api.request("DELETE", f"{path}/r{number}", query={"gracePeriodSeconds": "0"})

    residents = []
    for number in range(RESIDENTS):
        namespace = cases.random.choice(cases.namespaces)
        residents.append((number, cases.resident(f"r{number}", namespace), namespace, cases.random.choice(names)))
    await at_once(put(*one) for one in residents)


async def settled(api: Api, cases: Cases) -> bool:
    """Tell whether nothing will become of the residents any more."""
    found = [pod for pod in await listed(api, "/api/v1/pods", ConstrainedPod) if of(pod, cases)]
    ends = [pod for pod in found if "pod-complete.stage.kwok.x-k8s.io/delay" in (pod.metadata.annotations or {})]
    return all(pod.status.phase == "Succeeded" for pod in ends) and all(
        pod.status.phase == "Running" or pod.metadata.deletion_timestamp or pod in ends for pod in found
    )


async def resize(api: Api, cases: Cases) -> None:
    """Say of some residents that they are being resized in place, as a kubelet does."""
    for pod in await listed(api, "/api/v1/pods", ConstrainedPod):
        patch = cases.resized() if of(pod, cases) and pod.status.phase == "Running" else None
        if patch is not None:
            path = f"/api/v1/namespaces/{pod.metadata.namespace}/pods/{pod.metadata.name}/status"
            await api.request("PATCH", path, body=patch, content_type=MERGE_PATCH)


async def ask(api: Api, cases: Cases) -> None:
    """Create the pods that are to be judged."""
    bodies = []
    for number in range(PODS):
        namespace = cases.random.choice(cases.namespaces)
        bodies.append((namespace, cases.pod(f"t{number}", namespace, SCHEDULER)))
    await at_once(api.request("POST", f"/api/v1/namespaces/{where}/pods", body=body) for where, body in bodies)


async def told(api: Api) -> dict[str, str]:
    """Return what kube-scheduler said of each pod that it judged."""
    judged = [pod for pod in await listed(api, "/api/v1/pods", _Told) if pod.spec.scheduler_name == SCHEDULER]
    return {
        pod.metadata.name: one.message
        for pod in judged
        for one in pod.status.conditions or ()
        if one.reason == "Unschedulable"
    }


async def compare(api: Api, said: dict[str, str], asked: dict[str, frozenset[str]]) -> Compared:
    """Judge the same pods by what the API server says of everything."""
    every = await listed(api, "/api/v1/pods", ConstrainedPod)
    claims = await listed(api, "/api/v1/persistentvolumeclaims", PersistentVolumeClaim)
    volumes = await listed(api, "/api/v1/persistentvolumes", PersistentVolume)
    csi_nodes = await listed(api, "/apis/storage.k8s.io/v1/csinodes", CsiNode)
    classes = await listed(api, "/apis/resource.k8s.io/v1/deviceclasses", DeviceClass)
    storage = Storage(
        {(one.metadata.namespace, one.metadata.name): one for one in claims},
        {one.metadata.name: one for one in volumes},
        limited_drivers(csi_nodes),
    )
    scene = Scene(
        [node_of(node) for node in await listed(api, "/api/v1/nodes", Node)],
        [(resident_of(pod), pod.spec.node_name) for pod in every if counts(pod)],
        {one.metadata.name: Labels(one.metadata.labels) for one in await listed(api, "/api/v1/namespaces", Namespace)},
    )
    judged = [
        Judged(
            pod,
            scene.checks(demands_of(pod, storage, resources_by_class(classes))),
            asked.get(pod.metadata.name, frozenset()),
            said[pod.metadata.name],
        )
        for pod in every
        if pod.metadata.name in said
    ]
    return Compared(scene.names, tuple(judged))


async def clean_up(api: Api, cases: Cases) -> None:
    """Leave nothing to the tests that follow."""
    for pod in await listed(api, "/api/v1/pods", ConstrainedPod):
        if of(pod, cases):
            path = f"/api/v1/namespaces/{pod.metadata.namespace}/pods/{pod.metadata.name}"
            no_finalizers = {"metadata": {"finalizers": None}}
            await api.request("PATCH", path, body=no_finalizers, content_type=MERGE_PATCH)
    for namespace in cases.namespaces:
        query = {"gracePeriodSeconds": "0"}
        await api.request("DELETE", f"/api/v1/namespaces/{namespace}")
        await api.request("DELETE", f"/api/v1/namespaces/{namespace}/pods", query=query, timeout_s=60.0)
    await api.request("DELETE", f"{RUNTIME_CLASSES}/{cases.prefix}")
    for number in range(VOLUMES):
        await api.request("DELETE", f"/api/v1/persistentvolumes/{cases.prefix}-v{number:02}")
    await at_once(api.request("DELETE", f"/api/v1/nodes/{cases.prefix}-{number:02}") for number in range(NODES))


def of(pod: ConstrainedPod, cases: Cases) -> bool:
    return pod.metadata.namespace in cases.namespaces


async def at_once(these: Iterable[Awaitable[object]]) -> None:
    """Do all of it, sixteen at a time."""
    turn = asyncio.Semaphore(16)

    async def one(work: Awaitable[object]) -> None:
        async with turn:
            await work

    await asyncio.gather(*map(one, these))


async def listed(api: Api, path: str, kind: type[Any]) -> list[Any]:
    answer = await api.request("GET", path, timeout_s=60.0)
    return msgspec.json.decode(answer, type=ObjectList[kind]).items or []  # type: ignore[valid-type]


class _Condition(msgspec.Struct):
    type: str = ""
    reason: str = ""
    message: str = ""


class _ToldStatus(msgspec.Struct):
    conditions: list[_Condition] | None = None


class _ToldSpec(msgspec.Struct, rename="camel"):
    scheduler_name: str = ""


class _ToldMeta(msgspec.Struct):
    name: str = ""


class _Told(msgspec.Struct):
    metadata: _ToldMeta
    spec: _ToldSpec
    status: _ToldStatus
