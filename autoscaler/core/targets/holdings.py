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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_MINUTE_MS = 60_000
_MOST_MISSED = 10
_IDLE_PROJECTS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Holding:
    """What a bound pod holds: `milli`-GPU. `project` is its label's, None without one: then its namespace's counts."""

    namespace: str
    milli: int
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


@dataclass(frozen=True, slots=True)
class _Whose:
    """A workload, by its UID, and a project."""

    uid: str
    project: str


class Holdings:
    """What every pod holds, by the pod's UID; `workload_of` says whose a pod is now, "" for nobody's."""

    def __init__(self, workload_of: Callable[[str], str]) -> None:
        self._workload_of = workload_of
        self._holdings: dict[str, Holding] = {}
        self._ended: dict[str, tuple[_Whose, int]] = {}
        self._projects: dict[str, str] = {}
        self._accounts: dict[str, _Account] = {}
        self._minute: int | None = None

    # --- what is seen ---

    def put(self, pod: str, holding: Holding | None) -> None:
        """Take what a pod holds now; None: nothing. Whose it is must still be known."""
        was = self._holdings.get(pod)
        if was is not None and holding is None:
            whose = self._whose(pod, was)
            if whose.uid:
                self._ended[pod] = whose, was.milli
            del self._holdings[pod]
        elif holding is not None:
            self._holdings[pod] = holding
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
            held[whose] += milli
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
        for whose, milli in self._held().items():
            held[whose.uid][whose.project] = milli
            # A counter that begins above zero hides its first minute from whoever asks for its increase.
            self._account(whose.uid).spent.setdefault(whose.project, 0)
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

    def _whose(self, pod: str, holding: Holding) -> _Whose:
        project = holding.project
        return _Whose(self._workload_of(pod), self._projects.get(holding.namespace, "") if project is None else project)

    def _held(self) -> dict[_Whose, int]:
        held: dict[_Whose, int] = defaultdict(int)
        most: dict[str, int] = {}
        for pod, holding in self._holdings.items():
            whose = self._whose(pod, holding)
            if whose.uid:
                held[whose] += holding.milli
                most[whose.uid] = max(most.get(whose.uid, 0), holding.milli)
        for uid, milli in most.items():
            self._account(uid).per_replica = milli
        return held

    def _spend(self, whose: _Whose, milli: int) -> None:
        spent = self._account(whose.uid).spent
        spent[whose.project] = spent.get(whose.project, 0) + milli

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
            idle = [project for project in spent if _Whose(uid, project) not in busy]
            for project in idle[:-_IDLE_PROJECTS_KEPT]:
                del spent[project]
