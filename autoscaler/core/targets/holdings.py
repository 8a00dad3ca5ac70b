"""Which GPUs do the pods of each workload hold, and for how many minutes did they?

The laws:
- A pod holds GPUs from its binding until it is gone or has ended; one that waits holds none.
- A minute of the clock in which a pod held GPUs counts whole, when it is over: for the project that it had last.
- Milli-GPU-minutes are integers, so that nothing is lost in sums.
- A minute that passed while the program stood still counts for what is held after it, up to ten of them.
- What a workload held is forgotten with it; of its projects that hold nothing any more the last few are kept.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_MINUTE_MS = 60_000
_MOST_MISSED = 10
_IDLE_PROJECTS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Holding:
    """What a bound pod holds: `milli`-GPU. `owner` is the UID of its controller, "" for none.

    `project` is its label's, None without one: then its namespace's counts.
    """

    namespace: str
    milli: int
    owner: str = ""
    project: str | None = None


@dataclass(frozen=True, slots=True)
class GpuUse:
    """What the pods of one workload hold now, milli-GPU, and held since we began, milli-GPU-minutes: each by project.

    `per_replica` is what the pod holds that holds most, or the last one that did.
    """

    held: Mapping[str, int]
    spent: Mapping[str, int]
    per_replica: int


@dataclass(slots=True)
class _Account:
    """What is remembered of one workload: milli-GPU-minutes by project, in the order in which each was met."""

    spent: dict[str, int] = field(default_factory=dict)
    per_replica: int = 0


_Whose: TypeAlias = tuple[str, str]
"""A workload, by its UID, and a project."""

_Alike: TypeAlias = tuple[str, str, str | None]
"""Owner, namespace and project's label of pods."""


class Holdings:
    """What every pod holds, by the pod's UID.

    `owned_by` says whose the pods are that a UID controls, and `selected_by` whose a pod is that no owner gives to a
    workload: the workload's UID, "" for nobody's.
    """

    def __init__(self, owned_by: Callable[[str], str], selected_by: Callable[[str], str]) -> None:
        self._owned_by = owned_by
        self._selected_by = selected_by
        self._holdings: dict[str, Holding] = {}
        # Pods of one owner are summed up together: there may be tens of thousands, for each page of metrics.
        self._together: dict[_Alike, dict[str, int]] = {}
        self._ended: dict[str, tuple[_Whose, int]] = {}
        self._projects: dict[str, str] = {}
        self._accounts: dict[str, _Account] = {}
        self._minute: int | None = None

    # --- what is seen ---

    def put(self, pod: str, holding: Holding | None) -> None:
        """Take what a pod holds now; None: nothing. Whose it is must still be known."""
        was = self._holdings.get(pod)
        if was == holding:
            return
        if was is not None:
            self._remove(pod, was)
            if holding is None and (uid := self._owned_by(was.owner) or self._selected_by(pod)):
                self._ended[pod] = (uid, self._project(_alike(was))), was.milli
        if holding is not None:
            self._holdings[pod] = holding
            self._together.setdefault(_alike(holding), {})[pod] = holding.milli
            self._ended.pop(pod, None)

    def put_project(self, namespace: str, project: str) -> None:
        """Take over the project of a namespace, "" for none."""
        if project:
            self._projects[namespace] = project
        else:
            self._projects.pop(namespace, None)

    def only_projects(self, projects: Mapping[str, str]) -> None:
        """Take the projects of all namespaces over."""
        self._projects = {namespace: project for namespace, project in projects.items() if project}

    def retain(self, uids: Collection[str]) -> None:
        """Forget every workload whose UID is not in `uids`."""
        for uid in [uid for uid in self._accounts if uid not in uids]:
            del self._accounts[uid]

    # --- minutes ---

    def count(self, now_ms: int) -> None:
        """Count the minutes that are over by now; call it at least once a minute."""
        over = self._over(now_ms)
        if not over:
            return
        held = self._held()
        for whose, milli in self._ended.values():
            held[whose] = held.get(whose, 0) + milli
        for whose, milli in held.items():
            self._spend(whose, milli)
        if over > 1:
            for whose, milli in self._held().items():
                self._spend(whose, milli * (over - 1))
        self._ended.clear()
        self._forget_idle_projects()

    def pass_by(self, now_ms: int) -> None:
        """Let the minutes that are over by now pass without counting them: another autoscaler does."""
        if self._over(now_ms):
            self._ended.clear()

    def uses(self) -> dict[str, GpuUse]:
        """Return the use of every workload that held GPUs at any time, by UID."""
        held: dict[str, dict[str, int]] = defaultdict(dict)
        for (uid, project), milli in self._held().items():
            held[uid][project] = milli
            # A counter that begins above zero hides its first minute from whoever asks for its increase.
            self._account(uid).spent.setdefault(project, 0)
        return {
            uid: GpuUse(held.get(uid, {}), dict(account.spent), account.per_replica)
            for uid, account in self._accounts.items()
        }

    # --- inside ---

    def _over(self, now_ms: int) -> int:
        """Return how many minutes are over that were not the last time."""
        minute, last = now_ms // _MINUTE_MS, self._minute
        self._minute = minute
        # A clock that is set back begins anew with the minute that it shows.
        return 0 if last is None else min(max(0, minute - last), _MOST_MISSED)

    def _remove(self, pod: str, was: Holding) -> None:
        del self._holdings[pod]
        alike = _alike(was)
        together = self._together[alike]
        del together[pod]
        if not together:
            del self._together[alike]

    def _project(self, alike: _Alike) -> str:
        _, namespace, project = alike
        return self._projects.get(namespace, "") if project is None else project

    def _held(self) -> dict[_Whose, int]:
        """Return the milli-GPU that are held now, and take note of what one replica holds."""
        held: dict[_Whose, int] = {}
        most: dict[str, int] = {}
        for alike, pods in self._together.items():
            owner, project = self._owned_by(alike[0]), self._project(alike)
            parts = [(owner, pods.values())] if owner else [(self._selected_by(pod), (pods[pod],)) for pod in pods]
            for uid, millis in parts:
                if uid:
                    held[uid, project] = held.get((uid, project), 0) + sum(millis)
                    most[uid] = max(most.get(uid, 0), *millis)
        for uid, milli in most.items():
            self._account(uid).per_replica = milli
        return held

    def _spend(self, whose: _Whose, milli: int) -> None:
        uid, project = whose
        spent = self._account(uid).spent
        spent[project] = spent.get(project, 0) + milli

    def _account(self, uid: str) -> _Account:
        account = self._accounts.get(uid)
        if account is None:
            account = self._accounts[uid] = _Account()
        return account

    def _forget_idle_projects(self) -> None:
        crowded = [uid for uid, account in self._accounts.items() if len(account.spent) > _IDLE_PROJECTS_KEPT]
        busy = self._held() if crowded else {}
        for uid in crowded:
            spent = self._accounts[uid].spent
            idle = [project for project in spent if (uid, project) not in busy]
            for project in idle[:-_IDLE_PROJECTS_KEPT]:
                del spent[project]


def _alike(holding: Holding) -> _Alike:
    return holding.owner, holding.namespace, holding.project
