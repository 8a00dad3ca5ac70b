"""What is refused is tried again, later each time; what was done is not done twice before it can have been seen."""

from __future__ import annotations

from extender.shell.trying import Trying


def due_at(trying: Trying, since: float) -> float:
    """Return after how many seconds something may be tried again."""
    return next(step / 4 for step in range(1000) if trying.is_due("p", since + step / 4))


def test_what_was_never_tried_may_be_tried() -> None:
    assert Trying().is_due("p", 0.0)


def test_what_is_refused_again_and_again_waits_twice_as_long_each_time_and_half_a_minute_at_most() -> None:
    trying, now, waited = Trying(), 0.0, []
    for _ in range(9):
        trying.refused("p", now)
        waited.append(due_at(trying, now))
        now += waited[-1]
    assert waited == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_success_ends_the_waiting() -> None:
    trying = Trying()
    for _ in range(9):
        trying.refused("p", 0.0)
    trying.carried_out("p", 0.0)
    assert due_at(trying, 0.0) == 1.0
    trying.refused("p", 1.0)
    assert due_at(trying, 1.0) == 0.5


def test_what_is_refused_keeps_nothing_else_waiting() -> None:
    trying = Trying()
    trying.refused("p", 0.0)
    assert trying.is_due("q", 0.0)


def test_what_is_not_tried_any_more_is_forgotten() -> None:
    trying = Trying()
    trying.refused("p", 0.0)
    trying.forget(30.0)
    assert len(trying) == 1
    trying.forget(31.0)
    assert len(trying) == 0
