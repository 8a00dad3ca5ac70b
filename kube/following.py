"""Who leads by the Lease of a neighbour? Whoever shares the host of its holder, decided on our own clock alone.

The laws:
- A kube-scheduler holds its Lease as HOST_UUID: whoever runs on that host, in a pod that is the pod, leads with it.
- A renewal that a look shows was made after the look before it was asked for, which still showed the lease otherwise.
  The right to act begins with that moment, and ends before anybody else may take the lease. The first look gives none.
- Nobody else acts for longer than a deadline after the last renewal of theirs, and it came no later than the look that
  shows it. A look that shows the lease in other hands may hide one: it is counted, unless the look just before showed
  that there had been none for a deadline. So nobody is waited for after a lease ran out; after one that was given back
  or deleted, and at our own start, a deadline is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kube.election import Found, Timing

LOOK_S = 0.5
"""How often to look: by as much the right begins before a renewal, at the most."""


@dataclass(frozen=True, slots=True)
class Follower:
    """What one follower knows; times are on its own clock, seconds.

    `seen` is the lease as the last look showed it, and `asked_s` when that look was asked for (None: there was none).
    The lease was written like that no earlier than `written_s`, None where nobody knows. `term` counts the times that
    it began to lead, and nobody else acts after `others_until_s`.
    """

    host: str
    timing: Timing = field(default_factory=Timing)
    seen: Found | None = None
    asked_s: float | None = None
    written_s: float | None = None
    term: int = 0
    others_until_s: float = float("inf")

    @property
    def identity(self) -> str:
        """The host whose kube-scheduler it follows."""
        return self.host

    def leads_until_s(self) -> float | None:
        """Return until when it may act as the leader, None where it may not."""
        if self.written_s is None or self.seen is None or not self._ours(self.seen):
            return None
        margin_s = self.timing.duration_s - self.timing.deadline_s
        return self.written_s + min(self.timing.deadline_s, self.seen.duration_s - margin_s)

    def _ours(self, found: Found) -> bool:
        return found.holder.rpartition("_")[0] == self.host


def looked(me: Follower, found: Found | None, asked_s: float, now_s: float) -> Follower:
    """Take note of a look at `now_s` that was asked for at `asked_s` (`found` None: there is no lease)."""
    if me.asked_s is not None and _written(found) == _written(me.seen):
        return replace(me, seen=found, asked_s=asked_s)
    ours = found is not None and me._ours(found)  # noqa: SLF001  of the same idea
    seen_before = replace(me, seen=found, asked_s=asked_s, written_s=me.asked_s)
    if ours and _holder(found) == _holder(me.seen):
        return seen_before
    term = me.term + ours
    if ours and _ran_out(me, now_s):
        return replace(seen_before, term=term)
    return replace(seen_before, term=term, others_until_s=now_s + me.timing.deadline_s)


def _ran_out(me: Follower, now_s: float) -> bool:
    """Tell whether the look just before showed a lease that nobody else had renewed for a deadline."""
    if me.asked_s is None:
        return False
    just_before = now_s - me.asked_s <= me.timing.duration_s - me.timing.deadline_s
    return just_before and me.others_until_s <= me.asked_s


def _written(found: Found | None) -> tuple[str, str, int] | None:
    return None if found is None else (found.holder, found.renewed, found.transitions)


def _holder(found: Found | None) -> tuple[str, int] | None:
    return None if found is None else (found.holder, found.transitions)
