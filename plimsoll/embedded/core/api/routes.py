"""Which object, or which list, does a path name?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.problem import Problem, not_implemented

if TYPE_CHECKING:
    from plimsoll.embedded.core.kinds import Kind

_BY_PATH: dict[tuple[str, str, str], Kind] = {(kind.group, kind.version, kind.plural): kind for kind in kinds.KINDS}


NOTHING_THERE = "404 page not found"

# What the real API server serves besides in the groups of our kinds, and its groups whose names do not tell.
_REAL = {
    *(("", "v1", plural) for plural in (
        "bindings", "componentstatuses", "endpoints", "limitranges", "persistentvolumeclaims", "persistentvolumes",
        "podtemplates", "replicationcontrollers", "resourcequotas", "secrets", "serviceaccounts", "watch",
    )),
    *(("apps", "v1", plural) for plural in ("controllerrevisions", "daemonsets", "statefulsets", "watch")),
    *((group, "v1", "watch") for group in ("coordination.k8s.io", "policy", "scheduling.k8s.io")),
}  # fmt: skip
_REAL_GROUPS = {"autoscaling", "batch"}
_REAL_SUBRESOURCES = {
    kinds.NODES: ("proxy",),
    kinds.PODS: ("attach", "ephemeralcontainers", "exec", "log", "portforward", "proxy", "resize"),
    kinds.SERVICES: ("proxy",),
}


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is "" for a list; `namespace` is "" for what has none, and for a list over all of them."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


def route(path: str) -> Route:
    """Return what a path below /api/v1/ or /apis/GROUP/VERSION/ names.

    Raises:
        Problem: 404 where the real API server has nothing either; 501 where it may have something.
    """
    match path.strip("/").split("/"):
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            raise nothing_there()
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and not (group == "" and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = [*rest, "", "", ""][:3]
    kind = _BY_PATH.get((group, version, plural))
    if kind is None:
        raise _unserved(group, version, plural)
    if subresource and subresource not in _subresources(kind):
        if subresource in _REAL_SUBRESOURCES.get(kind, ()):
            raise not_implemented(f"it has no {kind.resource}/{subresource}")
        raise _no_resource()
    if len(rest) > 3 or bool(namespace) > kind.namespaced or (name and kind.namespaced > bool(namespace)):
        raise _no_resource()
    return Route(kind, namespace, name, subresource)


def nothing_there() -> Problem:
    """No part of the API server answers at this path."""
    return Problem(404, "NotFound", NOTHING_THERE)


def _no_resource() -> Problem:
    return Problem(404, "NotFound", "the server could not find the requested resource", {})


def _unserved(group: str, version: str, plural: str) -> Problem:
    """Return 501 for what the real API server has, 404 for what it has not either."""
    if not group or group in {kind.group for kind in kinds.KINDS}:
        if (group, version, plural) in _REAL:
            return not_implemented(f"it has no {'/'.join(filter(None, (group, version, plural)))}")
        return _no_resource()
    if group.endswith(".k8s.io") or group in _REAL_GROUPS:
        return not_implemented(f"it has no {group}/{version}/{plural}")
    return nothing_there()


def _subresources(kind: Kind) -> tuple[str, ...]:
    return (
        *kind.subresources,
        *(("status",) if kind.status else ()),
        *(("finalize",) if kind is kinds.NAMESPACES else ()),
    )
