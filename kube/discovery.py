"""Which resources does the API server scale? Those with a `scale` subresource, found by discovery.

One document tells all where the server has aggregated discovery; else there is a document for each group and version.
A group that cannot be asked (its own API server is away) costs none of the others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kube.client import JSON, Api, ApiError
from kube.objects import Object, ObjectMeta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    f"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,{JSON}"
)
_Decoded = TypeVar("_Decoded", bound=Object)

_AT_ONCE = 8
_TIMEOUT_S = 30.0
_READ, _WRITE = {"list", "watch"}, {"get", "patch"}
# Served twice by old API servers: the same objects, under the same UIDs, are in the other group too.
_OLD_NAMES = {"extensions": "apps"}


@dataclass(frozen=True, slots=True, order=True)
class Scalable:
    """A resource with a `scale` subresource: its group ("" for the core), version, plural and kind."""

    group: str
    version: str
    resource: str
    kind: str

    @property
    def api_version(self) -> str:
        """The apiVersion in its objects: "apps/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """Its name as kubectl and RBAC write it: "deployments.apps"."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def path(self) -> str:
        """Where its objects of all namespaces are."""
        return f"{_root(self.group, self.version)}/{self.resource}"

    def path_of(self, namespace: str, name: str) -> str:
        """Return where one of its objects is."""
        return f"{_root(self.group, self.version)}/namespaces/{namespace}/{self.resource}/{name}"


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found, in order; `failed` says why a group ("" for the core) could not be asked, wholly or in part."""

    scalables: tuple[Scalable, ...]
    failed: Mapping[str, str] = field(default_factory=dict)


def _root(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


async def discover(api: Api) -> Discovered:
    """Return every namespaced resource that can be listed, watched and scaled, once each, at its preferred version.

    Raises:
        ApiError: the API server does not answer; a broken group is no error.
    """
    failed: dict[str, str] = {}
    everything: list[Scalable] = []  # of each group, what is preferred comes first
    for root in ("/api", "/apis"):
        answer = await api.request("GET", root, accept=_AGGREGATED, timeout_s=_TIMEOUT_S)
        document = _decoded(answer, _Document)
        if document.kind == "APIGroupDiscoveryList":
            everything.extend(_aggregated(_decoded(answer, _Aggregated), failed))
        elif root == "/api":
            everything.extend(await _legacy(api, [("", version) for version in document.versions or ()], failed))
        else:
            everything.extend(await _legacy(api, _in_order(document.groups or ()), failed))
    found: dict[tuple[str, str], Scalable] = {}
    for scalable in everything:
        found.setdefault((scalable.group, scalable.resource), scalable)
    doubles = {(old, resource) for old, new in _OLD_NAMES.items() for group, resource in found if group == new}
    return Discovered(tuple(sorted(one for name, one in found.items() if name not in doubles)), failed)


# --- aggregated discovery ---


class _Kind(Object):
    group: str = ""
    version: str = ""
    kind: str = ""


class _Subresource(Object):
    subresource: str
    response_kind: _Kind | None = None
    verbs: list[str] | None = None


class _Resource(Object):
    resource: str
    response_kind: _Kind | None = None
    scope: str = ""
    verbs: list[str] | None = None
    subresources: list[_Subresource] | None = None


class _Version(Object):
    version: str
    resources: list[_Resource] | None = None
    freshness: str = ""


class _Group(Object):
    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    versions: list[_Version] | None = None


class _Aggregated(Object):
    items: list[_Group] | None = None


def _aggregated(document: _Aggregated, failed: dict[str, str]) -> Iterator[Scalable]:
    for group in document.items or ():
        name = group.metadata.name
        for version in group.versions or ():
            if version.freshness == "Stale":
                failed[name] = f"the API server of {name}/{version.version} does not answer"
            for resource in version.resources or ():
                if resource.response_kind is not None and _scaled(resource):
                    yield Scalable(name, version.version, resource.resource, resource.response_kind.kind)


def _scaled(resource: _Resource) -> bool:
    for scale in resource.subresources or ():
        kind = scale.response_kind
        if scale.subresource == "scale" and kind is not None:
            readable = resource.scope == "Namespaced" and set(resource.verbs or ()) >= _READ
            return readable and _scales(kind.group, kind.version, kind.kind, scale.verbs)
    return False


def _scales(group: str, version: str, kind: str, verbs: Iterable[str] | None) -> bool:
    return (group, version, kind) == ("autoscaling", "v1", "Scale") and set(verbs or ()) >= _WRITE


# --- one document a group and version ---


class _GroupVersion(Object):
    version: str


class _LegacyGroup(Object):
    name: str
    versions: list[_GroupVersion] | None = None
    preferred_version: _GroupVersion | None = None


class _Document(Object):
    kind: str = ""
    versions: list[str] | None = None
    groups: list[_LegacyGroup] | None = None


class _LegacyResource(Object):
    name: str
    namespaced: bool = False
    kind: str = ""
    group: str = ""
    version: str = ""
    verbs: list[str] | None = None


class _LegacyResources(Object):
    resources: list[_LegacyResource] | None = None


def _in_order(groups: Iterable[_LegacyGroup]) -> Iterator[tuple[str, str]]:
    for group in groups:
        preferred = group.preferred_version.version if group.preferred_version else ""
        names = [each.version for each in group.versions or ()]
        for version in sorted(names, key=lambda name: name != preferred):  # the others stay in the server's order
            yield group.name, version


async def _legacy(api: Api, asked: Iterable[tuple[str, str]], failed: dict[str, str]) -> Iterable[Scalable]:
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(group: str, version: str) -> tuple[Scalable, ...]:
        try:
            async with places:
                answer = await api.request("GET", _root(group, version), timeout_s=_TIMEOUT_S)
            resources = _decoded(answer, _LegacyResources).resources or ()
        except ApiError as error:
            failed[group] = f"{group or 'core'}/{version}: {error.message}"
            return ()
        return tuple(_legacy_scalables(group, version, resources))

    return chain.from_iterable(await asyncio.gather(*(one(group, version) for group, version in asked)))


def _legacy_scalables(group: str, version: str, resources: Iterable[_LegacyResource]) -> Iterator[Scalable]:
    by_name = {each.name: each for each in resources}
    for each in by_name.values():
        scale = by_name.get(f"{each.name}/scale")
        if (
            scale is not None
            and each.namespaced
            and set(each.verbs or ()) >= _READ
            and _scales(scale.group, scale.version, scale.kind, scale.verbs)
        ):
            yield Scalable(group, version, each.name, each.kind)


def _decoded(answer: bytes, kind: type[_Decoded]) -> _Decoded:
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.DecodeError as error:
        raise ApiError(0, "Undecodable", f"the API server's discovery document cannot be read: {error}") from error
