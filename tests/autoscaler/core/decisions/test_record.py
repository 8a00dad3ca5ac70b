from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from autoscaler.core.decisions.decision import decide_again
from autoscaler.core.decisions.record import CHANGES_KEPT, Ambiguous, Book, Explained, Record, Unknown, replayed
from autoscaler.core.model import Decision, Inputs, WorkloadKey
from tests.autoscaler.recorded import AT_MS, KEY, decided, many_inputs, record, seen


def book(*keys: WorkloadKey) -> Book:
    return Book({key: decided(seen()) for key in keys}, AT_MS)


def key(namespace: str, name: str, kind: str = "Deployment") -> WorkloadKey:
    return WorkloadKey(f"{namespace}-{name}-{kind}", namespace, name, kind=kind)


def change(at_ms: int) -> Decision:
    return decided(replace(seen(), at_ms=at_ms))


def test_the_last_changes_are_kept_oldest_first() -> None:
    kept = book(KEY)
    for at_ms in range(CHANGES_KEPT + 5):
        kept.change(KEY, change(at_ms))
    found = kept.explain("chat", "llama")
    assert isinstance(found, Explained)
    assert [each.decision.inputs.at_ms for each in found.changes] == list(range(5, CHANGES_KEPT + 5))
    assert {each.key for each in found.changes} == {KEY}


def test_a_workload_that_is_gone_takes_its_changes_with_it() -> None:
    standing = {KEY: decided(seen())}
    kept = Book(standing, AT_MS)
    kept.change(KEY, change(1))
    del standing[KEY]
    kept.retain(set())
    assert isinstance(kept.explain("chat", "llama"), Unknown)
    standing[KEY] = decided(seen())
    assert kept.explain("chat", "llama") == Explained(record(seen()), ())


def test_what_is_retained_stays() -> None:
    kept = book(KEY)
    kept.change(KEY, change(1))
    kept.retain({KEY.uid})
    found = kept.explain("chat", "llama")
    assert isinstance(found, Explained)
    assert len(found.changes) == 1


def test_workloads_are_ordered_and_told_by_namespace() -> None:
    kept = book(key("b", "x"), key("a", "y"), key("a", "x", "StatefulSet"), key("a", "x"))
    assert [(each.namespace, each.name, each.kind) for each in kept.workloads()] == [
        ("a", "x", "Deployment"),
        ("a", "x", "StatefulSet"),
        ("a", "y", "Deployment"),
        ("b", "x", "Deployment"),
    ]
    assert kept.workloads("b") == [key("b", "x")]


def test_a_name_that_two_kinds_share_needs_the_kind() -> None:
    kept = book(key("a", "x", "StatefulSet"), key("a", "x"))
    assert kept.explain("a", "x") == Ambiguous(("Deployment", "StatefulSet"))
    found = kept.explain("a", "x", "StatefulSet")
    assert isinstance(found, Explained)
    assert found.standing.key.kind == "StatefulSet"


def test_an_unknown_name_is_answered_with_near_ones_the_same_name_elsewhere_first() -> None:
    kept = book(key("chat", "lama"), key("search", "llama"), key("zzz", "quite-another"))
    assert kept.explain("chat", "llama") == Unknown((key("search", "llama"), key("chat", "lama")))
    assert kept.explain("nowhere", "nothing") == Unknown(())


@given(many_inputs)
def test_the_same_law_decides_the_same_again(inputs: Inputs) -> None:
    assert replayed(Record(KEY, decide_again(inputs)), decide_again) is None


def test_another_law_is_told_by_what_differs() -> None:
    def other(inputs: Inputs) -> Decision:
        return replace(decided(inputs), desired=99, reason="more")

    difference = replayed(record(seen()), other)
    assert difference is not None
    assert difference.fields == ("desired", "reason")
    assert (difference.recorded.desired, difference.again.desired) == (6, 99)
