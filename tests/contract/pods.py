"""How do the claims about what the API server makes of a pod ask it, and how do they hear a refusal?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kube.client import MERGE_PATCH, ApiError
from tests.contract.asking import decoded
from tests.contract.objects import pod

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from kube.client import Api
    from tests.contract.objects import Object

EVICTED_IN_FIVE_MINUTES = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
]


class Pods:
    """The pods of one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/pods"

    async def create(self, body: Object, **query: str) -> Object:
        return decoded(await self._api.request("POST", self._path, body=body, query=query))

    async def tried(self, **spec: Any) -> Object:
        """Return the pod that this spec would make."""
        return await self.create(pod("one", **spec), dryRun="All")

    async def resources(self, resources: Object) -> tuple[Object, str]:
        """Return what becomes of a container's resources, and the pod's quality of service."""
        made = await self.tried(containers=[{"name": "main", "image": "x", "resources": resources}])
        return made["spec"]["containers"][0]["resources"], made["status"]["qosClass"]

    async def patch(self, body: Object, name: str = "one") -> Object:
        answer = await self._api.request("PATCH", f"{self._path}/{name}", body=body, content_type=MERGE_PATCH)
        return decoded(answer)

    async def changed(self, **spec: Any) -> Object:
        return await self.patch({"spec": spec})

    async def put(self, body: Object, name: str) -> Object:
        return decoded(await self._api.request("PUT", f"{self._path}/{name}", body=body))


async def refusal(answer: Awaitable[Any]) -> tuple[int, str, str]:
    """Return status, reason and first line of a refusal."""
    with pytest.raises(ApiError) as caught:
        await answer
    return caught.value.status, caught.value.reason, caught.value.message.partition("\n")[0]
