from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from autoscaler.core.targets.holdings import GpuUse
from autoscaler.shell.messages import MessageError, from_message, from_uses, to_message, to_use
from autoscaler.v1 import autoscaler_pb2 as v1
from tests.autoscaler.recorded import record, records, seen

if TYPE_CHECKING:
    from autoscaler.core.decisions.record import Record


@given(records)
def test_a_record_crosses_and_comes_back_as_it_was(one: Record) -> None:
    assert from_message(v1.Record.FromString(to_message(one).SerializeToString())) == one


def test_a_word_that_is_not_known_is_one_sentence() -> None:
    message = to_message(record(seen()))
    message.decision.MergeFromString(bytes([2 << 3, 99]))  # a later version's mode
    with pytest.raises(MessageError, match="the autoscaler says mode 99, which this version of plimsoll does not know"):
        from_message(message)


def test_every_field_of_a_record_has_its_place() -> None:
    one = record(seen())
    fields = {field.name for field in v1.Policy.DESCRIPTOR.fields}
    assert fields == set(one.decision.inputs.policy.__dataclass_fields__)
    assert {f.name for f in v1.Inputs.DESCRIPTOR.fields} == set(one.decision.inputs.__dataclass_fields__)
    assert {f.name for f in v1.Decision.DESCRIPTOR.fields} == set(one.decision.__dataclass_fields__)
    assert {f.name for f in v1.Workload.DESCRIPTOR.fields} == set(one.key.__dataclass_fields__)


def test_what_a_workload_uses_of_gpus_comes_back_as_it_was() -> None:
    uses = {
        "a": GpuUse({"": 500, "search": 2000}, {"": 3000, "gone": 7, "search": 120_000}, 2000),
        "b": GpuUse({}, {"": 0}, 250),
    }
    assert from_uses([to_use(uid, use) for uid, use in uses.items()]) == uses
