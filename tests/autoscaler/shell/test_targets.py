"""Whatever is labelled and can be scaled is found, with its pods, and what stands in the way is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.shell import scales, targets
from kube import discovery
from kube.client import MERGE_PATCH
from kube.discovery import Discovered
from tests.autoscaler.shell.following import (
    DEPLOYMENTS,
    LABEL,
    REPLICA_SETS,
    following,
    replicated,
    scale,
)
from tests.story.programs import until

if TYPE_CHECKING:
    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

HPAS = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "_REDISCOVER_S", 0.05)
    monkeypatch.setattr(targets, "_REDISCOVER_SOON_S", 0.05)
    monkeypatch.setattr(targets, "_LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(targets, "_FIRST_PAUSE_S", 0.05)


def autoscaler(name: str) -> dict[str, object]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {"metadata": {"name": "theirs"}, "spec": {"maxReplicas": 9, "scaleTargetRef": reference}}


async def test_labelled_workloads_are_found_with_their_ready_pods(api: Api) -> None:
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 2, annotations={"a": "b"}))
    await api.request("POST", DEPLOYMENTS, body=replicated("other", 1, labels={}))
    async with following(api) as found:
        await until(lambda: found.ready("chat") == 2)
        assert found.current("chat") == 2
        target = found.target("chat")
        assert (str(target.key), target.key.api_version, target.key.kind, target.key.resource) == (
            "default/chat", "apps/v1", "Deployment", "deployments",
        )  # fmt: skip
        assert target.annotations["a"] == "b"
        assert target.created_s > 1_600_000_000
        assert len(found.inventory.targets) == 1
        await api.request("POST", DEPLOYMENTS, body=replicated("later", 1))
        await until(lambda: found.ready("later") == 1)
        unlabelled = {"metadata": {"labels": {"plimsoll.dev/autoscale": None}}}
        await api.request("PATCH", f"{DEPLOYMENTS}/chat", body=unlabelled, content_type=MERGE_PATCH)
        await api.request("DELETE", f"{DEPLOYMENTS}/later")
        await until(lambda: not found.inventory.targets)
    assert found.told() == []


async def test_a_replica_set_of_nobody_is_found(api: Api) -> None:
    await api.request("POST", REPLICA_SETS, body=replicated("bare", 2))
    async with following(api) as found:
        await until(lambda: found.ready("bare") == 2)
        assert found.target("bare").key.kind == "ReplicaSet"
        assert found.targets.kinds() == {"deployments.apps": 0, "replicasets.apps": 1}


async def test_an_absent_count_is_one(api: Api) -> None:
    await api.request("POST", REPLICA_SETS, body=replicated("bare", None))
    async with following(api) as found:
        await until(lambda: found.current("bare") == 1)


async def test_what_a_target_controls_is_not_scaled_besides(api: Api) -> None:
    async with following(api) as found:
        await api.request("POST", DEPLOYMENTS, body=replicated("chat", 1, pod_labels=LABEL))
        await until(lambda: found.ready("chat") == 1)
        await until(lambda: len(found.inventory.targets) == 2)
        assert len(found.inventory.sights()) == 1
        await scale(api, f"{DEPLOYMENTS}/chat", 3, "kubectl")
        await until(lambda: found.ready("chat") == 3)
        reason = "not autoscaled: Deployment chat controls it and sets its replicas: label that one instead"
        assert found.told() == [("NotAutoscaled", reason)]


async def test_before_discovery_nothing_is_ready(embedded: EmbeddedCluster, api: Api) -> None:
    asked: list[str] = []

    def refuse(_method: str, path: str) -> bool:
        asked.append(path)
        return path == "/apis" and asked.count("/apis") < 3

    embedded.faults.refuse = refuse
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 1))
    async with following(api) as found:
        assert asked.count("/apis") >= 3
        assert found.current("chat") == 1


async def test_a_kind_that_may_not_be_listed_costs_no_other(embedded: EmbeddedCluster, api: Api) -> None:
    listed = "/apis/apps/v1/deployments"
    embedded.faults.forbid = lambda _method, path: path in (listed, targets_of_others)
    targets_of_others = "/apis/autoscaling/v2/horizontalpodautoscalers"
    await api.request("POST", REPLICA_SETS, body=replicated("bare", 1))
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 1))
    async with following(api) as found:
        assert found.current("bare") == 1
        assert dict(found.targets.refused()) == {
            "deployments.apps": "forbidden: you may not GET here",
            "horizontalpodautoscalers.autoscaling": "forbidden: you may not GET here",
        }
        embedded.faults.clear()
        await until(lambda: found.current("chat") == 1)
        await until(lambda: not found.targets.refused())


async def test_a_group_that_does_not_answer_keeps_its_kinds(embedded: EmbeddedCluster, api: Api) -> None:
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 1))
    async with following(api) as found:
        embedded.faults.refuse = lambda _method, path: path == "/apis/apps/v1"
        await until(lambda: "apps/" in found.targets.refused())
        assert found.current("chat") == 1
        embedded.faults.clear()
        await until(lambda: not found.targets.refused())
        assert found.current("chat") == 1


async def test_a_kind_that_is_gone_is_let_go(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 1))
    found_before = discovery.discover

    async def discover(api: Api) -> Discovered:
        whole = await found_before(api)
        return Discovered(tuple(each for each in whole.scalables if each.kind != "Deployment"))

    async with following(api) as found:
        assert found.current("chat") == 1
        monkeypatch.setattr(targets, "discover", discover)
        await until(lambda: not found.inventory.targets)
        monkeypatch.setattr(targets, "discover", found_before)
        await until(lambda: found.current("chat") == 1)


async def test_what_changed_while_the_api_server_was_away_is_seen(embedded: EmbeddedCluster, api: Api) -> None:
    for name in ("chat", "other"):
        await api.request("POST", DEPLOYMENTS, body=replicated(name, 2))
    await api.request("POST", HPAS, body=autoscaler("chat"))
    async with following(api) as found:
        await until(lambda: found.ready("chat") == found.ready("other") == 2)
        assert len(found.holds()) == 1
        embedded.faults.refuse = lambda _method, _path: True
        embedded.restart_api_server()
        await embedded.api.request("DELETE", f"{DEPLOYMENTS}/other")
        await embedded.api.request("DELETE", f"{HPAS}/theirs")
        await scale(embedded.api, f"{DEPLOYMENTS}/chat", 3, "kubectl-scale")
        await until(lambda: not embedded.busy())
        embedded.compact()
        embedded.faults.clear()
        await until(lambda: found.ready("chat") == 3 and found.sight("other") is None)
        await until(lambda: "HorizontalPodAutoscaler" not in "".join(found.holds()))


async def test_a_person_who_scales_is_told_by_name_and_respected(api: Api) -> None:
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 2))
    async with following(api) as found:
        assert found.holds() == []
        await scale(api, f"{DEPLOYMENTS}/chat", 3, "kubectl-scale")
        await until(lambda: found.current("chat") == 3)
        hold = "replicas 2 -> 3 were set by another (kubectl-scale); respected for 60s"
        assert found.holds() == [hold]
        assert found.holds() == [hold]
        assert found.told() == [("ReplicasSetByAnother", hold)]
        found.now_ms += 60_000
        assert found.holds() == []


async def test_another_autoscaler_of_the_same_workload_has_it(api: Api) -> None:
    await api.request("POST", DEPLOYMENTS, body=replicated("chat", 2))
    async with following(api) as found:
        await api.request("POST", HPAS, body=autoscaler("chat"))
        await until(lambda: bool(found.holds()))
        hold = "HorizontalPodAutoscaler theirs scales it too: remove one of both; replicas are left to it"
        assert found.holds() == [hold]
        assert found.told() == [("ScaledByAnotherAutoscaler", hold)]
        await api.request("DELETE", f"{HPAS}/theirs")
        await until(lambda: not found.holds())


# --- kinds of others: the embedded cluster has none, so that replica sets stand for them here ---


@pytest.fixture
def custom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "_OWN_COUNT", {("apps", "deployments")})


@pytest.mark.usefixtures("custom")
async def test_the_scale_of_a_custom_resource_tells_count_and_pods(api: Api) -> None:
    await api.request("POST", REPLICA_SETS, body=replicated("bare", 2))
    async with following(api) as found:
        await until(lambda: found.ready("bare") == 2)
        assert str(found.target("bare").selector)
        await scale(api, f"{REPLICA_SETS}/bare", 3, "kubectl-scale")
        await until(lambda: found.ready("bare") == 3)
        await until(lambda: bool(found.holds()))
        assert "replicas 2 -> 3 were set by another" in found.holds()[0]
        await api.request("DELETE", f"{REPLICA_SETS}/bare")
        await until(lambda: not found.inventory.targets)


@pytest.mark.usefixtures("custom")
async def test_a_scale_is_read_once_for_each_change_of_the_spec(embedded: EmbeddedCluster, api: Api) -> None:
    reads: list[str] = []

    def refuse(method: str, path: str) -> bool:
        reads.extend([path] if method == "GET" and path.endswith("/scale") else [])
        return False

    embedded.faults.refuse = refuse
    async with following(api) as found:
        await api.request("POST", REPLICA_SETS, body=replicated("bare", 2))
        await until(lambda: found.ready("bare") == 2)
        for number in range(20):  # each is a new version of the object, of the same generation
            body = {"metadata": {"annotations": {"n": str(number)}}}
            await api.request("PATCH", f"{REPLICA_SETS}/bare", body=body, content_type=MERGE_PATCH)
        await until(lambda: found.target("bare").annotations == {"n": "19"})
        assert len(reads) == 1
        await scale(api, f"{REPLICA_SETS}/bare", 4, "kubectl-scale")
        await until(lambda: found.ready("bare") == 4)
        assert len(reads) == 2


@pytest.mark.usefixtures("custom")
async def test_a_scale_that_may_not_be_read_is_told_once_and_tried_again(
    embedded: EmbeddedCluster, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scales, "_AGAIN_S", 0.01)
    monkeypatch.setattr(scales, "_LOOK_S", 0.01)
    tries: list[str] = []

    def forbid(method: str, path: str) -> bool:
        scale_read = method == "GET" and path.endswith("/scale")
        tries.extend([path] if scale_read else [])
        return scale_read

    embedded.faults.forbid = forbid
    await api.request("POST", REPLICA_SETS, body=replicated("bare", 2))
    async with following(api) as found:
        await until(lambda: len(tries) >= 3)
        message = "not autoscaled: its scale cannot be read: forbidden: you may not GET here"
        assert found.told() == [("NotAutoscaled", message)]
        embedded.faults.clear()
        await until(lambda: found.current("bare") == 2)


@pytest.mark.usefixtures("custom")
async def test_a_watch_that_is_behind_does_not_undo_what_was_written(api: Api) -> None:
    await api.request("POST", REPLICA_SETS, body=replicated("bare", 2))
    async with following(api) as found:
        await until(lambda: found.current("bare") == 2)
        await found.write("bare", 3)
        assert found.current("bare") == 3
        await until(lambda: found.ready("bare") == 3)
        assert found.holds() == []
