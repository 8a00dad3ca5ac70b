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
    *(("autoscaling", "v1", plural) for plural in ("", "horizontalpodautoscalers", "watch")),
    ("autoscaling", "v2", "watch"),
    *((group, "v1", "watch") for group in ("coordination.k8s.io", "policy", "scheduling.k8s.io")),
}  # fmt: skip
_REAL_GROUPS = {
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io",
    "authorization.k8s.io", "batch", "certificates.k8s.io", "discovery.k8s.io", "events.k8s.io",
    "flowcontrol.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "rbac.authorization.k8s.io", "resource.k8s.io",
    "storage.k8s.io",
}  # fmt: skip
_REAL_PAGES = (
    "", ".well-known/openid-configuration", "flagz", "metrics", "metrics/slis", "openapi/v2", "openapi/v3",
    "openid/v1/jwks", "statusz",
)  # fmt: skip
_REAL_BELOW = ("openapi/v3/", *(f"{page}/poststarthook/" for page in ("healthz", "livez", "readyz")))
_REAL_CHECKS = ("autoregister-completion", "etcd", "log", "loopback-serving-certificate", "ping")
_REAL_READY = (*_REAL_CHECKS, "etcd-readiness", "informer-sync", "shutdown")
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
    match path.removeprefix("/").rstrip("/").split("/"):
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case ["apis", group] if group in _REAL_GROUPS:
            raise not_implemented(f"it has no {group}")
        case ["version", _, *_]:
            raise _no_resource()
        case parts:
            raise _no_page("/".join(parts))
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


def _no_page(path: str) -> Problem:
    """Return 501 for what the real API server serves beside its objects, 404 for what it does not."""
    page, _, check = path.partition("/")
    served = {"healthz": _REAL_CHECKS, "livez": _REAL_CHECKS, "readyz": _REAL_READY}.get(page, ())
    if path in _REAL_PAGES or path.startswith(_REAL_BELOW) or check in served:
        return not_implemented(f"it has no page /{path}")
    return nothing_there()


def _no_resource() -> Problem:
    return Problem(404, "NotFound", "the server could not find the requested resource", {})


def _unserved(group: str, version: str, plural: str) -> Problem:
    """Return 501 for what the real API server has, 404 for what it has not either."""
    if not group or group in {kind.group for kind in kinds.KINDS}:
        if (group, version, plural) in _REAL:
            return not_implemented(f"it has no {'/'.join(filter(None, (group, version, plural)))}")
        return _no_resource()
    if group in _REAL_GROUPS:
        return not_implemented(f"it has no {'/'.join(filter(None, (group, version, plural)))}")
    return nothing_there()


def _subresources(kind: Kind) -> tuple[str, ...]:
    return (
        *kind.subresources,
        *(("status",) if kind.status else ()),
        *(("finalize",) if kind is kinds.NAMESPACES else ()),
    )
