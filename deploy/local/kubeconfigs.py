"""Who may talk to the API server? One kubeconfig file for each identity."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from deploy.local.processes import write_json, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from kube.client import Api

SYSTEM_NAMESPACE = "plimsoll-system"
SERVICE_ACCOUNTS = ("plimsoll-autoscaler", "plimsoll-extender", "plimsoll-scheduler")

# A day is longer than any demo, test or benchmark.
_TOKEN_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class StaticIdentity:
    """A user of the token file: the person, or a program of the control plane itself."""

    user: str
    group: str
    token: str


def static_identities() -> dict[str, StaticIdentity]:
    """Return the identities of the token file with new tokens, by the name of their kubeconfig.

    The stand-ins for a cloud's own machinery act as system:masters; the default scheduler has the role that every
    cluster grants it. Plimsoll's own programs are not here: they get their service accounts' tokens.
    """
    groups = {
        "admin": ("admin", "system:masters"),
        "kube-controller-manager": ("system:kube-controller-manager", "system:masters"),
        "default-scheduler": ("system:kube-scheduler", ""),
        "kwok": ("kwok", "system:masters"),
    }
    return {name: StaticIdentity(user, group, secrets.token_urlsafe(24)) for name, (user, group) in groups.items()}


def write_token_file(path: Path, identities: dict[str, StaticIdentity]) -> None:
    """Write the API server's static token file: token, user, uid, groups."""
    rows = [
        f"{each.token},{each.user},{each.user}" + (f',"{each.group}"' if each.group else "") + "\n"
        for each in identities.values()
    ]
    write_whole(path, "".join(rows).encode())


def write_kubeconfig(path: Path, *, server: str, certificate_authority: Path | None, user: str, token: str) -> None:
    """Write a kubeconfig with one context; `certificate_authority` is None for a server without TLS."""
    trust = {} if certificate_authority is None else {"certificate-authority": str(certificate_authority)}
    write_json(
        path,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": {"server": server, **trust}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
            "current-context": "local",
        },
    )


class _TokenStatus(msgspec.Struct):
    token: str


class _TokenRequest(msgspec.Struct):
    status: _TokenStatus


async def service_account_token(api: Api, name: str) -> str:
    """Ask the API server for a token of a service account in our namespace."""
    answer = await api.request(
        "POST",
        f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts/{name}/token",
        body={
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS},
        },
    )
    return msgspec.json.decode(answer, type=_TokenRequest).status.token
