"""How do the controllers write? Each write against the version it was decided on, and none twice before it is seen.

What was written and has not come back through the watch is remembered: what is decided meanwhile would be decided on
the past.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from kube.client import MERGE_PATCH, Api, ApiError
from plimsoll.embedded.core.controllers.differences import difference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.embedded.core.controllers.view import View
    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object

CONTROLLER_MANAGER, KUBELET = "kube-controller-manager", "kwok"
_NOT_FOUND = 404


def path_of(kind: Kind, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """Return the path of objects, of one object, or of a part of one."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    parts = [root, *(("namespaces", namespace) if namespace else ()), kind.plural, name, subresource]
    return "/".join(part for part in parts if part)


class Writer:
    """Writes through `api`, and knows which of its writes `view` does not show yet."""

    def __init__(self, api: Api, view: View) -> None:
        self._api = api
        self._view = view
        self._written: dict[str, int] = {}

    @property
    def all_seen(self) -> bool:
        """Whether the watches have shown every write."""
        return not self._written

    def is_behind(self, *uids: str) -> bool:
        """Tell whether a write of one of these objects has not been seen yet."""
        return any(uid in self._written for uid in uids)

    def see(self, uid: str, version: str | None) -> None:
        """Take note that a watch has shown a version of an object, or (None) its deletion."""
        if uid in self._written and (version is None or int(version) >= self._written[uid]):
            del self._written[uid]

    async def create(self, kind: Kind, namespace: str, thing: Object) -> Object:
        """Create an object; it is the caller's to know that it is not seen yet."""
        query = {"fieldManager": CONTROLLER_MANAGER}
        answer = await self._api.request("POST", path_of(kind, namespace), query=query, body=thing)
        return _decoded(answer)

    async def status(
        self,
        kind: Kind,
        thing: Object,
        status: Object,
        *,
        annotations: Mapping[str, str] | None = None,
        manager: str = CONTROLLER_MANAGER,
    ) -> None:
        """Write an object's status, and annotations with it, where they differ from what it has."""
        patch: Object = {}
        if changed := difference(thing["status"], status):
            patch["status"] = changed
        there = thing["metadata"].get("annotations") or {}
        if missing := {key: value for key, value in (annotations or {}).items() if there.get(key) != value}:
            patch["metadata"] = {"annotations": missing}
        if patch:
            await self.patch(kind, thing, patch, subresource="status", manager=manager)

    async def patch(
        self, kind: Kind, thing: Object, patch: Object, *, subresource: str = "", manager: str = CONTROLLER_MANAGER
    ) -> None:
        """Send a merge patch, which holds only for the version of the object that was looked at."""
        meta = thing["metadata"]
        held = {**patch.get("metadata", {}), "uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        path = path_of(kind, meta.get("namespace", ""), meta["name"], subresource)
        answer = await self._api.request(
            "PATCH",
            path,
            query={"fieldManager": manager},
            body={**patch, "metadata": held},
            content_type=MERGE_PATCH,
        )
        self._remember(kind, _decoded(answer))

    async def delete(
        self, kind: Kind, thing: Object, *, grace_s: int | None = None, of_this_version: bool = False
    ) -> None:
        """Delete an object, unless it is gone or another one has its name."""
        meta = thing["metadata"]
        preconditions = {"uid": meta["uid"]}
        if of_this_version:
            preconditions["resourceVersion"] = meta["resourceVersion"]
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        if of_this_version:
            options["propagationPolicy"] = "Background"
        path = path_of(kind, meta.get("namespace", ""), meta["name"])
        try:
            answer = _decoded(await self._api.request("DELETE", path, body=options))
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            return
        if answer.get("metadata", {}).get("uid") == meta["uid"]:
            self._remember(kind, answer)

    async def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Read an object from the server; None where there is none."""
        try:
            return _decoded(await self._api.request("GET", path_of(kind, namespace, name)))
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    async def empty(self, kind: Kind, namespace: str) -> list[Object]:
        """Delete all objects of a kind in a namespace; return those that are left."""
        path = path_of(kind, namespace)
        await self._api.request("DELETE", path, timeout_s=60.0)
        left: list[Object] = _decoded(await self._api.request("GET", path, timeout_s=60.0)).get("items") or []
        return left

    async def finalize(self, kind: Kind, namespace: Object) -> None:
        """Let a namespace go whose content is gone."""
        meta = namespace["metadata"]
        body = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": {"name": meta["name"], "uid": meta["uid"]},
            "spec": {"finalizers": []},
        }
        try:
            await self._api.request("PUT", path_of(kind, "", meta["name"], "finalize"), body=body)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise

    def _remember(self, kind: Kind, answer: Object) -> None:
        meta = answer["metadata"]
        uid, version = meta["uid"], int(meta["resourceVersion"])
        if not self._view.is_gone(uid) and version > self._view.version(kind, uid):
            self._written[uid] = max(version, self._written.get(uid, 0))


def _decoded(answer: bytes) -> Object:
    decoded: Object = msgspec.json.decode(answer)
    return decoded
