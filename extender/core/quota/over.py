"""What is said where a project has no room: who uses it, what is asked, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.reasons import gpus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.quota.charging import Charge

_NAMED = 3
"""Users in a sentence: more of them nobody reads."""


@dataclass(frozen=True, slots=True)
class OverQuota:
    """What a project's quota, or that of one `model`, has no room for; milli-GPU.

    `used` is what its pods hold that are not train, the largest of them are the `users`, and there are `others`.
    """

    project: str
    quota: int
    used: int
    asked: int
    model: str = ""
    users: tuple[Charge, ...] = ()
    others: int = 0

    @property
    def missing(self) -> int:
        """How much less would have to be used."""
        return self.used + self.asked - self.quota

    @property
    def brief(self) -> str:
        """It in words that stay while the pod waits: kube-scheduler writes the pod's status anew where they change."""
        return f"project {self.project}: asks {_count(self.asked)}, more than is left of its quota{self._of_model()}"

    def __str__(self) -> str:
        asks = f"asks {_count(self.asked)}, {gpus(self.used)} of {gpus(self.quota)} are used{self._by()}"
        return f"project {self.project}: over quota{self._of_model()}: {asks}, {gpus(self.missing)} missing"

    def _of_model(self) -> str:
        return f" of {self.model}" if self.model else ""

    def _by(self) -> str:
        named = [f"{gpus(user.milli)} by {user.pod.namespace}/{user.pod.name}" for user in self.users]
        if not named:
            return ""
        more = f" and {self.others} more" if self.others else ""
        return f" ({', '.join(named)}{more})"


def largest(charges: Sequence[Charge]) -> tuple[tuple[Charge, ...], int]:
    """Return those that use most, first by name among equals, and how many others there are."""
    users = sorted(charges, key=lambda charge: (-charge.milli, charge.pod.namespace, charge.pod.name, charge.pod.uid))
    return tuple(users[:_NAMED]), len(users[_NAMED:])


def _count(milli: int) -> str:
    return "1 GPU" if milli == 1000 else f"{gpus(milli)} GPUs"
