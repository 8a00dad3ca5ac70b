"""Packed names are found as a dict finds texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extender.core.ledger.columns import Columns
from extender.core.ledger.names import NameTable, packed

NAMES = st.text(alphabet="ab-.", min_size=1, max_size=20)


@given(known=st.lists(NAMES, unique=True, max_size=40), asked=st.lists(NAMES, max_size=80))
def test_the_table_finds_what_a_dict_finds(known: list[str], asked: list[str]) -> None:
    columns = {name: 3 * place for place, name in enumerate(known)}
    found = NameTable(columns).find(packed(asked)).tolist()
    assert found == [columns.get(name, -1) for name in asked]


@given(known=st.lists(NAMES, unique=True, min_size=1, max_size=20), more=st.text(alphabet="a.", min_size=1))
def test_a_longer_name_is_another_one(known: list[str], more: str) -> None:
    asked = [name + more for name in known]
    columns = {name: place for place, name in enumerate(known)}
    assert NameTable(columns).find(packed(asked)).tolist() == [columns.get(name, -1) for name in asked]


def test_thousands_of_names_are_found_whatever_places_they_share() -> None:
    columns = {f"ip-10-0-{number // 256}-{number % 256}.internal": number for number in range(5000)}
    names = [*columns, *(f"other-{number}" for number in range(500))]
    assert NameTable(columns).find(packed(names)).tolist() == [*range(5000), *[-1] * 500]


@given(st.lists(NAMES))
def test_packed_names_are_a_sequence_of_texts(names: list[str]) -> None:
    found = packed(names)
    assert (list(found), len(found)) == (names, len(names))


def test_columns_without_nodes_know_no_name() -> None:
    assert Columns().columns_of(packed(["a", "b"])).tolist() == [-1, -1]
