"""Which taint of a node keeps a pod away? What kube-scheduler reads of taints and tolerations, and how.

A taint that is only preferred to be avoided (PreferNoSchedule) keeps nobody away. A cordoned node is one with the taint
that Kubernetes gives it, a moment before it has that taint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEEP_AWAY = ("NoSchedule", "NoExecute")


class Taint(msgspec.Struct, frozen=True, gc=False, order=True):
    """What a node keeps pods away by."""

    key: str = ""
    value: str = ""
    effect: str = ""

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


class Toleration(msgspec.Struct, frozen=True, gc=False):
    """Which taints a pod bears; "" of `key` (with Exists) or `effect` is any."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""

    def bears(self, taint: Taint) -> bool:
        """Tell whether a pod that has it may go where that taint is; of an operator that is not known it may not."""
        if self.effect not in ("", taint.effect) or self.key not in ("", taint.key):
            return False
        if self.operator == "Exists":
            return True
        return self.operator in ("", "Equal") and self.key == taint.key and self.value == taint.value


CORDONED = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
BY_DEFAULT = tuple(
    Toleration(f"node.kubernetes.io/{key}", "Exists", "", "NoExecute") for key in ("not-ready", "unreachable")
)
"""What every pod bears for five minutes, unless it says otherwise: admission puts it there."""


def that_keep_away(taints: Iterable[Taint], *, cordoned: bool) -> tuple[Taint, ...]:
    """Return those of a node's taints that may keep a pod away, sorted, each once."""
    found = {taint for taint in taints if taint.effect in _KEEP_AWAY}
    return tuple(sorted(found | {CORDONED} if cordoned else found))


def unborne(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> Taint | None:
    """Return the first of `taints` that none of the tolerations bears; None where the pod may go."""
    tolerations = tuple(tolerations)
    return next((taint for taint in taints if not any(one.bears(taint) for one in tolerations)), None)
