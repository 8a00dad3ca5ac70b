"""Do the controllers keep Deployments, pods, budgets and namespaces as kube-controller-manager and KWOK do?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from kube.client import MERGE_PATCH
from tests.contract.asking import Object, decoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from kube.client import Api

_LIMIT_S = 90.0
_POLL_S = 0.02


class Place:
    """One namespace, and what is asked of it."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    def path(self, plural: str, name: str = "") -> str:
        group = {"deployments": "apis/apps", "replicasets": "apis/apps", "poddisruptionbudgets": "apis/policy"}
        parts = ["", group.get(plural, "api"), "v1", "namespaces", self.namespace, plural, name]
        return "/".join(parts).rstrip("/")

    async def get(self, plural: str, name: str) -> Object:
        return decoded(await self.api.request("GET", self.path(plural, name)))

    async def all(self, plural: str) -> list[Object]:
        found: list[Object] = decoded(await self.api.request("GET", self.path(plural)))["items"]
        return found

    async def create(self, plural: str, body: Object) -> Object:
        return decoded(await self.api.request("POST", self.path(plural), body=body))

    async def patch(self, plural: str, name: str, body: Object) -> None:
        await self.api.request("PATCH", self.path(plural, name), body=body, content_type=MERGE_PATCH)

    async def delete(self, plural: str, name: str) -> Object:
        return decoded(await self.api.request("DELETE", self.path(plural, name)))

    async def story(self, plural: str, first: Object, last: Object) -> list[Object]:
        """Return an object as it was from one version to another."""
        version = first["metadata"]["resourceVersion"]
        name = f"metadata.name={first['metadata']['name']}"
        query = {"watch": "true", "timeoutSeconds": "60", "fieldSelector": name, "resourceVersion": version}
        told = [first]
        async with self.api.stream(self.path(plural), query=query, silence_s=90.0) as lines:
            while told[-1] != last:
                told.append(decoded(await anext(lines))["object"])
        return told

    async def until(self, plural: str, name: str, true: Callable[[Object], bool]) -> Object:
        """Wait until something holds of an object; return the object."""
        found = await self.until_all(plural, lambda found: any(map(true, named(found, name))))
        return named(found, name)[0]

    async def until_all(self, plural: str, true: Callable[[list[Object]], bool]) -> list[Object]:
        """Wait until something holds of all objects of a kind; return them."""
        began = time.monotonic()
        while not true(found := await self.all(plural)):
            assert time.monotonic() - began < _LIMIT_S, f"waited in vain; {plural}: {found}"
            await asyncio.sleep(_POLL_S)
        return found


@pytest.fixture
def place(api: Api, namespace: str) -> Place:
    return Place(api, namespace)


def named(found: list[Object], name: str) -> list[Object]:
    return [each for each in found if each["metadata"]["name"] == name]


def deployment(name: str, replicas: int, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "annotations": {"note": "x"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations or {}},
                "spec": {"containers": [{"name": "main", "image": "x"}], "terminationGracePeriodSeconds": 1},
            },
            **spec,
        },
    }


def pod(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "annotations": annotations or {}, "labels": {"app": name}},
        "spec": {
            "containers": [{"name": "main", "image": "x"}],
            "terminationGracePeriodSeconds": 1,
            **spec,
        },
    }


def ready(count: int) -> Callable[[Object], bool]:
    def holds(found: Object) -> bool:
        status = found["status"]
        counts = [status.get(key, 0) for key in ("replicas", "readyReplicas", "availableReplicas")]
        return counts == [count] * 3 and status["observedGeneration"] == found["metadata"]["generation"]

    return holds


def conditions(found: Object) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each.get("reason", "")) for each in found["status"].get("conditions", ())}


