"""How do the manifests of deploy/ reach an API server? Read as Kustomize lists them, applied server-side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from kube.client import APPLY_PATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from kube.client import Api

FIELD_MANAGER = "plimsoll-deploy"


def load(kustomization: Path) -> list[dict[str, Any]]:
    """Return the objects of a `kustomization.yaml`'s resources, in their order; plain files and folders only."""
    listed = yaml.safe_load(kustomization.read_text())
    objects: list[dict[str, Any]] = []
    for name in listed["resources"]:
        path = kustomization.parent / name
        if path.is_dir():
            objects += load(path / "kustomization.yaml")
        else:
            objects += [each for each in yaml.safe_load_all(path.read_text()) if each]
    return objects


def without_processes(objects: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the same for pods that run nothing: no process takes more than its share, and none outlives its pod.

    So shares need nothing that enforces them, and no device is held for a pod that is gone.
    """
    return [
        {**each, "data": {**each["data"], "enforcement": "none", "quarantine-period": "0s"}}
        if each["kind"] == "ConfigMap" and each["metadata"]["name"] == "config-extender"
        else each
        for each in objects
    ]


async def apply(api: Api, objects: Iterable[Mapping[str, Any]]) -> None:
    """Apply objects one after another: a namespace comes before what lives in it.

    Raises:
        ApiError: the API server refused one, or does not serve its kind.
    """
    paths = _Paths(api)
    for each in objects:
        await api.request(
            "PATCH",
            await paths.of(each),
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body=each,
            content_type=APPLY_PATCH,
        )


class _Resource(msgspec.Struct):
    name: str
    kind: str
    namespaced: bool


class _ResourceList(msgspec.Struct):
    resources: list[_Resource]


class _Paths:
    """The URL path of an object, from the server's own list of its kinds."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._kinds: dict[str, dict[str, _Resource]] = {}

    async def of(self, each: Mapping[str, Any]) -> str:
        version, kind, metadata = each["apiVersion"], each["kind"], each["metadata"]
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        if version not in self._kinds:
            served = msgspec.json.decode(await self._api.request("GET", root), type=_ResourceList)
            # Subresources (pods/status) share the kind of their parent.
            self._kinds[version] = {one.kind: one for one in served.resources if "/" not in one.name}
        resource = self._kinds[version][kind]
        if resource.namespaced:
            root = f"{root}/namespaces/{metadata['namespace']}"
        return f"{root}/{resource.name}/{metadata['name']}"
