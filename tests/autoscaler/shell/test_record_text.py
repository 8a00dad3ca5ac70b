from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given

from autoscaler.shell.record_text import VERSION, NotARecordError, read, written
from tests.autoscaler.recorded import record, records, seen

if TYPE_CHECKING:
    from autoscaler.core.decisions.record import Record


@given(records)
def test_a_record_comes_back_as_it_was(one: Record) -> None:
    assert read(msgspec.json.decode(msgspec.json.encode(written(one)))) == one


@given(records)
def test_every_float_comes_back_to_the_last_bit(one: Record) -> None:
    again = read(msgspec.json.decode(msgspec.json.encode(written(one))))
    assert repr(again.decision) == repr(one.decision)


def changed(*path: str, value: Any) -> Any:
    whole = copy.deepcopy(written(record(seen())))
    holder = whole
    for name in path[:-1]:
        holder = holder[name]
    if value is None and path[-1] != "target":
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return whole


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([], "$ must be a JSON object, not a list"),
        (None, "$ must be a JSON object, not null"),
        ({}, f'$.version is missing: this version of Plimsoll reads "{VERSION}" alone'),
        (
            changed("version", value="plimsoll.dev/decision/v9"),
            f'$.version is "plimsoll.dev/decision/v9": this version of Plimsoll reads "{VERSION}" alone',
        ),
        (changed("decision", value=None), "$.decision is missing"),
        (changed("decision", "inputs", "ready", value=None), "$.decision.inputs.ready is missing"),
        (changed("decision", "inputs", "seen", value=None), "$.decision.inputs.seen is missing"),
        (
            changed("decision", "inputs", "policy", "mood", value=1),
            "$.decision.inputs.policy.mood is no field of a record of this version",
        ),
        (changed("note", value=1), "$.note is no field of a record of this version"),
        (changed("decision", "inputs", value=7), "$.decision.inputs must be a JSON object, not a number"),
        (changed("decision", "wanted", value="7"), "$.decision.wanted is wrong: Expected `int`, got `str`"),
        (changed("decision", "wanted", value=True), "$.decision.wanted is wrong: Expected `int`, got `bool`"),
        (changed("decision", "mode", value="calm"), "$.decision.mode is wrong: Invalid enum value 'calm'"),
        (
            changed("decision", "inputs", "policy", "target", value=None),
            "$.decision.inputs.policy.target is wrong: Expected `float`, got `null`",
        ),
        (
            changed("decision", "inputs", "policy", "target", value=0),
            "$.decision.inputs.policy.target is 0.0: it must be a number above 0",
        ),
        (
            changed("decision", "inputs", "ready", value=-1),
            "$.decision.inputs.ready is -1: it must be a count from 0 to 2147483647",
        ),
        (
            changed("decision", "inputs", "at_ms", value=10**18),
            "$.decision.inputs.at_ms is 1000000000000000000: it must be Unix time in milliseconds, up to the year 9999",
        ),
    ],
)
def test_what_is_no_record_is_one_sentence_with_the_path(value: Any, complaint: str) -> None:
    with pytest.raises(NotARecordError) as refused:
        read(value)
    assert str(refused.value) == complaint
