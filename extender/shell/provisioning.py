"""How are nodes asked for that a gang needs? One ProvisioningRequest for each, with a PodTemplate for each kind of pod.

Both are of the namespace of the gang, and go with its pods should nobody be there to delete them. Who decides is the
core: what it wants no more is deleted, also what another extender left behind.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING, Any

import msgspec

from kube.client import ApiError
from kube.objects import Named, Object
from kube.outage import Outage
from kube.reading import Reading, decoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from extender.core.gang.steps import PodSet, Want
    from extender.core.model import PodKey
    from kube.client import Api

_log = logging.getLogger("extender")

_PAUSE_S = 1.0
_NOT_SERVED_S = 60.0
_VERSIONS = ("v1", "v1beta1")
_GROUP, _KIND = "autoscaling.x-k8s.io", "ProvisioningRequest"
_OURS = {"app.kubernetes.io/managed-by": "plimsoll-extender"}
_MARKER, _GPU = "plimsoll.dev/gpu", "nvidia.com/gpu"
_OF_A_SPEC = ("nodeSelector", "affinity", "tolerations", "topologySpreadConstraints", "priorityClassName", "volumes")
_LONGEST = 40  # of a container's name, before what tells copies apart


class _Reference(Object):
    name: str


class _PodSet(Object):
    pod_template_ref: _Reference


class _Spec(Object):
    pod_sets: list[_PodSet] | None = None


class _Request(Named):
    spec: _Spec


class Requests:
    """The ProvisioningRequests of all gangs; `wanted` is what the core wants now."""

    def __init__(self, api: Api, leads: Callable[[], bool]) -> None:
        self._api = api
        self._leads = leads
        self._reading = Reading(_Request, _GROUP)
        self.wanted: tuple[Want, ...] = ()
        self._there = True  # what another extender left is looked for once
        self._outage = Outage("asking for nodes", "it is tried again", _log)

    async def run(self) -> None:
        """Ask, and take away what was asked for, without end."""
        while True:
            await asyncio.sleep(_PAUSE_S)
            if not self._leads() or not (self.wanted or self._there):
                continue
            try:
                served = await self._bring_about(self.wanted)
                self._outage.hear(None)
            except ApiError as error:
                self._outage.hear(error)
                continue
            if not served:
                if self.wanted:
                    _log.warning("nodes cannot be asked for", extra={"reason": f"{_GROUP} is not served"})
                self._there = False
                await asyncio.sleep(_NOT_SERVED_S)

    async def _bring_about(self, wanted: tuple[Want, ...]) -> bool:
        """Have exactly those requests there that are wanted; tell whether the API server knows such."""
        for version in _VERSIONS:
            query = {"labelSelector": ",".join(f"{key}={value}" for key, value in _OURS.items())}
            try:
                answer = await self._api.request("GET", f"/apis/{_GROUP}/{version}/provisioningrequests", query=query)
            except ApiError as error:
                if error.status in (404, 501):
                    continue
                raise
            found = self._reading.page(answer).items or ()
            there = {(one.metadata.namespace or "", one.metadata.name): one for one in found}
            named = {(want.sets[0].like.namespace, name_of(want)): want for want in wanted}
            for key in sorted(there.keys() - named.keys()):
                await self._delete(version, key[0], there[key])
            for key in sorted(named.keys() - there.keys()):
                await self._create(version, *key, named[key])
            self._there = bool(named)
            return True
        return False

    async def _create(self, version: str, namespace: str, name: str, want: Want) -> None:
        owners = [_owner(one.like) for one in want.sets]
        owners = [one for place, one in enumerate(owners) if one not in owners[:place]]
        metadata = {"namespace": namespace, "labels": _OURS, "ownerReferences": owners}
        sets = []
        for place, one in enumerate(want.sets):
            pod = await self._read(one.like)
            if pod is None:
                return  # what is wanted is another thing in a moment
            template = {"metadata": {**metadata, "name": f"{name}-{place}"}, "template": template_of(pod, one)}
            await self._post(f"/api/v1/namespaces/{namespace}/podtemplates", template)
            sets.append({"podTemplateRef": {"name": f"{name}-{place}"}, "count": one.count})
        body = {
            "apiVersion": f"{_GROUP}/{version}",
            "kind": _KIND,
            "metadata": {**metadata, "name": name},
            "spec": {"provisioningClassName": want.class_name, "podSets": sets},
        }
        await self._post(f"/apis/{_GROUP}/{version}/namespaces/{namespace}/provisioningrequests", body)
        _log.info("nodes asked for", extra={"gang": f"{namespace}/{want.gang}", "request": name})

    async def _delete(self, version: str, namespace: str, request: _Request) -> None:
        name = request.metadata.name
        for one in request.spec.pod_sets or ():
            await self._remove(f"/api/v1/namespaces/{namespace}/podtemplates/{one.pod_template_ref.name}")
        await self._remove(f"/apis/{_GROUP}/{version}/namespaces/{namespace}/provisioningrequests/{name}")
        _log.info("nodes asked for no more", extra={"request": f"{namespace}/{name}"})

    async def _read(self, key: PodKey) -> dict[str, Any] | None:
        try:
            answer = await self._api.request("GET", f"/api/v1/namespaces/{key.namespace}/pods/{key.name}")
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        pod: dict[str, Any] = decoded(dict[str, Any], answer)
        return pod if pod["metadata"]["uid"] == key.uid else None

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        try:
            await self._api.request("POST", path, body=body)
        except ApiError as error:
            if error.status != 409:  # it is there already, of the same name for the same content
                raise

    async def _remove(self, path: str) -> None:
        try:
            await self._api.request("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise


def name_of(want: Want) -> str:
    """Return the name of a request: what asks for something else, or for other pods, has another one."""
    said = msgspec.json.encode((want.gang, want.sets, want.class_name))
    return f"plimsoll-{hashlib.sha256(said).hexdigest()[:16]}"


def template_of(pod: dict[str, Any], wanted: PodSet) -> dict[str, Any]:
    """Return the template of a pod that takes of a node what `wanted` says, and may go where this pod may.

    It asks for whole GPUs in the words that node autoscalers know, and has the containers of all pods together.
    """
    spec = pod["spec"]
    containers = [
        _container(one, f"-{copy}" if wanted.together > 1 else "")
        for copy in range(wanted.together)
        for one in spec["containers"]
    ]
    resources = containers[0]["resources"]
    for kind in ("limits", "requests"):
        resources[kind] = {**resources.get(kind, {}), _GPU: str(wanted.gpus)}
    inits = [_container(one, "-first") for one in spec.get("initContainers") or ()]
    kept = {key: spec[key] for key in _OF_A_SPEC if spec.get(key)}
    return {
        "metadata": {"labels": pod["metadata"].get("labels") or {}},
        "spec": {**kept, "containers": containers, **({"initContainers": inits} if inits else {})},
    }


def _container(one: dict[str, Any], suffix: str) -> dict[str, Any]:
    resources = {
        kind: {key: value for key, value in quantities.items() if key not in (_MARKER, _GPU)}
        for kind, quantities in (one.get("resources") or {}).items()
        if kind in ("limits", "requests")
    }
    name = f"{one['name'][:_LONGEST].rstrip('-')}{suffix}" if suffix else one["name"]
    restarts = {"restartPolicy": one["restartPolicy"]} if "restartPolicy" in one else {}
    return {"name": name, "image": one.get("image", ""), "resources": resources, **restarts}


def _owner(pod: PodKey) -> dict[str, str]:
    return {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.uid}
