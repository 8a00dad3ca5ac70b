"""What is answered to somebody who does not say who they are? What anybody may know; else that they may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.api.routes import route
from plimsoll.embedded.core.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

OPEN_TO_ALL = ("/healthz", "/livez", "/readyz", "/version")

_WHO = 'User "system:anonymous" cannot'
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get"}


def forbidden_to_strangers(method: str, path: str, query: Mapping[str, str]) -> Problem:
    """Return the refusal of what a stranger asks for."""
    try:
        where = route(path)
    except Problem:
        return Problem(403, "Forbidden", f'forbidden: {_WHO} {method.lower()} path "{path}"', {})
    verb = _VERBS.get(method, method.lower())
    if not where.name and verb in ("get", "delete"):
        watches = query.get("watch", "false") not in ("false", "0")
        verb = "deletecollection" if verb == "delete" else "watch" if watches else "list"
    kind = where.kind
    resource = "/".join(filter(None, (kind.plural, where.subresource)))
    place = f'in the namespace "{where.namespace}"' if where.namespace else "at the cluster scope"
    whole = f'{kind.resource} "{where.name}"' if where.name else kind.resource
    sentence = f'{whole} is forbidden: {_WHO} {verb} resource "{resource}" in API group "{kind.group}" {place}'
    about = {"name": where.name} if where.name else {}
    about |= {"group": kind.group} if kind.group else {}
    return Problem(403, "Forbidden", sentence, {**about, "kind": kind.plural})
