"""How do the claims about HTTP itself ask the API server, and how do they hear a refusal?"""

from __future__ import annotations

import ssl
from typing import Any

import aiohttp
import msgspec
from yarl import URL

_JSON = "application/json"


class Wire:
    """HTTP requests without a client library between."""

    def __init__(self, kubeconfig: dict[str, Any], namespace: str) -> None:
        cluster = kubeconfig["clusters"][0]["cluster"]
        self.token = kubeconfig["users"][0]["user"]["token"]
        self.namespace = namespace
        self.maps = f"/api/v1/namespaces/{namespace}/configmaps"
        self._url = cluster["server"]
        authority = cluster.get("certificate-authority")
        self._ssl: ssl.SSLContext | bool = ssl.create_default_context(cafile=authority) if authority else True

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        kind: str = _JSON,
        *,
        token: str | None = None,
        accept: str = "",
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"} if token != "" else {}
        if kind:
            headers["Content-Type"] = kind
        if accept:
            headers["Accept"] = accept
        async with (
            aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as session,
            session.request(
                method, URL(self._url + path, encoded=True), data=body, headers=headers, ssl=self._ssl
            ) as answer,
        ):
            return answer.status, await answer.read()

    async def status(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        kind: str = _JSON,
        *,
        token: str | None = None,
        accept: str = "",
    ) -> tuple[int, str, str]:
        """Return HTTP status, reason and sentence of an answer that is a Status."""
        code, answer = await self.send(method, path, body, kind, token=token, accept=accept)
        told = msgspec.json.decode(answer)
        assert (told["kind"], told["status"], told["code"]) == ("Status", "Failure", code)
        return code, told.get("reason", ""), told["message"]
