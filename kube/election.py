"""Who leads? One holder of a Lease at a time, decided without a clock that two machines would have to share.

The laws:
- What counts is when *we* saw the lease change, on our own clock, which never jumps; the times in the lease are for
  people. A holder whose lease did not change for its whole duration, as we saw it, has lost it.
- A holder's own right to act begins with the moment before it asked for the renewal, and lasts for the renew deadline:
  shorter than the duration, so that it ends before anybody may take over.
- A lease is written over the very version that was read: of two that take it over, one does.
- A holder that goes gives it back, and whoever looks next takes it at once.
- Whoever held a lease before us acts no longer than a deadline after we first saw it as it stood when we took it. One
  that ran out is believed in by nobody, one that was given back or deleted perhaps still is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds: a lease that did not change for `duration_s` is free, everybody looks every `retry_s`.

    A holder that could not renew for `deadline_s` is none any more.
    """

    duration_s: float = 8.0
    deadline_s: float = 6.0
    retry_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """A lease as it stands: `holder` "" for nobody, `renewed` as it is written there, `version` of the object."""

    holder: str
    duration_s: float
    renewed: str
    transitions: int
    version: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one candidate knows; times are on its own clock, seconds.

    `seen` is the lease as it stood last, `since_s` when it was first seen like that; `asked_s` is when the renewal was
    asked for that succeeded last, None for a candidate that does not hold the lease. `term` counts the times that it
    began to hold it, `held` is the count of transitions that it held it under last, and nobody before it acts after
    `others_until_s`.
    """

    identity: str
    timing: Timing = Timing()
    seen: Found | None = None
    since_s: float = 0.0
    asked_s: float | None = None
    term: int = 0
    held: int | None = None
    others_until_s: float = 0.0

    def leads_until_s(self) -> float | None:
        """Return until when it may act as the leader, None where it may not."""
        return None if self.asked_s is None else self.asked_s + self.timing.deadline_s


def looked(candidate: Candidate, found: Found | None, now_s: float) -> Candidate:
    """Take note of the lease as it stands (None: there is none)."""
    if found is not None and candidate.seen is not None:
        before, now = candidate.seen, found
        same = (before.holder, before.renewed, before.transitions) == (now.holder, now.renewed, now.transitions)
        since_s = candidate.since_s if same else now_s
    else:
        since_s = now_s
    mine = found is not None and found.holder == candidate.identity
    return replace(candidate, seen=found, since_s=since_s, asked_s=candidate.asked_s if mine else None)


def free(candidate: Candidate, now_s: float) -> bool:
    """Tell whether the lease may be taken: there is none, it is its own or nobody's, or its holder has lost it."""
    seen = candidate.seen
    if seen is None or seen.holder in {"", candidate.identity}:
        return True
    return now_s - candidate.since_s >= max(seen.duration_s, candidate.timing.duration_s)


def took(candidate: Candidate, found: Found, asked_s: float, now_s: float) -> Candidate:
    """Take note that the API server accepted what was asked for at `asked_s`."""
    seen = candidate.seen
    # A renewal whose answer was lost is one all the same: nobody held it in between.
    goes_on = candidate.asked_s is not None or (
        seen is not None and seen.holder == candidate.identity and seen.transitions == candidate.held
    )
    term, others_until_s = candidate.term, candidate.others_until_s
    if not goes_on:
        term, others_until_s = term + 1, candidate.since_s + candidate.timing.deadline_s
    return replace(
        candidate,
        seen=found,
        since_s=now_s,
        asked_s=asked_s,
        term=term,
        held=found.transitions,
        others_until_s=others_until_s,
    )


def refused(candidate: Candidate) -> Candidate:
    """Take note that the lease stands otherwise than it was thought to: it has to be looked at again."""
    return replace(candidate, seen=None, asked_s=None)


def pause_s(candidate: Candidate, began_s: float, now_s: float, jitter: float) -> float:
    """Return how long to wait until the next look, if the last one began at `began_s`.

    `jitter` from 0 to 1 keeps candidates apart.
    """
    timing = candidate.timing
    # Looks keep their beat: a renewal that took long without success leaves time for another before the deadline.
    pause_s = max(began_s + timing.retry_s - now_s, 0.0)
    if candidate.asked_s is None and candidate.seen is not None and candidate.seen.holder:
        # No later than when the lease may be free.
        left_s = candidate.since_s + max(candidate.seen.duration_s, timing.duration_s) - now_s
        pause_s = min(pause_s, max(left_s, 0.0))
    return pause_s + 0.1 * timing.retry_s * jitter
