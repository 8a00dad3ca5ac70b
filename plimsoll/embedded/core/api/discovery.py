"""What does the embedded API server say that it serves?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object

# The version that its answers were held against.
_VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.3+plimsoll-embedded", "platform": "python"}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def document(path: str) -> Object | None:
    """Return the discovery document at `path`; None where there is none."""
    groups = dict(sorted((kind.group, kind.version) for kind in kinds.KINDS if kind.group))
    match path.removeprefix("/").rstrip("/").split("/"):
        case ["version"]:
            return _VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*each) for each in groups.items()]}
        case ["apis", group] if group in groups:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, groups[group])}
        case ["api", "v1"]:
            return _resources("", "v1")
        case ["apis", group, version] if groups.get(group) == version:
            return _resources(group, version)
    return None


def _group(name: str, version: str) -> Object:
    served = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [served], "preferredVersion": served}


def _resources(group: str, version: str) -> Object:
    served = [kind for kind in kinds.KINDS if (kind.group, kind.version) == (group, version)]
    resources = [one for kind in served for one in _resource(kind)]
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _resource(kind: Kind) -> Iterator[dict[str, Any]]:
    own = {"singularName": kind.name.lower(), "namespaced": kind.namespaced, "kind": kind.name}
    verbs = [verb for verb in _VERBS if kind is not kinds.NAMESPACES or verb != "deletecollection"]
    yield {"name": kind.plural, **own, "verbs": verbs, **({"shortNames": list(kind.short)} if kind.short else {})}
    if kind.status:
        yield {"name": f"{kind.plural}/status", **own, "singularName": "", "verbs": ["get", "patch", "update"]}
    if kind is kinds.NAMESPACES:
        yield {"name": "namespaces/finalize", **own, "singularName": "", "verbs": ["update"]}
    for name, (group, version, what, verbs) in _SUBRESOURCES.items():
        if name in kind.subresources:
            yield {
                "name": f"{kind.plural}/{name}",
                "singularName": "",
                "namespaced": kind.namespaced,
                "group": group,
                "version": version,
                "kind": what,
                "verbs": verbs,
            }


_SUBRESOURCES = {
    "binding": ("", "v1", "Binding", ["create"]),
    "eviction": ("policy", "v1", "Eviction", ["create"]),
    "scale": ("autoscaling", "v1", "Scale", ["get", "patch", "update"]),
}
