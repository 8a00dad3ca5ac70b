from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.targets.holdings import GpuUse
from autoscaler.shell.record_text import NotARecordError, written
from plimsoll.explain.core.told import ToldAll, ToldOne
from plimsoll.explain.shell import documents
from tests.autoscaler.recorded import AT_MS, record, records, seen

if TYPE_CHECKING:
    from autoscaler.core.decisions.record import Record

ONE = record(seen())


def over_a_wire(document: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(document))


@given(records, st.lists(records, max_size=3))
def test_what_is_printed_of_one_workload_is_read_back_in_the_order_of_time(last: Record, changes: list[Record]) -> None:
    told = ToldOne(last, tuple(changes), AT_MS)
    assert documents.records(over_a_wire(documents.one(told))) == (*changes, last)


def test_what_is_printed_of_all_workloads_is_read_back() -> None:
    assert documents.records(over_a_wire(documents.many(ToldAll((ONE, ONE), AT_MS)))) == (ONE, ONE)


def test_a_list_says_what_its_workloads_use_of_gpus() -> None:
    use = GpuUse({"search": 500}, {"": 7, "search": 3000}, 500)
    assert documents.many(ToldAll((ONE,), AT_MS, {"u": use}))["gpus"] == [
        {
            "uid": "u",
            "milli_per_replica": 500,
            "projects": [
                {"project": "", "held_milli": 0, "milli_minutes": 7},
                {"project": "search", "held_milli": 500, "milli_minutes": 3000},
            ],
        }
    ]


def test_a_record_alone_is_a_document_too() -> None:
    assert documents.records(written(ONE)) == (ONE,)


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (7, "$ must be a JSON object, not a number"),
        ({"standing": 7}, "$.standing must be a JSON object, not a number"),
        ({"standing": written(ONE), "changes": {}}, "$.changes must be a list of records"),
        ({"standing": written(ONE), "changes": [7]}, "$.changes[0] must be a JSON object, not a number"),
        ({"workloads": None}, "$.workloads must be a list of records"),
    ],
)
def test_what_is_none_of_them_is_one_sentence_with_the_path(document: Any, complaint: str) -> None:
    with pytest.raises(NotARecordError) as refused:
        documents.records(document)
    assert str(refused.value) == complaint
