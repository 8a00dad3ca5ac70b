"""How does each project stand? Its quota, what its pods hold by kind, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extender.core.quota.kinds import Kind
from kube.gpus import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extender.core.quota.projects import Project
    from extender.core.scheduling import Scheduling


@dataclass(frozen=True, slots=True)
class Account:
    """One project: what its pods hold, by kind, all of them counted, and how many wait for how much; milli-GPU.

    `within_of`: what its pods that are not train hold of each model that has a quota.
    """

    project: Project
    held: Mapping[Kind, int]
    within_of: Mapping[str, int]
    waiting_pods: int = 0
    waiting: int = 0

    @property
    def over(self) -> int:
        """What is held beyond the quota: by train, or since before the quota was lowered."""
        return max(0, sum(self.held.values()) - self.project.quota)


def accounts(scheduling: Scheduling) -> tuple[Account, ...]:
    """Return every project, by name; pods that are held back from scheduling wait too."""
    quota = scheduling.quota
    pods: dict[str, int] = {}
    asked: dict[str, int] = {}
    for pod in scheduling.unbound() if quota.projects else ():
        if scheduling.ledger.holding(pod.key.uid) is None and not isinstance(pod.request, Malformed):
            ask = pod.ask()
            name = quota.project_of(ask)
            pods[name] = pods.get(name, 0) + 1
            asked[name] = asked.get(name, 0) + quota.asked(ask)
    return tuple(
        _account(scheduling, project, pods.get(project.name, 0), asked.get(project.name, 0))
        for project in sorted(quota.projects.every, key=lambda one: one.name)
    )


def _account(scheduling: Scheduling, project: Project, pods: int, asked: int) -> Account:
    usage = scheduling.quota.usage(project.name)
    held = {kind: usage.of(kind) for kind in Kind}
    return Account(project, held, {model: usage.within_of(model) for model, _ in project.models}, pods, asked)
