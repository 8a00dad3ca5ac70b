"""Of two states the one of the higher version is the newer; a watch may have told it while a list was under way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kube.versions import Meanwhile, age


@given(st.integers(1, 2**70), st.integers(1, 2**70))
def test_versions_are_ordered_as_the_numbers_that_they_are(one: int, other: int) -> None:
    assert (age(str(one)) < age(str(other))) == (one < other)
    assert age("") < age(str(one))


def test_only_what_the_watch_told_beyond_the_list_is_newer_than_it() -> None:
    meanwhile = Meanwhile()
    for name, version in (("before", "9"), ("same", "10"), ("after", "11"), ("twice", "8"), ("twice", "12")):
        meanwhile.told(name, version)
    assert meanwhile.newer("10") == {"after", "twice"}


def test_a_list_is_outdated_by_a_later_one_of_the_watch_alone() -> None:
    meanwhile = Meanwhile()
    assert not meanwhile.outdates("10")
    meanwhile.told("a", "20")
    meanwhile.relisted("10")
    assert not meanwhile.outdates("10")
    meanwhile.relisted("11")
    assert meanwhile.outdates("10")
