from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.embedded.core.notation.schema import shape
from plimsoll.embedded.core.ownership.merging import compared, merged

CONTAINER = shape("V1Container")
ENVIRONMENT = CONTAINER.fields["env"]


def _environment(names: str, value: str = "1") -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name in names]


# Each letter is a variable of a container: as an update left them, as they were applied, as a 1.36 API server merged.
@pytest.mark.parametrize(
    ("live", "applied", "together"),
    [
        ("ef", "ce", "cef"),
        ("feac", "g", "feacg"),
        ("ceba", "egdf", "cebagdf"),
        ("bf", "dfaeg", "bdfaeg"),
        ("acfbe", "fdgec", "afbdgec"),
        ("dbcaf", "db", "dbcaf"),
        ("edbfa", "efb", "edfab"),
        ("efa", "fe", "fae"),
        ("daec", "gadce", "gadce"),
        ("eabdc", "cbagf", "edcbagf"),
        ("ecdfa", "dce", "dface"),
        ("ebacf", "cfge", "bacfge"),
        ("fbace", "cegba", "fcegba"),
        ("cabef", "bdeaf", "cbdeaf"),
        ("edacf", "bce", "dabcfe"),
        ("a", "afgd", "afgd"),
    ],
)
def test_the_items_of_two_lists_stand_in_the_real_ones_order(live: str, applied: str, together: str) -> None:
    out = merged(ENVIRONMENT, _environment(live), _environment(applied, "2"))
    assert [each["name"] for each in out] == list(together)
    assert {each["name"] for each in out if each["value"] == "2"} == set(applied)


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5).map("".join)


@given(NAMES, NAMES)
def test_merged_lists_have_every_item_once(live: str, applied: str) -> None:
    out = merged(ENVIRONMENT, _environment(live), _environment(applied, "2"))
    assert sorted(each["name"] for each in out) == sorted(set(live) | set(applied))


def test_what_is_atomic_is_replaced_and_one_field() -> None:
    pod = shape("V1PodSpec")
    assert merged(pod, {"nodeSelector": {"a": "1"}}, {"nodeSelector": {"b": "2"}}) == {"nodeSelector": {"b": "2"}}
    assert compared(pod, {"nodeSelector": {"a": "1"}}, {"nodeSelector": {"b": "2"}}) == ({}, {"f:nodeSelector": {}})


def test_an_item_that_moves_is_no_change() -> None:
    assert compared(CONTAINER, {"env": _environment("ab")}, {"env": _environment("ba")}) == ({}, {})


def test_what_comes_brings_the_fields_that_are_always_there() -> None:
    pod = shape("V1PodSpec")
    removed, changed = compared(pod, {"containers": []}, {"containers": [{"name": "c"}]})
    assert removed == {}
    assert changed == {"f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}, "f:resources": {}}}}
    assert compared(pod, {"containers": [{"name": "c"}]}, {"containers": []}) == (changed, {})
