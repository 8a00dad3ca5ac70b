"""Whom would kube-scheduler evict for a pod? The body of its verb preempt, and our answer, in the forms of `wire`.

Source: ExtenderPreemptionArgs and ExtenderPreemptionResult of k8s.io/kube-scheduler/extender/v1/types.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from extender.shell.pods import Pod
from extender.shell.wire import MalformedRequest, decode, decode_any_case
from kube.objects import BareMeta

if TYPE_CHECKING:
    from collections.abc import Mapping

_Decoded = TypeVar("_Decoded")

_AS_GO_WRITES = {"pods": "Pods", "numpdbviolations": "NumPDBViolations", "uid": "UID"}


class _ByUid(msgspec.Struct, gc=False):
    uid: str = msgspec.field(name="UID")


class _Whole(msgspec.Struct, gc=False):
    metadata: BareMeta

    @property
    def uid(self) -> str:
        return self.metadata.uid


class _MetaVictims(msgspec.Struct, gc=False):
    pods: list[_ByUid | None] | None = msgspec.field(name="Pods")
    violations: int | None = msgspec.field(name="NumPDBViolations")


class _Victims(msgspec.Struct, gc=False):
    pods: list[_Whole | None] | None = msgspec.field(name="Pods")
    violations: int | None = msgspec.field(name="NumPDBViolations")


class _Arguments(msgspec.Struct, gc=False):
    pod: Pod = msgspec.field(name="Pod")
    victims: msgspec.Raw = msgspec.field(name="NodeNameToVictims")
    meta_victims: msgspec.Raw = msgspec.field(name="NodeNameToMetaVictims")


class _Result(msgspec.Struct, gc=False):
    victims: dict[str, _MetaVictims] = msgspec.field(name="NodeNameToMetaVictims")


class Proposals:
    """A pod, and the UIDs of those who would have to leave on each node that is `proposed`.

    With `nodeCacheCapable: true` victims come by UID; with false as whole objects, and go back by UID all the same.
    """

    def __init__(self, body: bytes) -> None:
        arguments = decode_any_case(body, _arguments)
        self.pod = arguments.pod
        if not self.pod.metadata.uid:
            raise MalformedRequest("the pod has no UID - at `$.Pod.metadata.uid`")
        self.proposed: dict[str, tuple[str, ...]] = {}
        self._violations: dict[str, int] = {}
        nodes: Mapping[str, _MetaVictims | _Victims | None] | None
        nodes = _nodes(bytes(arguments.meta_victims), _meta_victims, "NodeNameToMetaVictims")
        if nodes is None:
            nodes = _nodes(bytes(arguments.victims), _victims, "NodeNameToVictims")
        for node, one in (nodes or {}).items():
            pods = (one.pods if one is not None else None) or ()
            self.proposed[node] = tuple(pod.uid for pod in pods if pod is not None)
            self._violations[node] = (one.violations if one is not None else None) or 0

    def answered(self, victims: Mapping[str, tuple[str, ...]]) -> bytes:
        """Encode the answer: the nodes on which evicting helps, each with those who have to leave."""
        found = {
            node: _MetaVictims([_ByUid(uid) for uid in uids], self._violations.get(node, 0) if uids else 0)
            for node, uids in victims.items()
        }
        return _encoder.encode(_Result(found))


_encoder = msgspec.json.Encoder()
_arguments = msgspec.json.Decoder(_Arguments)
_meta_victims = msgspec.json.Decoder(dict[str, _MetaVictims | None] | None)
_victims = msgspec.json.Decoder(dict[str, _Victims | None] | None)
_anything = msgspec.json.Decoder()


def _nodes(text: bytes, decoder: msgspec.json.Decoder[_Decoded], of: str) -> _Decoded:
    """Decode the victims of each node, whatever the case of letters in Go's names."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        nodes = decode(text, _anything)
        spelled = {name: _spelled(one) for name, one in nodes.items()} if isinstance(nodes, dict) else nodes
        try:
            return decode(_encoder.encode(spelled), decoder)
        except MalformedRequest as error:
            raise MalformedRequest(str(error).replace("`$", f"`$.{of}")) from error


def _spelled(victims: object) -> object:
    """Return the victims of a node with the names as Go writes them; one that is not there is null."""
    if not isinstance(victims, dict):
        return victims
    found = {"Pods": None, "NumPDBViolations": None} | _renamed(victims)
    if isinstance(found["Pods"], list):
        found["Pods"] = [_renamed(pod) if isinstance(pod, dict) else pod for pod in found["Pods"]]
    return found


def _renamed(told: Mapping[str, object]) -> dict[str, object]:
    return {_AS_GO_WRITES.get(name.lower(), name): value for name, value in told.items()}
