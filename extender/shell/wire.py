"""How does kube-scheduler write its requests, and how does it want its answers?

Its types have no JSON tags, so field names are CamelCase to the letter, nil is null and nothing is left out; the pod
inside is ordinary Kubernetes JSON. Go reads such names in any case of letters, and so do we. Source:
k8s.io/kube-scheduler/extender/v1/types.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from extender.core.ledger.names import EvenNames, PackedNames, UnevenNames
from extender.shell.pods import Pod
from kube import nesting
from kube.objects import BareMeta

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.reasons import Reasons

_Decoded = TypeVar("_Decoded")

_QUOTE = ord('"')
_MANY = 8192  # bytes of names: below that it is quicker to make texts of them


class MalformedRequest(Exception):  # noqa: N818  the caller's fault, not ours
    """The body is not what the verb takes; the message says where."""


class _NamedNode(msgspec.Struct, gc=False):
    metadata: BareMeta


class _NodeList(msgspec.Struct, gc=False):
    items: list[msgspec.Raw] | None = None


class _Arguments(msgspec.Struct, rename="pascal", gc=False):
    pod: Pod
    nodes: _NodeList | None
    node_names: msgspec.Raw


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
    failed_and_unresolvable_nodes: dict[str, str] | msgspec.Raw
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
        arguments = decode_any_case(body, _arguments)
        self.pod = arguments.pod
        if not self.pod.metadata.uid:
            raise MalformedRequest("the pod has no UID - at `$.Pod.metadata.uid`")
        self._objects: dict[str, msgspec.Raw] | None = None
        names = _names(bytes(arguments.node_names))
        if names is None and arguments.nodes is not None:
            self._objects = {
                decode(bytes(raw), _named_node).metadata.name: raw.copy() for raw in arguments.nodes.items or ()
            }
        self.nodes: Sequence[str] = list(self._objects) if self._objects is not None else names or []

    def kept(self, nodes: tuple[str, ...]) -> bytes:
        """Encode filter's answer where nodes are left."""
        if self._objects is None:
            return _encoder.encode(_FilterResult(None, list(nodes), {}, {}))
        return _encoder.encode(_FilterResult({"items": [self._objects[name] for name in nodes]}, None, {}, {}))

    def refused(self, reasons: Reasons) -> bytes:
        """Encode filter's answer where none is left."""
        told = _told(reasons)
        if self._objects is None:
            return _encoder.encode(_FilterResult(None, [], {}, told))
        return _encoder.encode(_FilterResult({"items": []}, None, {}, told))

    def prioritized(self, scores: tuple[int, ...]) -> bytes:
        """Encode prioritize's answer."""
        return _encoder.encode([_HostPriority(n, s) for n, s in zip(self.nodes, scores, strict=True)])


def binding_arguments(body: bytes) -> BindingArguments:
    """Decode the body of bind.

    Raises:
        MalformedRequest: it is not one.
    """
    return decode_any_case(body, _binding)


def bound(error: str = "") -> bytes:
    """Encode bind's answer; an empty error means that the pod is bound."""
    return _encoder.encode(_BindingResult(error))


def _names(text: bytes) -> Sequence[str] | None:
    """Return a list of names as JSON has it; None for null."""
    packed = packed_names(text) if len(text) >= _MANY else None
    if packed is not None:
        return packed
    try:
        return decode(text, _name_list)
    except MalformedRequest as error:
        raise MalformedRequest(str(error).replace("`$", "`$.NodeNames")) from error


def packed_names(text: bytes) -> PackedNames | None:
    """Return the names in a JSON list as it is written compactly; None where `text`, valid JSON, is anything else."""
    if not text.isascii() or b"\\" in text or text[:2] != b'["':
        return None
    quoted = np.frombuffer(text, dtype=np.uint8) == _QUOTE
    # Where one is after another of the first one's length, as wherever all are, they are found without a look at each.
    length = text.index(_QUOTE, 2) - 2
    stride = length + len('"",')
    count, rest = divmod(len(text) - 1, stride)
    if length and not rest and np.count_nonzero(quoted) == 2 * count:
        grid = quoted[1:].reshape(count, stride)
        if np.count_nonzero(grid[:, :: length + 1]) == 2 * count:
            return EvenNames(text, count, first=2, length=length, stride=stride)
    quotes = np.flatnonzero(quoted)
    starts, ends = quotes[::2] + 1, quotes[1::2]
    if len(starts) != len(ends) or ends[-1] != len(text) - 2:
        return None
    if not (starts[1:] - ends[:-1] == 3).all():  # between two names is a comma and nothing else
        return None
    return UnevenNames(text, starts, ends)


def _told(reasons: Reasons) -> dict[str, str] | msgspec.Raw:
    """Return the reason of each node as JSON has it; of thousands of nodes few reasons are different."""
    names = reasons.nodes
    if not isinstance(names, PackedNames):
        return dict(reasons)
    # Packed names need no escaping, and stand between quotes with a comma between them.
    if len(reasons.said) == 1:
        said = _encoder.encode(reasons.said[0])
        return msgspec.Raw(b"{%b:%b}" % (names.text[1:-1].replace(b'","', b'":%b,"' % said), said))
    starts, ends = names.places
    parts = []
    for number, reason in enumerate(reasons.said):
        places = np.flatnonzero(reasons.which == number)
        text = [
            names.text[start:end] for start, end in zip(starts[places].tolist(), ends[places].tolist(), strict=True)
        ]
        if text:
            said = _encoder.encode(reason)
            parts.append(b'"%b":%b' % ((b'":%b,"' % said).join(text), said))
    return msgspec.Raw(b"{%b}" % b",".join(parts))


_encoder = msgspec.json.Encoder()
_arguments = msgspec.json.Decoder(_Arguments)
_named_node = msgspec.json.Decoder(_NamedNode)
_name_list: msgspec.json.Decoder[list[str] | None] = msgspec.json.Decoder(list[str] | None)
_binding = msgspec.json.Decoder(BindingArguments)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decode(body: bytes, decoder: msgspec.json.Decoder[_Decoded]) -> _Decoded:
    """Decode JSON of kube-scheduler.

    Raises:
        MalformedRequest: it is not what the decoder takes.
    """
    try:
        return nesting.decoded(decoder.decode, body)
    except nesting.UNREADABLE as error:
        raise MalformedRequest(str(error)) from error


def decode_any_case(body: bytes, decoder: msgspec.json.Decoder[_Decoded]) -> _Decoded:
    """Decode a message of Go's, whatever the case of letters in its names; one that is not there is null.

    Raises:
        MalformedRequest: as `decode`.
    """
    try:
        return nesting.decoded(decoder.decode, body)
    except msgspec.ValidationError:
        fields = msgspec.structs.fields(decoder.type)  # type: ignore[arg-type]  # all messages are Structs
        wanted = {field.encode_name.lower(): field.encode_name for field in fields}
        members = {wanted.get(name.lower(), name): raw for name, raw in decode(body, _members).items()}
        return decode(_encoder.encode({**dict.fromkeys(wanted.values()), **members}), decoder)
    except nesting.UNREADABLE as error:
        raise MalformedRequest(str(error)) from error
