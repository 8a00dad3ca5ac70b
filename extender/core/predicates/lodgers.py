"""Who is on a node, and what matters of a pod that may have to leave it?

Ten thousand of them are kept: they are part of no cycle, so that no collection walks them.
"""

from __future__ import annotations

import msgspec

from extender.core.predicates.demands import Resident


class Lodger(msgspec.Struct, frozen=True, gc=False):
    """A pod on a node, by the node's name; pods that are alike share their `resident`."""

    resident: Resident
    node: str

    def counts_as(self, other: Lodger) -> bool:
        """Tell whether both count for the same on the same node."""
        return (self.node, self.resident) == (other.node, other.resident)


class Facts(Lodger, frozen=True, gc=False):
    """A pod that holds a GPU of ours, on its node; its labels and whether it is `leaving` stand in `resident`.

    `started`: when the kubelet took it, before that when it was made, as the API server writes it. `owner`: the UID of
    the controller that makes it anew, "" without one. `grace_s`: the seconds that it has to end once it is deleted; of
    one that is being deleted, what it was given. `ready`: as its condition says. `guarded`: disruption budgets are
    asked before it is evicted.
    """

    priority: int = 0
    started: str = ""
    owner: str = ""
    grace_s: int = 30
    ready: bool = False
    guarded: bool = True
