"""The queue tries pods in kube-scheduler's order and at its times."""

from __future__ import annotations

import pytest

from plimsoll.embedded.core.scheduling.fitting import EXTENDER, RESOURCES
from plimsoll.embedded.core.scheduling.hints import Change, Event
from plimsoll.embedded.core.scheduling.queue import Queue, Queued
from tests.plimsoll.embedded.scheduling import pod_view

T = 1000.0  # a whole second of the clock
KICK = Event(Change.NODE_ANNOTATIONS)
BY_EXTENDER = frozenset((EXTENDER,))


def _tried(queue: Queue, now: float) -> str | None:
    """Return the name of who is tried now; the try ends well."""
    tried = queue.pop(now)
    if tried is None:
        return None
    queue.done(tried)
    return tried.pod.name


def _reject(queue: Queue, now: float, by: frozenset[str] = BY_EXTENDER) -> Queued:
    tried = queue.pop(now)
    assert tried is not None
    queue.failed(tried, tried.pod, by, now)
    return tried


def test_the_highest_priority_goes_first_then_who_came_first() -> None:
    queue = Queue(T)
    for moment, (name, priority) in enumerate([("early", 0), ("late", 0), ("high", 10), ("low", -5)]):
        queue.add(pod_view(name, priority=priority), T + moment)
    assert [_tried(queue, T + 9) for _ in range(5)] == ["high", "early", "late", "low", None]


def test_a_gated_pod_waits_and_then_comes_in_the_place_of_its_creation() -> None:
    queue = Queue(T)
    queue.add(pod_view("gated", schedulingGates=[{"name": "x"}]), T)
    queue.add(pod_view("other"), T + 1)
    assert _tried(queue, T + 2) == "other"
    assert _tried(queue, T + 2) is None
    queue.add(pod_view("younger"), T + 2)
    queue.update(pod_view("gated"), [Event(Change.POD_CHANGED)], T + 2)
    assert [_tried(queue, T + 3) for _ in range(2)] == ["gated", "younger"]


def test_a_rejected_pod_is_tried_at_once_when_something_happens_and_nothing_else_is_to_be_tried() -> None:
    queue = Queue(T)
    queue.add(pod_view("rejected"), T)
    _reject(queue, T)
    assert _tried(queue, T + 0.1) is None
    queue.happened(KICK, T + 0.1)
    assert _tried(queue, T + 0.1) == "rejected"


def test_a_rejected_pod_in_back_off_lets_others_go_first() -> None:
    queue = Queue(T)
    queue.add(pod_view("rejected", priority=10), T)
    _reject(queue, T)
    queue.happened(KICK, T + 0.1)
    queue.add(pod_view("other"), T + 0.2)
    assert [_tried(queue, T + 0.3) for _ in range(2)] == ["other", "rejected"]


def test_a_back_off_is_over_with_the_end_of_its_second_not_before() -> None:
    queue = Queue(T)
    queue.add(pod_view("rejected", priority=10), T)
    _reject(queue, T)
    queue.happened(KICK, T + 1.5)
    queue.add(pod_view("other"), T + 1.5)
    assert _tried(queue, T + 1.5) == "other"


def test_a_rejected_pod_whose_back_off_is_over_goes_by_its_priority() -> None:
    queue = Queue(T)
    queue.add(pod_view("rejected", priority=10), T)
    _reject(queue, T)
    queue.happened(KICK, T + 3)
    queue.add(pod_view("other"), T + 3)
    assert _tried(queue, T + 3) == "rejected"


def test_an_event_that_cannot_help_leaves_a_rejected_pod_where_it_is() -> None:
    queue = Queue(T)
    queue.add(pod_view("rejected"), T)
    _reject(queue, T, frozenset((RESOURCES,)))
    queue.happened(KICK, T + 1)
    assert _tried(queue, T + 1) is None
    queue.happened(Event(Change.POD_LEFT), T + 2)
    assert _tried(queue, T + 2) == "rejected"


