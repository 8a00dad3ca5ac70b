"""How does somebody else ask the API server? The admin speaks for them: RBAC and admission see whom they are told."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deploy.local import LocalCluster

Answer = tuple[int, dict[str, Any]]

_TYPES = {"PATCH": "application/merge-patch+json"}


@dataclass(frozen=True)
class Someone:
    """A user and a group of theirs."""

    name: str
    group: str = "system:authenticated"


def ask(cluster: LocalCluster, who: Someone, verb: str, path: str, body: dict[str, Any]) -> Answer:
    """Return the status and the object that somebody is answered with."""
    admin = json.loads(cluster.admin_kubeconfig.read_text())
    trust = ssl.create_default_context(cafile=admin["clusters"][0]["cluster"]["certificate-authority"])
    headers = {
        "Authorization": f"Bearer {admin['users'][0]['user']['token']}",
        "Content-Type": _TYPES.get(verb, "application/json"),
        "Impersonate-User": who.name,
        "Impersonate-Group": who.group,
    }
    request = urllib.request.Request(  # noqa: S310  our own loopback address
        cluster.server + path, json.dumps(body).encode(), headers, method=verb
    )
    try:
        with urllib.request.urlopen(request, context=trust) as answer:  # noqa: S310  as above
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())
