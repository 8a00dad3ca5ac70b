"""A template asks for whole GPUs in the words of node autoscalers, and may go where its pods may."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from extender.core.gang.steps import PodSet, Want
from extender.core.model import PodKey
from extender.shell.provisioning import Requests, name_of, template_of

if TYPE_CHECKING:
    from kube.client import Api

KEY = PodKey("u", "n", "p")


def pod(**spec: Any) -> dict[str, Any]:
    resources = {"limits": {"plimsoll.dev/gpu": "1"}, "requests": {"plimsoll.dev/gpu": "1", "cpu": "2"}}
    main = {"name": "main", "image": "server", "resources": resources, "env": [{"name": "A", "value": "b"}]}
    metadata = {"uid": "u", "name": "p", "labels": {"app": "a"}, "annotations": {"plimsoll.dev/gpus": "4"}}
    return {"metadata": metadata, "spec": {"containers": [main, {"name": "side", "image": "proxy"}], **spec}}


def test_our_marker_becomes_whole_gpus_and_the_rest_of_what_is_asked_for_stays() -> None:
    template = template_of(pod(), PodSet(KEY, 8, gpus=4))
    assert template["spec"]["containers"] == [
        {
            "name": "main",
            "image": "server",
            "resources": {"limits": {"nvidia.com/gpu": "4"}, "requests": {"cpu": "2", "nvidia.com/gpu": "4"}},
        },
        {"name": "side", "image": "proxy", "resources": {}},
    ]
    assert template["metadata"] == {"labels": {"app": "a"}}


def test_what_says_where_a_pod_may_go_is_kept_and_what_holds_it_back_is_not() -> None:
    where = {"nodeSelector": {"pool": "a"}, "tolerations": [{"operator": "Exists"}], "priorityClassName": "c"}
    what = {
        "schedulingGates": [{"name": "plimsoll.dev/gang"}],
        "schedulerName": "plimsoll",
        "nodeName": "",
        "affinity": {},
    }
    spec = template_of(pod(**where, **what), PodSet(KEY, 1, gpus=1))["spec"]
    assert spec.keys() == {"containers", *where}


def test_pods_that_share_a_gpu_have_their_containers_together_and_one_gpu() -> None:
    inits = [{"name": "load", "image": "loader", "restartPolicy": "Always"}]
    spec = template_of(pod(initContainers=inits), PodSet(KEY, 3, gpus=1, together=2))["spec"]
    assert [one["name"] for one in spec["containers"]] == ["main-0", "side-0", "main-1", "side-1"]
    gpus = [one["resources"].get("limits", {}).get("nvidia.com/gpu", "0") for one in spec["containers"]]
    assert gpus == ["1", "0", "0", "0"]
    assert [one["resources"].get("requests", {}).get("cpu") for one in spec["containers"]] == ["2", None, "2", None]
    assert spec["initContainers"] == [
        {"name": "load-first", "image": "loader", "resources": {}, "restartPolicy": "Always"}
    ]


def test_another_request_has_another_name_and_the_same_one_the_same() -> None:
    one = Want("g", (PodSet(KEY, 8, 1),), "class")
    others = [
        Want("h", one.sets, "class"),
        Want("g", (PodSet(KEY, 7, 1),), "class"),
        Want("g", (PodSet(replace(KEY, uid="v"), 8, 1),), "class"),
        Want("g", one.sets, "other"),
    ]
    assert name_of(Want("g", (PodSet(KEY, 8, 1),), "class")) == name_of(one)
    assert len({name_of(want) for want in (one, *others)}) == 5


class Holding:
    """An API server that has these ProvisioningRequests."""

    def __init__(self, *requests: dict[str, Any]) -> None:
        self._requests = requests
        self.deleted: list[str] = []

    async def request(self, method: str, path: str, **_: Any) -> bytes:
        if method == "DELETE":
            self.deleted.append(path.rpartition("/")[2])
        return json.dumps({"metadata": {}, "items": self._requests}).encode()


async def test_a_request_that_cannot_be_read_keeps_no_other_from_being_taken_away() -> None:
    odd = {"metadata": {"name": "odd", "namespace": "n"}, "spec": {"podSets": 7}}
    api = Holding(odd, {"metadata": {"name": "old", "namespace": "n"}, "spec": {"podSets": []}})
    assert await Requests(cast("Api", api), lambda: True)._bring_about(())
    assert api.deleted == ["old"]
