"""Who follows a kube-scheduler's Lease acts only while nobody else may hold it, and waits for whoever acted before."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from kube import following
from kube.election import Found
from kube.following import Follower

OURS, THEIRS = "here_1", "there_1"


def found(holder: str, renewed: str = "1", *, duration_s: float = 8.0, transitions: int = 0) -> Found:
    return Found(holder, duration_s, renewed, transitions, "")


def looks(*steps: tuple[float, Found | None]) -> Follower:
    """Return what a follower on `here` knows after looks asked for at these times, and answered 0.1 s later."""
    me = Follower("here")
    for asked_s, lease in steps:
        me = following.looked(me, lease, asked_s, asked_s + 0.1)
    return me


def test_the_first_look_gives_no_right_for_nobody_knows_how_old_the_renewal_is() -> None:
    assert looks((100.0, found(OURS))).leads_until_s() is None
    assert looks((100.0, found(OURS)), (100.5, found(OURS))).leads_until_s() is None


def test_the_right_begins_when_the_look_was_asked_for_that_still_showed_the_lease_otherwise() -> None:
    me = looks((100.0, found(OURS)), (100.5, found(OURS)), (101.0, found(OURS, "2")))
    assert me.leads_until_s() == 106.5
    assert following.looked(me, found(OURS, "2"), 101.5, 101.6).leads_until_s() == 106.5


def test_a_lease_that_is_shorter_than_usual_gives_a_shorter_right_and_a_longer_one_no_longer() -> None:
    for duration_s, until_s in ((5.0, 103.0), (15.0, 106.0)):
        lease = found(OURS, duration_s=duration_s)
        assert looks((100.0, lease), (101.0, replace(lease, renewed="2"))).leads_until_s() == until_s


@pytest.mark.parametrize("lease", [found(THEIRS, "2", transitions=1), found("", "2"), None])
def test_whoever_else_holds_it_ends_our_right_at_once(lease: Found | None) -> None:
    me = looks((100.0, found(OURS)), (100.5, found(OURS, "2")), (101.0, lease))
    assert me.leads_until_s() is None
    assert me.others_until_s == pytest.approx(107.1)


def test_another_host_whose_name_begins_like_ours_is_another() -> None:
    for holder in ("here-too_1", "here_1_1", "her_1", "here"):
        assert looks((100.0, found(THEIRS)), (100.5, found(holder, transitions=1))).leads_until_s() is None


def test_nobody_is_waited_for_after_the_lease_of_another_ran_out_as_we_saw_it() -> None:
    silent = [(100.0 + 0.5 * step, found(THEIRS)) for step in range(18)]
    me = looks(*silent, (109.0, found(OURS, "2", transitions=1)))
    assert me.others_until_s == pytest.approx(106.1)
    assert (me.term, me.leads_until_s()) == (1, 114.5)


@pytest.mark.parametrize(
    "before",
    [
        [(100.0, found(OURS, transitions=1))],
        [(100.0, None)],
        [(100.0, found(THEIRS)), (100.5, found("", "2"))],
        [(100.0, found(THEIRS)), (104.0, found(THEIRS, "2"))],
        [(100.0, found(THEIRS))],
    ],
    ids=["our own start", "no lease", "given back", "renewed not long ago", "not looked for long"],
)
def test_a_deadline_is_waited_for_after(before: list[tuple[float, Found | None]]) -> None:
    me = looks(*before, (120.0, found(OURS, "9", transitions=7)))
    assert me.term >= 1
    assert me.others_until_s == pytest.approx(126.1)


def test_a_renewal_is_no_new_term() -> None:
    me = looks((100.0, None), (100.5, found(OURS)), (101.0, found(OURS, "2")), (130.0, found(OURS, "3")))
    assert me.term == 1
    assert me.others_until_s == pytest.approx(106.6)


# --- two pairs of a scheduler and its follower, on clocks of their own, each stopped now and then ---


@dataclass
class Scheduler:
    """The elector of client-go: takes what it saw unchanged for its duration, renews, and sometimes gives back."""

    name: str
    seen: Found | None = None
    seen_s: float = 0.0

    def step(self, lease: Found | None, now_s: float, chance: random.Random) -> Found | None:
        if lease != self.seen:
            self.seen, self.seen_s = lease, now_s
        mine = lease is not None and lease.holder == self.name
        if mine and chance.random() < 0.02:
            return found("", str(now_s), duration_s=1.0, transitions=lease.transitions if lease else 0)
        gone = lease is None or not lease.holder or now_s - self.seen_s > lease.duration_s
        if mine or gone:
            self.seen_s = now_s
            count = 0 if lease is None else lease.transitions + (not mine)
            self.seen = found(self.name, str(now_s), transitions=count)
            return self.seen
        return lease


@dataclass
class Extender:
    """A follower that looks in two steps, so that it may sleep between the answer and its hearing it."""

    me: Follower
    origin_s: float
    asked_s: float | None = None
    answer: Found | None = None
    asked: bool = field(default=False)

    def step(self, lease: Found | None, now_s: float) -> None:
        mine = now_s + self.origin_s
        if self.asked_s is None:
            self.asked_s, self.asked = mine, False
        elif not self.asked:
            self.answer, self.asked = lease, True
        else:
            self.me = following.looked(self.me, self.answer, self.asked_s, mine)
            self.asked_s = None

    def has_right(self, now_s: float) -> bool:
        until_s = self.me.leads_until_s()
        return until_s is not None and now_s + self.origin_s < until_s

    def acts(self, now_s: float) -> bool:
        return self.has_right(now_s) and now_s + self.origin_s >= self.me.others_until_s


@pytest.mark.parametrize("seed", range(30))
def test_no_two_ever_act_and_nothing_that_one_sent_with_its_right_as_limit_arrives_while_another_acts(
    seed: int,
) -> None:
    chance = random.Random(seed)  # noqa: S311  a story, no secret
    lease: Found | None = None
    schedulers = [Scheduler(f"{host}_1") for host in ("a", "b")]
    extenders = [Extender(Follower(host), chance.uniform(-1000, 1000)) for host in ("a", "b")]
    # Two of each do their steps in turn: schedulers about once in 2 s, extenders three steps in half a second.
    due = [0.0] * 4
    last_write_s = {0: -1.0, 1: -1.0}
    acted, terms = 0, 0
    for _ in range(12_000):
        number = min(range(4), key=lambda i: due[i])
        now_s = due[number]
        if number < 2:
            lease = schedulers[number].step(lease, now_s, chance)
            if chance.random() < 0.01:
                lease = None  # somebody deletes it
            pause_s = chance.uniform(1.5, 2.5)
        else:
            extenders[number - 2].step(lease, now_s)
            pause_s = chance.uniform(0.01, 0.2)
        due[number] = now_s + (chance.uniform(0.0, 20.0) if chance.random() < 0.004 else pause_s)
        acting = [i for i, one in enumerate(extenders) if one.acts(now_s)]
        assert len(acting) <= 1
        for one in acting:
            acted += 1
            assert last_write_s[1 - one] <= now_s
            # What it sends now may arrive until its right ends, and no later: the API server lets go of it.
            until_s = extenders[one].me.leads_until_s()
            assert until_s is not None
            last_write_s[one] = max(last_write_s[one], until_s - extenders[one].origin_s)
        terms = sum(one.me.term for one in extenders)
    assert acted > 1000
    assert terms > 3
