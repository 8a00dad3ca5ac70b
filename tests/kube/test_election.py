"""At most one leads at any moment, however long anybody sleeps and whichever answer is lost."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest

from kube import election
from kube.election import Candidate, Found, Timing

TIMING = Timing()


def found(holder: str, renewed: str = "1", *, duration_s: float = 8.0, version: str = "1") -> Found:
    return Found(holder, duration_s, renewed, 0, version)


def test_a_lease_that_is_not_there_or_nobodys_is_free_at_once() -> None:
    me = Candidate("me")
    assert election.free(election.looked(me, None, 100.0), 100.0)
    assert election.free(election.looked(me, found(""), 100.0), 100.0)


def test_anothers_lease_is_free_when_it_did_not_change_for_its_duration_as_we_saw_it() -> None:
    me = election.looked(Candidate("me"), found("other"), 100.0)
    assert not election.free(me, 107.9)
    assert election.free(me, 108.0)
    renewed = election.looked(me, found("other", "2"), 107.0)
    assert not election.free(renewed, 114.9)
    assert not election.free(election.looked(Candidate("me"), found("other", duration_s=30.0), 0.0), 29.0)


def test_who_renews_leads_from_before_it_asked_until_the_deadline() -> None:
    me = election.took(Candidate("me"), found("me"), 100.0, 101.5)
    assert me.leads_until_s() == 106.0
    assert Candidate("me").leads_until_s() is None


def test_who_finds_another_holder_leads_no_more() -> None:
    me = election.took(Candidate("me"), found("me"), 100.0, 100.1)
    assert election.looked(me, found("other", "2"), 101.0).leads_until_s() is None
    assert election.refused(me).leads_until_s() is None


def test_a_follower_looks_again_no_later_than_the_lease_may_be_free() -> None:
    me = election.looked(Candidate("me"), found("other"), 100.0)
    assert election.pause_s(me, 100.0, 100.0, 0.0) == 2.0
    assert election.pause_s(me, 107.5, 107.5, 0.0) == 0.5
    assert election.pause_s(me, 120.0, 120.0, 0.0) == 0.0
    assert 2.0 < election.pause_s(me, 100.0, 100.0, 1.0) < 2.5


def test_looks_keep_their_beat_so_that_a_slow_answer_leaves_time_to_ask_again_before_the_deadline() -> None:
    me = election.took(Candidate("me"), found("me"), 100.0, 100.1)
    assert election.pause_s(me, 100.0, 100.5, 0.0) == 1.5
    assert election.pause_s(me, 100.0, 102.0, 0.0) == 0.0
    assert election.pause_s(me, 100.0, 160.0, 0.0) == 0.0


@dataclass
class Server:
    """What the API server keeps: one lease, written over the version that was read."""

    lease: Found | None = None
    version: int = 0

    def write(self, wanted: Found, over: Found | None) -> Found | None:
        if (self.lease.version if self.lease else None) != (over.version if over else None):
            return None
        self.version += 1
        self.lease = replace(wanted, version=str(self.version))
        return self.lease


@dataclass
class Process:
    """A candidate that does one thing after the other, and may sleep before each; its clock is its own."""

    me: Candidate
    origin_s: float
    doing: str = "look"
    asked: tuple[float, Found, Found | None] | None = None
    answer: Found | None = None

    def clock(self, now_s: float) -> float:
        return now_s - self.origin_s

    def go_on(self, server: Server, now_s: float, chance: random.Random) -> None:
        mine = self.clock(now_s)
        if self.doing == "look":
            if self.me.asked_s is None or self.me.seen is None:
                self.me = election.looked(self.me, server.lease, mine)
            if election.free(self.me, mine):
                wanted = Found(self.me.identity, 8.0, f"{now_s}", 0, "")
                self.asked, self.doing = (mine, wanted, self.me.seen), "write"
        elif self.doing == "write":
            assert self.asked is not None
            self.answer = server.write(self.asked[1], self.asked[2])
            self.doing = "hear"
        else:
            assert self.asked is not None
            if chance.random() < 0.2:
                pass  # the answer is lost
            elif self.answer is None:
                self.me = election.refused(self.me)
            else:
                self.me = election.took(self.me, self.answer, self.asked[0], mine)
            self.doing = "look"

    def leads(self, now_s: float) -> bool:
        until_s = self.me.leads_until_s()
        return until_s is not None and self.clock(now_s) < until_s


@pytest.mark.parametrize("seed", range(20))
def test_no_two_ever_lead_and_somebody_does_most_of_the_time(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  a story, no secret
    server, now_s, led, handed_over = Server(), 0.0, 0, 0
    processes = [Process(Candidate(f"p{i}"), chance.uniform(-1000, 1000)) for i in range(3)]
    next_s = [0.0] * len(processes)
    last = ""
    for _ in range(4000):
        number = min(range(len(processes)), key=lambda i: next_s[i])
        now_s = next_s[number]
        processes[number].go_on(server, now_s, chance)
        # Mostly as it should be; now and then stopped for longer than any lease lasts.
        next_s[number] += chance.choices([chance.uniform(0.0, 1.0), chance.uniform(0.0, 20.0)], [97, 3])[0]
        leaders = [each.me.identity for each in processes if each.leads(now_s)]
        assert len(leaders) <= 1
        led += len(leaders)
        if leaders:
            handed_over += leaders[0] != last
            last = leaders[0]
    assert led > 1000
    assert handed_over > 10


def test_without_the_deadline_before_the_duration_two_would_lead() -> None:
    """The property above can fail."""
    careless = Timing(deadline_s=30.0)
    one = election.took(Candidate("one", careless), found("one"), 0.0, 0.0)
    two = election.looked(Candidate("two", careless), found("one"), 0.0)
    assert election.free(two, 8.0)
    two = election.took(two, found("two", "2"), 8.0, 8.0)
    assert all(each.leads_until_s() > 9.0 for each in (one, two))  # type: ignore[operator]


def test_whoever_held_what_we_take_is_waited_for_a_deadline_unless_it_ran_out_as_we_saw_it() -> None:
    ran_out = election.took(election.looked(Candidate("me"), found("other"), 100.0), found("me", "2"), 108.0, 108.1)
    assert ran_out.others_until_s == 106.0
    for before in (found(""), None):
        given_back = election.looked(election.looked(Candidate("me"), found("other"), 100.0), before, 101.0)
        assert election.took(given_back, found("me", "2"), 101.0, 101.1).others_until_s == 107.0


def test_a_renewal_is_no_new_term_and_nobody_is_waited_for_even_where_an_answer_was_lost() -> None:
    me = election.took(election.looked(Candidate("me"), None, 100.0), found("me"), 100.0, 100.1)
    assert (me.term, me.others_until_s) == (1, 106.0)
    renewed = election.took(me, found("me", "2"), 102.0, 102.1)
    lost = election.looked(election.refused(renewed), found("me", "3"), 104.0)
    again = election.took(lost, found("me", "4"), 104.0, 104.1)
    assert (again.term, again.others_until_s) == (1, 106.0)


def test_who_takes_it_again_after_another_had_it_begins_a_new_term() -> None:
    me = election.took(election.looked(Candidate("me"), None, 100.0), found("me"), 100.0, 100.1)
    others = election.looked(election.refused(me), Found("other", 8.0, "2", 1, "2"), 120.0)
    again = election.took(others, Found("me", 8.0, "3", 2, "3"), 128.0, 128.1)
    assert (again.term, again.others_until_s) == (2, 126.0)
