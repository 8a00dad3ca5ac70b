"""Can the scrapes of a workload feed its panic window? If not, which window can they feed?

The laws:
- A window holds two samples, or it does not show that load rises: the panic window is at least two scrape intervals
  long, and at most as long as the stable window.
- The first interval that is seen counts at once. Another one counts when it was seen without a break for two minutes:
  a lost scrape looks like a longer interval until it has left the answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoscaler.core.model import Policy

_SETTLED_MS = 120_000
_JITTER = 0.1  # scrapes of a busy server come so much late, of their interval


@dataclass(frozen=True, slots=True)
class Feed:
    """How often a workload is scraped: every `every_s` seconds, and since `other_since_ms` maybe every `other_s`."""

    every_s: int | None = None
    other_s: int | None = None
    other_since_ms: int = 0


def followed(feed: Feed, interval_s: float | None, at_ms: int) -> Feed:
    """Return what is known of a workload's scrapes after an answer with this interval; None: it did not tell."""
    if interval_s is None:
        return feed
    every_s = _whole(interval_s)
    if feed.every_s is None:
        return Feed(every_s)
    if every_s == feed.every_s:
        return feed if feed.other_s is None else Feed(every_s)
    if every_s != feed.other_s:
        return replace(feed, other_s=every_s, other_since_ms=at_ms)
    return Feed(every_s) if at_ms - feed.other_since_ms >= _SETTLED_MS else feed


def fed_panic_window_s(policy: Policy, feed: Feed) -> int:
    """Return the panic window to use, in seconds: the policy's, or the shortest longer one that can be fed."""
    if feed.every_s is None:
        return policy.panic_window_s
    return max(policy.panic_window_s, min(2 * feed.every_s, policy.stable_window_s))


def shortfall(policy: Policy, feed: Feed) -> str:
    """Return the sentence for people about a panic window that cannot be fed, "" where it can."""
    if feed.every_s is None or 2 * feed.every_s <= policy.panic_window_s:
        return ""
    cannot = f"scraped every {feed.every_s} s: the panic window of {policy.panic_window_s} s cannot be fed"
    used = fed_panic_window_s(policy, feed)
    if 2 * feed.every_s > used:
        return (
            f"{cannot}, nor can the stable window of {policy.stable_window_s} s, which is used as both; scrape at "
            f"least every {policy.stable_window_s // 2} s"
        )
    need = f"scrape every {policy.panic_window_s / 2:g} s to have it as it is set"
    return f"{cannot}; {used} s is used, the shortest one with two samples; {need}"


def _whole(interval_s: float) -> int:
    """Return an interval in whole seconds: what it is but for jitter, else the next longer one."""
    nearest = max(1, round(interval_s))
    return nearest if interval_s <= nearest * (1 + _JITTER) else nearest + 1
