"""What can be scaled is found in either form of discovery, once each, and a broken group costs no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.client import Api, ApiError
from kube.discovery import Discovered, Scalable, discover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.embedded import EmbeddedCluster

ALL = ["create", "delete", "get", "list", "patch", "update", "watch"]
SCALED = {"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}}
SCALE = {**SCALED, "verbs": ["get", "patch", "update"]}
OLD_SCALE = {**SCALE, "responseKind": {"group": "extensions", "version": "v1beta1", "kind": "Scale"}}


class Documents(Api):
    """An API server of discovery documents alone; a path that it has not is a server that is away."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self._documents = documents

    async def request(self, method: str, path: str, **_: Any) -> bytes:
        assert method == "GET"
        if path not in self._documents:
            raise ApiError(503, "ServiceUnavailable", "the server is currently unable to handle the request")
        return msgspec.json.encode(self._documents[path])


def resource(plural: str, kind: str, *subresources: Any, scope: str = "Namespaced", verbs: Any = ALL) -> dict[str, Any]:
    own = {"group": "", "version": "", "kind": kind}
    return {
        "resource": plural, "responseKind": own, "scope": scope, "verbs": verbs, "subresources": list(subresources),
    }  # fmt: skip


def aggregated(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what /api and /apis answer; of each version its resources, or "Stale"."""

    def version(name: str, resources: Any) -> dict[str, Any]:
        if resources == "Stale":
            return {"version": name, "freshness": "Stale"}
        return {"version": name, "freshness": "Current", "resources": resources}

    def items(names: list[str]) -> list[Any]:
        return [
            {"metadata": {"name": name} if name else {}, "versions": [version(*each) for each in groups[name].items()]}
            for name in names
        ]

    kind = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2"}
    core: list[str] = [name for name in groups if name == ""]
    others = [name for name in groups if name]
    return {"/api": {**kind, "items": items(core)}, "/apis": {**kind, "items": items(others)}}


async def found(groups: Mapping[str, Mapping[str, Any]]) -> Discovered:
    return await discover(Documents(aggregated(groups)))


async def test_what_has_a_scale_is_found_in_order() -> None:
    apps = [resource("statefulsets", "StatefulSet", SCALE), resource("deployments", "Deployment", SCALE)]
    core = [resource("replicationcontrollers", "ReplicationController", SCALE), resource("pods", "Pod")]
    assert await found({"apps": {"v1": apps}, "": {"v1": core}}) == Discovered((
        Scalable("", "v1", "replicationcontrollers", "ReplicationController"),
        Scalable("apps", "v1", "deployments", "Deployment"),
        Scalable("apps", "v1", "statefulsets", "StatefulSet"),
    ))  # fmt: skip


@pytest.mark.parametrize(
    "unfit",
    [
        resource("things", "Thing"),
        resource("things", "Thing", {"subresource": "status", "responseKind": None, "verbs": ["get"]}),
        resource("things", "Thing", SCALE, scope="Cluster"),
        resource("things", "Thing", SCALE, verbs=["get", "list"]),
        resource("things", "Thing", {**SCALED, "verbs": ["get"]}),
        resource("things", "Thing", OLD_SCALE),
    ],
    ids=[
        "no scale", "another subresource", "of the whole cluster", "cannot be watched", "cannot be written",
        "a scale of another kind",
    ],
)  # fmt: skip
async def test_what_we_could_not_scale_is_left_out(unfit: dict[str, Any]) -> None:
    assert (await found({"example.com": {"v1": [unfit]}})).scalables == ()


async def test_a_resource_of_several_versions_is_found_once_at_the_preferred_one() -> None:
    groups = {
        "example.com": {
            "v2": [resource("things", "Thing", SCALE)],
            "v1": [resource("things", "Thing", SCALE), resource("olds", "Old", SCALE)],
        }
    }
    assert [(each.resource, each.version) for each in (await found(groups)).scalables] == [
        ("olds", "v1"),
        ("things", "v2"),
    ]


async def test_the_old_name_of_a_group_is_no_second_one() -> None:
    deployments = [resource("deployments", "Deployment", SCALE)]
    whole = await found({"extensions": {"v1beta1": deployments}, "apps": {"v1": deployments}})
    assert whole.scalables == (Scalable("apps", "v1", "deployments", "Deployment"),)


async def test_the_same_name_in_another_group_is_another_resource() -> None:
    deployments = [resource("deployments", "Deployment", SCALE)]
    whole = await found({"example.com": {"v1": deployments}, "apps": {"v1": deployments}})
    assert [each.name for each in whole.scalables] == ["deployments.apps", "deployments.example.com"]


async def test_a_group_that_is_away_costs_no_other() -> None:
    whole = await found({"": {"v1": []}, "away.com": {"v1": "Stale"}, "apps": {"v1": [resource("a", "A", SCALE)]}})
    assert whole.scalables == (Scalable("apps", "v1", "a", "A"),)
    assert whole.failed == {"away.com": "the API server of away.com/v1 does not answer"}


def test_a_scalable_has_names_and_paths() -> None:
    one = Scalable("apps", "v1", "deployments", "Deployment")
    assert (one.api_version, one.name) == ("apps/v1", "deployments.apps")
    assert one.path == "/apis/apps/v1/deployments"
    assert one.path_of("team", "chat") == "/apis/apps/v1/namespaces/team/deployments/chat"
    old = Scalable("", "v1", "replicationcontrollers", "ReplicationController")
    assert (old.api_version, old.name, old.path) == ("v1", "replicationcontrollers", "/api/v1/replicationcontrollers")


# --- without aggregated discovery ---

_LEGACY = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "example.com",
                "versions": [{"version": "v1"}, {"version": "v2"}],
                "preferredVersion": {"version": "v2"},
            },
            {"name": "away.com", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}},
        ],
    },
    "/api/v1": {"resources": [{"name": "pods", "namespaced": True, "kind": "Pod", "verbs": ALL}]},
}


def legacy(*, namespaced: bool = True, verbs: Any = ALL, scale: Any = ("get", "patch")) -> dict[str, Any]:
    own = {"group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": list(scale)}
    things = {"name": "things", "namespaced": namespaced, "kind": "Thing", "verbs": verbs}
    return {"resources": [{"name": "things/scale", "namespaced": True, **own}, things]}


async def test_the_older_documents_tell_the_same() -> None:
    documents = {**_LEGACY, "/apis/example.com/v1": legacy(), "/apis/example.com/v2": legacy()}
    whole = await discover(Documents(documents))
    assert whole.scalables == (Scalable("example.com", "v2", "things", "Thing"),)
    assert whole.failed == {"away.com": "away.com/v1: the server is currently unable to handle the request"}


@pytest.mark.parametrize("unfit", [legacy(namespaced=False), legacy(verbs=["get"]), legacy(scale=["get"])])
async def test_what_we_could_not_scale_is_left_out_there_too(unfit: dict[str, Any]) -> None:
    documents = {**_LEGACY, "/apis/example.com/v1": unfit, "/apis/example.com/v2": unfit}
    assert (await discover(Documents(documents))).scalables == ()


@pytest.mark.parametrize("documents", [{}, {"/api": _LEGACY["/api"], "/api/v1": {}}, {"/api": [1, 2, 3]}])
async def test_a_server_that_is_away_or_talks_nonsense_is_an_error(documents: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        await discover(Documents(documents))


async def test_the_embedded_cluster_scales_deployments_and_replica_sets(embedded: EmbeddedCluster, api: Api) -> None:
    whole = await discover(api)
    assert [each.name for each in whole.scalables] == ["deployments.apps", "replicasets.apps"]
    assert whole == await discover(embedded.api)
