"""Packed names are found as a dict finds texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core.ledger.columns import Columns
from extender.core.ledger.names import EvenNames, NameTable, packed

NAMES = st.text(alphabet="abc019-.", min_size=1, max_size=20)


@given(known=st.lists(NAMES, unique=True, max_size=40), asked=st.lists(NAMES, max_size=80))
def test_the_table_finds_what_a_dict_finds(known: list[str], asked: list[str]) -> None:
    columns = {name: 3 * place for place, name in enumerate(known)}
    found = NameTable(columns).find(packed(asked)).tolist()
    assert found == [columns.get(name, -1) for name in asked]


@given(
    known=st.lists(NAMES, unique=True, max_size=40),
    asked=st.integers(1, 20).flatmap(
        lambda length: st.lists(st.text("ab0", min_size=length, max_size=length), min_size=1)
    ),
    apart=st.integers(0, 3),
)
def test_names_of_one_length_are_found_as_all_others_are(known: list[str], asked: list[str], apart: int) -> None:
    columns = {name: place for place, name in enumerate([*known, *asked[::2]])}
    length = len(asked[0])
    text = ("." * apart).join(["", *asked]).encode()
    even = EvenNames(text, len(asked), first=apart, length=length, stride=length + apart)
    assert list(even) == asked
    assert NameTable(columns).find(even).tolist() == [columns.get(name, -1) for name in asked]


@given(known=st.lists(NAMES, unique=True, min_size=1, max_size=20), more=st.text(alphabet="a.", min_size=1))
def test_a_longer_name_is_another_one(known: list[str], more: str) -> None:
    asked = [name + more for name in known]
    columns = {name: place for place, name in enumerate(known)}
    assert NameTable(columns).find(packed(asked)).tolist() == [columns.get(name, -1) for name in asked]


def test_thousands_of_names_are_found_whatever_places_they_share() -> None:
    columns = {f"ip-10-0-{number // 256}-{number % 256}.internal": number for number in range(5000)}
    names = [*columns, *(f"other-{number}" for number in range(500))]
    assert NameTable(columns).find(packed(names)).tolist() == [*range(5000), *[-1] * 500]


LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.mark.parametrize(
    "names",
    [
        ["d0000000a", "a0000000b"],
        [f"ip-10-{a}-{b}-{c}.internal" for a in range(100, 141, 10) for b in (10, 33) for c in range(100, 200)],
        [f"rack-{rack:02}-node-{number:04}" for rack in range(8) for number in range(64)],
        [f"r{row:02}-k{rack:02}-s{slot:02}" for row in range(12) for rack in range(20) for slot in range(16)],
        [f"aaaaaaa{one}bbbbbbb{other}" for one in LETTERS for other in LETTERS],
        [*("x" * length + str(length) for length in range(240)), *("y" * 252 + letter for letter in LETTERS)],
    ],
    ids=["two", "addresses", "racks", "rows", "last letters of words", "lengths"],
)
def test_names_as_clusters_have_them_get_a_place_each(names: list[str]) -> None:
    columns = {name: 7 * place for place, name in enumerate(names)}
    table = NameTable(columns)
    assert table._plain is None
    assert table.find(packed([*names, "unknown"])).tolist() == [*columns.values(), -1]


def test_where_names_cannot_be_given_a_place_each_they_are_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NameTable, "_placed", lambda _table, _attempt: False)
    assert NameTable({"a": 3, "b": 5}).find(packed(["b", "c", "a"])).tolist() == [5, -1, 3]


@given(st.lists(NAMES))
def test_packed_names_are_a_sequence_of_texts(names: list[str]) -> None:
    found = packed(names)
    assert (list(found), len(found)) == (names, len(names))


def test_columns_without_nodes_know_no_name() -> None:
    assert Columns().columns_of(packed(["a", "b"])).tolist() == [-1, -1]