def test_what_happens_during_a_try_is_not_lost() -> None:
    queue = Queue(T)
    queue.add(pod_view("rejected"), T)
    tried = queue.pop(T)
    assert tried is not None
    queue.happened(KICK, T + 0.1)
    queue.failed(tried, tried.pod, BY_EXTENDER, T + 0.2)
    assert _tried(queue, T + 0.2) == "rejected"


def test_a_pods_own_change_during_its_try_is_not_lost() -> None:
    queue = Queue(T)
    queue.add(pod_view("rejected"), T)
    tried = queue.pop(T)
    assert tried is not None
    changed = pod_view("rejected", meta={"labels": {"a": "b"}})
    queue.update(changed, [Event(Change.POD_CHANGED, pod=changed)], T + 0.1)
    queue.failed(tried, changed, BY_EXTENDER, T + 0.2)
    again = queue.pop(T + 0.2)
    assert again is not None
    assert again.pod is changed


def test_what_happened_before_a_try_does_not_count_for_it() -> None:
    queue = Queue(T)
    queue.add(pod_view("rejected"), T)
    queue.happened(KICK, T)
    _reject(queue, T)
    assert _tried(queue, T + 1) is None


@pytest.mark.parametrize("started", [T, T + 0.03, T + 0.5, T + 0.97])
def test_errors_are_tried_again_without_an_event_after_a_back_off_that_ends_with_a_second(started: float) -> None:
    # As seen on kube-scheduler 1.36: an extender's errors, tried at about 0, 1.97, 4.97, 9.97, 18.97 s.
    queue = Queue(T)
    queue.add(pod_view("erring"), started)
    tries: list[float] = []
    now = started
    while now is not None and len(tries) < 6:
        _reject(queue, now, frozenset())
        tries.append(now)
        queue.happened(KICK, now)  # no event hurries it
        assert _tried(queue, now + 0.9) is None
        now = queue.next_due() or 0.0
        assert now == int(now)
    first = int(started)
    assert tries[1:] == [first + 2, first + 5, first + 10, first + 19, first + 30]


def test_a_rejection_ends_a_row_of_errors() -> None:
    queue = Queue(T)
    queue.add(pod_view("erring"), T)
    for now in (T, T + 2):
        _reject(queue, now, frozenset())
    _reject(queue, T + 5)
    queue.happened(KICK, T + 6)
    _reject(queue, T + 6, frozenset())
    assert queue.next_due() == T + 8  # the first error of a row: one second, then the end of the next


def test_nobody_waits_longer_than_five_minutes_and_a_sweep() -> None:
    queue = Queue(T)
    queue.add(pod_view("forgotten"), T)
    _reject(queue, T)
    now = T
    tries: list[float] = []
    while not tries:
        now = queue.next_due() or 0.0
        if _tried(queue, now):
            tries.append(now)
    assert 300 < tries[0] - T <= 330


def test_a_removed_pod_is_not_tried() -> None:
    queue = Queue(T)
    queue.add(pod_view("gone"), T)
    queue.remove("uid-gone")
    assert _tried(queue, T) is None
    assert not queue.busy


def test_a_pod_that_came_back_while_its_binding_failed_is_there_once() -> None:
    queue = Queue(T)
    queue.add(pod_view("pod"), T)
    tried = queue.pop(T)
    assert tried is not None
    queue.done(tried)
    queue.add(pod_view("pod"), T + 1)
    queue.failed(tried, tried.pod, frozenset(), T + 1)
    assert queue.next_due() is None
    assert [_tried(queue, T + 9) for _ in range(2)] == ["pod", None]


def test_it_is_busy_until_all_are_placed_or_rejected() -> None:
    queue = Queue(T)
    queue.add(pod_view("a"), T)
    assert queue.busy
    tried = queue.pop(T)
    assert tried is not None
    assert queue.busy
    queue.failed(tried, tried.pod, frozenset(), T)
    assert queue.busy
    _reject(queue, T + 2)
    assert not queue.busy
    assert [pod.name for pod in queue.waiting()] == ["a"]
