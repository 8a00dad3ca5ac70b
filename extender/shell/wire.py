"""How does kube-scheduler write its requests, and how does it want its answers?

Its types have no JSON tags, so field names are CamelCase to the letter, nil is null and nothing is left out; the pod
inside is ordinary Kubernetes JSON. Source: k8s.io/kube-scheduler/extender/v1/types.go.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from kube.objects import ObjectMeta, Pod

_Decoded = TypeVar("_Decoded")


class MalformedRequest(Exception):  # noqa: N818  the caller's fault, not ours
    """The body is not what the verb takes; the message says where."""


class _NamedNode(msgspec.Struct, gc=False):
    metadata: ObjectMeta


class _NodeList(msgspec.Struct, gc=False):
    items: list[msgspec.Raw] | None = None


class _Arguments(msgspec.Struct, rename="pascal", gc=False):
    pod: Pod
    nodes: _NodeList | None = None
    node_names: list[str] | None = None


class BindingArguments(msgspec.Struct, gc=False):
    """The body of bind."""

    name: str = msgspec.field(name="PodName")
    namespace: str = msgspec.field(name="PodNamespace")
    uid: str = msgspec.field(name="PodUID")
    node: str = msgspec.field(name="Node")


class _FilterResult(msgspec.Struct, rename="pascal", gc=False):
    nodes: dict[str, list[msgspec.Raw]] | None
    node_names: list[str] | None
    failed_nodes: dict[str, str]
    failed_and_unresolvable_nodes: dict[str, str]
    error: str = ""


class _HostPriority(msgspec.Struct, rename="pascal", gc=False):
    host: str
    score: int


class _BindingResult(msgspec.Struct, rename="pascal", gc=False):
    error: str


class Candidates:
    """The body of filter and prioritize: a pod, and the nodes that may take it.

    With `nodeCacheCapable: true` nodes come by name; with false as whole objects, and go back as such.
    """

    def __init__(self, body: bytes) -> None:
        arguments = _decode(body, _arguments)
        self.pod = arguments.pod
        if not self.pod.metadata.uid:
            raise MalformedRequest("the pod has no UID - at `$.Pod.metadata.uid`")
        self._objects: dict[str, msgspec.Raw] | None = None
        if arguments.node_names is None and arguments.nodes is not None:
            self._objects = {
                _decode(bytes(raw), _named_node).metadata.name: raw.copy() for raw in arguments.nodes.items or ()
            }
        self.nodes: list[str] = list(self._objects) if self._objects is not None else arguments.node_names or []

    def filtered(self, kept: tuple[str, ...], refused: dict[str, str]) -> bytes:
        """Encode filter's answer."""
        if self._objects is None:
            return _encoder.encode(_FilterResult(None, list(kept), {}, refused))
        nodes = {"items": [self._objects[name] for name in kept]}
        return _encoder.encode(_FilterResult(nodes, None, {}, refused))

    def prioritized(self, scores: tuple[int, ...]) -> bytes:
        """Encode prioritize's answer."""
        return _encoder.encode([_HostPriority(n, s) for n, s in zip(self.nodes, scores, strict=True)])


def binding_arguments(body: bytes) -> BindingArguments:
    """Decode the body of bind.

    Raises:
        MalformedRequest: it is not one.
    """
    return _decode(body, _binding)


def bound(error: str = "") -> bytes:
    """Encode bind's answer; an empty error means that the pod is bound."""
    return _encoder.encode(_BindingResult(error))


_encoder = msgspec.json.Encoder()
_arguments = msgspec.json.Decoder(_Arguments)
_named_node = msgspec.json.Decoder(_NamedNode)
_binding = msgspec.json.Decoder(BindingArguments)


def _decode(body: bytes, decoder: msgspec.json.Decoder[_Decoded]) -> _Decoded:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest(str(error)) from error
