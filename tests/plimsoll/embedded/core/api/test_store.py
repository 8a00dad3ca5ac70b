"""Versions grow, the log tells everything since a version or says that it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.embedded.core.api import store as module
from plimsoll.embedded.core.api.store import FIRST_VERSION, Store
from plimsoll.embedded.core.kinds import CONFIG_MAPS, PODS
from plimsoll.embedded.core.problem import Problem


def named(name: str, **more: object) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "here"}, **more}


def test_every_write_takes_the_next_version() -> None:
    store = Store()
    first, second = store.put(PODS, named("a")), store.put(CONFIG_MAPS, named("a"))
    assert (first.version, second.version) == (FIRST_VERSION + 1, FIRST_VERSION + 2)
    assert store.remove(PODS, first.content).version == FIRST_VERSION + 3


def test_an_object_is_replaced_and_never_changed() -> None:
    store = Store()
    before = store.put(PODS, named("a", spec=1))
    store.put(PODS, named("a", spec=2))
    assert before.content["spec"] == 1


def test_a_change_shows_what_was_and_what_is() -> None:
    store = Store()
    created = store.put(PODS, named("a", spec=1))
    changed = store.put(PODS, named("a", spec=2))
    gone = store.remove(PODS, changed.content)
    told = store.changes(PODS, FIRST_VERSION)
    assert [(each.before, each.after, each.last) for each in told] == [
        (None, created, None),
        (created, changed, None),
        (changed, None, gone),
    ]


def test_only_what_follows_a_version_is_told() -> None:
    store = Store()
    first = store.put(PODS, named("a"))
    store.put(CONFIG_MAPS, named("a"))
    second = store.put(PODS, named("b"))
    assert [each.after for each in store.changes(PODS, first.version)] == [second]


def test_a_version_before_the_first_is_forgotten() -> None:
    with pytest.raises(Problem, match="too old resource version: 1 ") as refused:
        Store().changes(PODS, 1)
    assert refused.value.status == 410


def test_after_a_compaction_nothing_before_is_told_also_of_a_kind_that_was_never_there() -> None:
    store = Store()
    old = store.put(PODS, named("a")).version
    now = store.put(PODS, named("b")).version
    store.compact()
    for kind in (PODS, CONFIG_MAPS):
        assert list(store.changes(kind, now)) == []
        with pytest.raises(Problem):
            store.changes(kind, old)


@given(st.integers(1, 60), st.integers(0, 60))
def test_the_log_tells_everything_or_says_that_it_cannot(writes: int, since: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LOG_LENGTH", 7)
        store = Store()
        versions = [store.put(PODS, named(str(number))).version for number in range(writes)]
        asked = FIRST_VERSION + since
        try:
            told = [each.version for each in store.changes(PODS, asked)]
        except Problem:
            assert writes - since > 7
        else:
            assert told == [version for version in versions if version > asked]


def test_the_last_4096_changes_of_a_kind_are_told_and_no_more_than_twice_as_many_kept() -> None:
    store = Store()
    store.put(CONFIG_MAPS, named("quiet"))
    for number in range(3 * 4096):
        last = store.put(PODS, named("a", spec=number)).version
        assert number % 1000 or len(store.changes(PODS, max(FIRST_VERSION + 1, last - 4096))) == min(number + 1, 4096)
    with pytest.raises(Problem):
        store.changes(PODS, last - 2 * 4096 - 1)
    assert len(store.changes(CONFIG_MAPS, FIRST_VERSION)) == 1, "a kind is not forgotten for another's sake"


def test_objects_are_listed_in_the_order_of_their_keys() -> None:
    store = Store()
    for name in ("b", "a", "c"):
        store.put(PODS, named(name))
    store.put(PODS, {"metadata": {"name": "a", "namespace": "elsewhere"}})
    assert [each.content["metadata"]["name"] for each in store.all(PODS, "here")] == ["a", "b", "c"]
    assert len(store.all(PODS)) == 4