async def test_a_deployment_makes_one_replica_set_and_that_makes_pods(place: Place) -> None:
    await place.create("deployments", deployment("web", 2))
    done = await place.until("deployments", "web", ready(2))
    (replica_set,) = await place.all("replicasets")
    unique = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{unique}"
    assert replica_set["spec"]["selector"] == {"matchLabels": {"app": "web", "pod-template-hash": unique}}
    assert replica_set["metadata"]["annotations"] == {
        "note": "x",
        "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "2",
        "deployment.kubernetes.io/max-replicas": "3",
    }
    assert replica_set["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "web",
            "uid": done["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    for each in await place.all("pods"):
        assert each["metadata"]["generateName"] == f"web-{unique}-"
        assert each["metadata"]["labels"] == {"app": "web", "pod-template-hash": unique}
        assert each["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert done["metadata"]["generation"] == 1


async def test_a_deployments_status_is_that_of_its_pods(place: Place) -> None:
    await place.create("deployments", deployment("web", 2))
    done = await place.until("deployments", "web", ready(2))
    told = {key: value for key, value in done["status"].items() if key != "conditions"}
    assert told == {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "terminatingReplicas": 0,
    }
    assert conditions(done) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }


async def test_a_starting_deployment_is_not_available(place: Place) -> None:
    await place.create("deployments", deployment("web", 2, {"pod-ready.stage.kwok.x-k8s.io/delay": "1h"}))
    starting = await place.until("deployments", "web", lambda found: found["status"].get("replicas") == 2)
    assert starting["status"]["unavailableReplicas"] == 2
    assert "readyReplicas" not in starting["status"]
    assert conditions(starting) == {
        "Available": ("False", "MinimumReplicasUnavailable"),
        "Progressing": ("True", "ReplicaSetUpdated"),
    }


async def test_replicas_are_passed_on_and_told_of(place: Place) -> None:
    await place.create("deployments", deployment("web", 1))
    await place.until("deployments", "web", ready(1))
    await place.patch("deployments", "web", {"spec": {"replicas": 3}})
    await place.until("deployments", "web", ready(3))
    await place.patch("deployments", "web", {"spec": {"replicas": 0}})
    await place.until("deployments", "web", ready(0))
    await place.until_all("pods", lambda pods: not pods)
    (replica_set,) = await place.all("replicasets")
    name = replica_set["metadata"]["name"]

    def all_told(events: list[Object]) -> bool:
        told = {each["message"] for each in events if each["reason"] == "ScalingReplicaSet"}
        return told == {
            f"Scaled up replica set {name} from 0 to 1",
            f"Scaled up replica set {name} from 1 to 3",
            f"Scaled down replica set {name} from 3 to 0",
        }

    events = await place.until_all("events", all_told)
    assert {each["reason"] for each in events} >= {"SuccessfulCreate"}


async def test_a_paused_deployment_is_scaled(place: Place) -> None:
    await place.create("deployments", deployment("web", 1))
    await place.until("deployments", "web", ready(1))
    await place.patch("deployments", "web", {"spec": {"paused": True, "replicas": 2}})
    paused = await place.until("deployments", "web", ready(2))
    assert conditions(paused)["Progressing"] == ("Unknown", "DeploymentPaused")


async def test_a_deployment_created_paused_makes_no_replica_set_until_it_is_resumed(place: Place) -> None:
    await place.create("deployments", deployment("web", 1, paused=True))
    await place.until("deployments", "web", lambda found: found["status"].get("observedGeneration") == 1)
    assert not await place.all("replicasets")
    await place.patch("deployments", "web", {"spec": {"paused": False}})
    await place.until("deployments", "web", ready(1))


async def test_a_pod_of_lower_deletion_cost_goes_first(place: Place) -> None:
    await place.create("deployments", deployment("web", 3))
    await place.until("deployments", "web", ready(3))
    cheap = (await place.all("pods"))[1]["metadata"]["name"]
    # The controllers share what they have heard of pods: when a budget knows of the label, its neighbour of the cost.
    spec = {"minAvailable": 0, "selector": {"matchLabels": {"cost": "low"}}}
    await place.create("poddisruptionbudgets", {"metadata": {"name": "seen"}, "spec": spec})
    cost = {"controller.kubernetes.io/pod-deletion-cost": "-1"}
    await place.patch("pods", cheap, {"metadata": {"annotations": cost, "labels": {"cost": "low"}}})
    await place.until("poddisruptionbudgets", "seen", lambda found: found["status"]["expectedPods"] == 1)
    await place.patch("deployments", "web", {"spec": {"replicas": 2}})
    left = await place.until_all("pods", lambda pods: len(pods) == 2)
    assert not named(left, cheap)


async def test_a_failed_pod_is_replaced_and_stays(place: Place) -> None:
    await place.create("deployments", deployment("web", 1))
    await place.until("deployments", "web", ready(1))
    (failed,) = await place.all("pods")
    await place.patch("pods", failed["metadata"]["name"] + "/status", {"status": {"phase": "Failed"}})
    await place.until_all("pods", lambda pods: {each["status"]["phase"] for each in pods} == {"Failed", "Running"})
    await place.until("deployments", "web", ready(1))


async def test_refused_pods_are_told_of_and_not_asked_for_again_and_again(place: Place) -> None:
    refused = deployment("web", 2)
    refused["spec"]["template"]["spec"]["priorityClassName"] = "no-such"
    await place.create("deployments", refused)
    failing = await place.until("deployments", "web", lambda found: "ReplicaFailure" in conditions(found))
    assert conditions(failing)["ReplicaFailure"] == ("True", "FailedCreate")
    await place.until_all("events", lambda events: any(each["reason"] == "FailedCreate" for each in events))
    await asyncio.sleep(1.0)
    events = [each for each in await place.all("events") if each["reason"] == "FailedCreate"]
    (replica_set,) = await place.all("replicasets")
    name = replica_set["metadata"]["name"]
    message = f'Error creating: pods "{name}-" is forbidden: no PriorityClass with name no-such was found'
    assert {each["message"] for each in events} == {message}
    assert sum(each["count"] for each in events) < 15


async def test_a_pod_without_controller_is_adopted_and_let_go_with_its_label(place: Place) -> None:
    stray = pod("stray")
    stray["metadata"]["labels"] = {"app": "web"}
    await place.create("pods", stray)
    body = deployment("web", 1)
    replica_set = {**body, "spec": {key: body["spec"][key] for key in ("replicas", "selector", "template")}}
    made = await place.create("replicasets", replica_set)
    adopted = await place.until("pods", "stray", lambda found: "ownerReferences" in found["metadata"])
    assert adopted["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    await place.patch("pods", "stray", {"metadata": {"labels": {"app": "other"}}})
    pods = await place.until_all("pods", lambda pods: len(pods) == 2)
    await place.until_all("pods", lambda pods: "ownerReferences" not in named(pods, "stray")[0]["metadata"])
    assert len(pods) == 2


async def test_a_deleted_deployment_takes_replica_sets_and_pods_with_it(place: Place) -> None:
    await place.create("deployments", deployment("web", 2))
    await place.until("deployments", "web", ready(2))
    await place.delete("deployments", "web")
    await place.until_all("replicasets", lambda found: not found)
    await place.until_all("pods", lambda found: not found)


async def test_a_deployment_made_anew_at_once_gets_pods_of_its_own(place: Place) -> None:
    await place.create("deployments", deployment("web", 1))
    await place.until("deployments", "web", ready(1))
    (old,) = await place.all("pods")
    await place.delete("deployments", "web")
    await place.create("deployments", deployment("web", 1))
    await place.until("deployments", "web", ready(1))
    (new,) = await place.until_all("pods", lambda pods: len(pods) == 1 and pods[0]["status"]["phase"] == "Running")
    assert new["metadata"]["uid"] != old["metadata"]["uid"]


async def test_what_lost_one_of_two_owners_stays_and_what_lost_all_goes(place: Place) -> None:
    owners = [await place.create("configmaps", {"metadata": {"name": name}}) for name in ("one", "two")]
    one, two = (
        {"apiVersion": "v1", "kind": "ConfigMap", "name": each["metadata"]["name"], "uid": each["metadata"]["uid"]}
        for each in owners
    )
    for name, references in (("both", [one, two]), ("single", [one])):
        await place.create("configmaps", {"metadata": {"name": name, "ownerReferences": references}})
    await place.delete("configmaps", "one")
    await place.until_all("configmaps", lambda found: not named(found, "single"))
    await place.until("configmaps", "both", lambda found: found["metadata"]["ownerReferences"] == [two])


async def test_a_bound_pod_is_running_and_ready_after_its_delay(place: Place) -> None:
    began = time.monotonic()
    made = await place.create("pods", pod("slow", {"pod-ready.stage.kwok.x-k8s.io/delay": "500ms"}))
    await place.until("pods", "slow", lambda found: found["status"]["phase"] == "Running")
    assert time.monotonic() - began > 0.45
    running = await place.get("pods", "slow")
    *_, bound, _ = await place.story("pods", made, running)
    assert ("nodeName" in bound["spec"], bound["status"]["phase"]) == (True, "Pending")
    assert {kind: status for kind, (status, _) in conditions(running).items()} == {
        "PodScheduled": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
    }
    (container,) = running["status"]["containerStatuses"]
    assert (container["name"], container["ready"], container["restartCount"]) == ("main", True, 0)
    assert running["status"]["podIPs"] == [{"ip": running["status"]["podIP"]}]


async def test_a_pod_that_completes_has_succeeded(place: Place) -> None:
    await place.create("pods", pod("run", {"pod-complete.stage.kwok.x-k8s.io/delay": "100ms"}, restartPolicy="Never"))
    ended = await place.until("pods", "run", lambda found: found["status"]["phase"] == "Succeeded")
    assert conditions(ended)["Ready"] == ("False", "PodCompleted")


async def test_a_deleted_pod_goes_after_its_delay(place: Place) -> None:
    await place.create("pods", pod("slow", {"pod-delete.stage.kwok.x-k8s.io/delay": "500ms"}))
    await place.until("pods", "slow", lambda found: found["status"]["phase"] == "Running")
    began = time.monotonic()
    going = await place.delete("pods", "slow")
    assert "deletionTimestamp" in going["metadata"]
    await place.until_all("pods", lambda pods: not pods)
    assert time.monotonic() - began > 0.45


async def test_a_deleted_pod_that_finalizers_hold_has_no_time_left_after_its_delay(place: Place) -> None:
    held = pod("held", terminationGracePeriodSeconds=60)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await place.create("pods", held)
    await place.until("pods", "held", lambda found: found["status"]["phase"] == "Running")
    going = await place.delete("pods", "held")
    assert going["metadata"]["deletionGracePeriodSeconds"] == 60
    await place.until("pods", "held", lambda found: found["metadata"]["deletionGracePeriodSeconds"] == 0)
    await place.patch("pods", "held", {"metadata": {"finalizers": None}})
    await place.until_all("pods", lambda pods: not pods)


async def test_a_budget_tells_how_many_pods_may_go(place: Place) -> None:
    await place.create("deployments", deployment("web", 3))
    await place.until("deployments", "web", ready(3))
    selector = {"matchLabels": {"app": "web"}}
    specs: dict[str, Object] = {
        "share": {"minAvailable": "50%"},
        "count": {"minAvailable": 3},
        "most": {"maxUnavailable": 1},
    }
    for name, spec in specs.items():
        await place.create("poddisruptionbudgets", {"metadata": {"name": name}, "spec": {**spec, "selector": selector}})
    expected = {"share": (3, 2, 1), "count": (3, 3, 0), "most": (3, 2, 1)}
    for name, (pods, desired, allowed) in expected.items():
        done = await place.until("poddisruptionbudgets", name, lambda found: found["status"]["currentHealthy"] == 3)
        status = done["status"]
        assert (status["expectedPods"], status["observedGeneration"]) == (pods, 1)
        assert (status["desiredHealthy"], status["disruptionsAllowed"]) == (desired, allowed)
        reason = status["conditions"][0]["reason"]
        assert reason == ("SufficientPods" if allowed else "InsufficientPods")


async def test_a_deleted_namespace_goes_with_all_that_is_in_it(place: Place) -> None:
    name = f"{place.namespace}-going"
    await place.api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    going = Place(place.api, name)
    await going.create("deployments", deployment("web", 1))
    await going.create("configmaps", {"metadata": {"name": "one"}})
    await going.until("deployments", "web", ready(1))
    await place.api.request("DELETE", f"/api/v1/namespaces/{name}")
    began = time.monotonic()
    while named(decoded(await place.api.request("GET", "/api/v1/namespaces"))["items"], name):
        assert time.monotonic() - began < _LIMIT_S
        await asyncio.sleep(_POLL_S)
    assert not await going.all("configmaps")
