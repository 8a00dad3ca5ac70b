"""How do records cross the process boundary? Word for word as autoscaler/v1, and back without a loss."""

from __future__ import annotations

from collections.abc import MutableMapping
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Averaging, Decision, Estimate, Inputs, Metric, Mode, Policy, Seen, WorkloadKey
from autoscaler.core.targets.holdings import GpuUse
from autoscaler.v1 import autoscaler_pb2 as v1

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.message import Message

Word = TypeVar("Word", bound=Enum)

_NUMBERS: dict[Enum, int] = {
    word: numbers.Value(f"{kind.__name__.upper()}_{word.name}")
    for kind, numbers in (
        (Metric, v1.Metric),
        (Averaging, v1.Averaging),
        (Estimate, v1.Estimate),
        (Seen, v1.Seen),
        (Mode, v1.Mode),
    )
    for word in kind
}


class MessageError(Exception):
    """A message says what this version does not know; the message of the error is a sentence."""


def to_message(record: Record) -> v1.Record:
    """Return a record as a message."""
    decision, inputs = record.decision, record.decision.inputs
    key = record.key
    return v1.Record(
        workload=v1.Workload(
            uid=key.uid,
            namespace=key.namespace,
            name=key.name,
            api_version=key.api_version,
            kind=key.kind,
            resource=key.resource,
        ),
        decision=v1.Decision(
            inputs=v1.Inputs(policy=_policy(inputs.policy), **_plain(inputs, leaving_out="policy")),
            **_plain(decision, leaving_out="inputs"),
        ),
    )


def to_use(uid: str, use: GpuUse) -> v1.GpuUse:
    """Return what a workload uses of GPUs as a message."""
    projects = [v1.ProjectUse(project=name, held_milli=use.held.get(name, 0), milli_minutes=spent)
                for name, spent in sorted(use.spent.items())]  # fmt: skip
    return v1.GpuUse(uid=uid, milli_per_replica=use.per_replica, projects=projects)


def from_uses(messages: Iterable[v1.GpuUse]) -> Mapping[str, GpuUse]:
    """Return what workloads use of GPUs, by UID."""
    return {
        each.uid: GpuUse(
            held={one.project: one.held_milli for one in each.projects if one.held_milli},
            spent={one.project: one.milli_minutes for one in each.projects},
            per_replica=each.milli_per_replica,
        )
        for each in messages
    }


def from_message(message: v1.Record) -> Record:
    """Return the record that a message says.

    Raises:
        MessageError: it uses a word that this version does not know.
    """
    decision, inputs = message.decision, message.decision.inputs
    policy = _values(inputs.policy)
    words: tuple[tuple[str, type[Enum]], ...] = (
        ("metric", Metric),
        ("averaging", Averaging),
        ("load_estimate", Estimate),
    )
    policy |= {name: _word(kind, policy[name]) for name, kind in words}
    seen = _values(inputs) | {"policy": Policy(**policy), "seen": _word(Seen, inputs.seen)}
    decided = _values(decision) | {"inputs": Inputs(**seen), "mode": _word(Mode, decision.mode)}
    return Record(WorkloadKey(**_values(message.workload)), Decision(**decided))


@lru_cache(maxsize=256)
def _policy(policy: Policy) -> v1.Policy:
    """Return a policy as a message; most workloads of a list have one of a few."""
    return v1.Policy(**_plain(policy))


def _plain(holder: Any, leaving_out: str = "") -> dict[str, Any]:
    """Return the fields of a dataclass as a message takes them: enumerations as numbers, None as absent."""
    values = ((name, getattr(holder, name)) for name in holder.__dataclass_fields__ if name != leaving_out)
    return {name: _NUMBERS[value] if isinstance(value, Enum) else value for name, value in values if value is not None}


def _values(message: Message) -> dict[str, Any]:
    """Return every field of a message by its name; None for an absent one that may be absent."""
    return {field.name: _value(message, field) for field in message.DESCRIPTOR.fields}


def _value(message: Message, field: Any) -> Any:
    if field.has_presence and not message.HasField(field.name):
        return None
    value = getattr(message, field.name)
    return dict(value) if isinstance(value, MutableMapping) else value


def _word(kind: type[Word], number: int) -> Word:
    for word in kind:
        if _NUMBERS[word] == number:
            return word
    raise MessageError(
        f"the autoscaler says {kind.__name__.lower()} {number}, which this version of plimsoll does not know: "
        "use the autoscaler's version"
    )
