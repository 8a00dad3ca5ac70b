from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.embedded.core.api.patches import json_patch, merge_patch
from plimsoll.embedded.core.problem import Problem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


def _twin(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2, word for word."""
    if isinstance(patch, dict):
        if not isinstance(target, dict):
            target = {}
        for name, value in patch.items():
            if value is None:
                if name in target:
                    del target[name]
            else:
                target[name] = _twin(target.get(name), value)
        return target
    return patch


@given(JSON, JSON)
def test_a_merge_patch_does_what_rfc_7386_says_and_changes_nothing_in_place(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    assert merge_patch(target, patch) == _twin(copy.deepcopy(target), copy.deepcopy(patch))
    assert (target, patch) == before


CONTENT = {"data": {"a": "1", "l": "x"}, "items": ["p", "q"]}


@pytest.mark.parametrize(
    ("operations", "data"),
    [
        ([{"op": "add", "path": "/data/b", "value": "2"}], {"a": "1", "l": "x", "b": "2"}),
        ([{"op": "replace", "path": "/data/b", "value": "2"}], {"a": "1", "l": "x", "b": "2"}),
        ([{"op": "add", "path": "/data/b"}], {"a": "1", "l": "x", "b": None}),
        ([{"op": "remove", "path": "/data/a"}], {"l": "x"}),
        ([{"op": "copy", "from": "/data/a", "path": "/data/b"}], {"a": "1", "l": "x", "b": "1"}),
        ([{"op": "test", "path": "/data", "value": {"l": "x", "a": "1"}}], {"a": "1", "l": "x"}),
        ([{"op": "test", "path": "/data/b", "value": None}], {"a": "1", "l": "x"}),
        ([], {"a": "1", "l": "x"}),
        (None, {"a": "1", "l": "x"}),
    ],
)
def test_a_json_patch_does_what_the_real_one_does(operations: Any, data: dict[str, str]) -> None:
    before = copy.deepcopy(CONTENT)
    assert json_patch(CONTENT, operations) == {**CONTENT, "data": data}
    assert before == CONTENT


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/a", "value": "2"},
        {"op": "test", "path": "/data/a", "value": 1},
        {"op": "test", "path": "/data/a"},
        {"op": "test", "path": "/data/b", "value": "2"},
        {"op": "remove", "path": "/data/b"},
        {"op": "add", "path": "/foo/bar/baz", "value": "2"},
        {"op": "add", "path": "data", "value": "2"},
        {"op": "add", "value": "2"},
        {"op": "replace", "path": "/items/5", "value": "2"},
        {"op": "move", "from": "/data/zz", "path": "/data/b"},
        {"op": "frob", "path": "/data/b"},
        {"path": "/data/b"},
        {"op": "add", "path": "/data/a/b", "value": "2"},
        {"op": "replace", "path": "/data/a/b", "value": "2"},
    ],
    ids=str,
)
def test_an_operation_that_cannot_be_carried_out_is_refused_in_the_real_ones_one_sentence(operation: Any) -> None:
    with pytest.raises(Problem, match=r"^the server rejected our request due to an error in our request$") as refused:
        json_patch(CONTENT, [operation])
    assert (refused.value.status, refused.value.reason) == (422, "Invalid")


@pytest.mark.parametrize(
    ("operations", "sentence"),
    [
        ({"op": "add"}, "cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        ([1], "cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
    ],
)
def test_what_is_no_list_of_operations_is_a_bad_request(operations: Any, sentence: str) -> None:
    with pytest.raises(Problem) as refused:
        json_patch(CONTENT, operations)
    assert (refused.value.status, refused.value.message) == (400, f"error decoding patch: json: {sentence}")
