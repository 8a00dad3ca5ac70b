from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.demo.core.spread import Server, least_in_flight

NOBODY: frozenset[str] = frozenset()


def server(pod: str, in_flight: int, taken: int = 0) -> Server:
    return Server(pod, "chat", "", in_flight, taken)


def test_the_server_with_the_fewest_in_flight_is_chosen() -> None:
    assert least_in_flight([server("a", 2), server("b", 1, 9), server("c", 3)], but=NOBODY) == server("b", 1, 9)


def test_among_equals_the_least_used_is_chosen_then_the_first_by_name() -> None:
    assert least_in_flight([server("a", 0, 5), server("c", 0, 4), server("b", 0, 4)], but=NOBODY) == server("b", 0, 4)


def test_a_server_that_broke_is_passed_over() -> None:
    assert least_in_flight([server("a", 0), server("b", 9)], but=frozenset("a")) == server("b", 9)


def test_nobody_is_chosen_where_nobody_is_left() -> None:
    assert least_in_flight([server("a", 0)], but=frozenset("a")) is None
    assert least_in_flight([], but=NOBODY) is None


@given(st.integers(1, 12), st.integers(0, 200))
def test_requests_that_never_end_are_spread_evenly(servers: int, requests: int) -> None:
    all_servers = [server(f"pod-{number}", 0) for number in range(servers)]
    for _ in range(requests):
        chosen = least_in_flight(all_servers, but=NOBODY)
        assert chosen is not None
        chosen.in_flight += 1
    counts = [each.in_flight for each in all_servers]
    assert max(counts) - min(counts) <= 1
