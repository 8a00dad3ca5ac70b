"""May a pod be placed within its project's quota? Counted from the ledger, promises included, never from what runs.

The law: what pods that are not train hold of a project, with what one of them asks beside it, is at most the quota that
is in force when its place is promised. Train may exceed it. A quota that is lowered takes nothing from anybody.

Every answer rests on the ledger as it is at the question: whatever is held on it, or on a copy of it, counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extender.core.model import is_short
from extender.core.quota.charging import Charge, Prices
from extender.core.quota.kinds import Kind, Kinds
from extender.core.quota.over import OverQuota
from extender.core.quota.projects import Project, Projects, Unauthorised
from extender.core.quota.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from extender.core.ledger.holding import Holding
    from extender.core.ledger.ledger import Ledger
    from extender.core.model import Ask

_TRAIN = Kind.TRAIN
_REMEMBERED = 4096  # asks, each with its project and kind


class Standing(NamedTuple):
    """The project of a pod, None for none, and its kind."""

    project: Project | None
    kind: Kind

    @property
    def limited(self) -> bool:
        """Whether it may run within a quota only."""
        return self.project is not None and self.kind is not Kind.TRAIN


class Quota:
    """The projects, and what each of them has left on one ledger; milli-GPU."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._prices = Prices(ledger)
        self.projects = Projects()
        self.kinds = Kinds()
        self._labels: Mapping[str, str] = {}
        self._usage: dict[str, Usage] = {}
        self._project_of: dict[str, str] = {}
        self._by_price: set[str] = set()
        self._hardware = -1
        self._standings: dict[Ask, Standing | Unauthorised] = {}
        self._counted = False
        self.freed = 0
        """Grows with each change that may have made room in a project though none was made in the ledger."""

    # --- what it goes by ---

    def configure(self, projects: Projects, kinds: Kinds) -> None:
        """Go by other projects and kinds from now on; what is held is counted anew."""
        if (projects, kinds) != (self.projects, self.kinds):
            self.projects, self.kinds = projects, kinds
            self._count_anew()

    def label_namespaces(self, labels: Mapping[str, str]) -> None:
        """Take over what the label of each namespace says that has one."""
        if labels != self._labels:
            self._labels = dict(labels)
            self._count_anew()

    def copy(self, ledger: Ledger) -> Quota:
        """Return one of its own over a copy of the ledger that holds the same now."""
        self._follow()
        ledger.changed_pods()
        copied = Quota(ledger)
        copied.projects, copied.kinds, copied._labels = self.projects, self.kinds, self._labels
        copied._usage = {name: usage.copy() for name, usage in self._usage.items()}
        copied._project_of, copied._by_price = dict(self._project_of), set(self._by_price)
        copied._hardware, copied._counted = self._hardware, self._counted
        # What rests on the configuration and on the GPUs that there are is the same there: it is replaced, not changed.
        copied._standings, copied._prices = self._standings, self._prices.over(ledger)
        return copied

    # --- what it answers ---

    def standing(self, ask: Ask) -> Standing | Unauthorised:
        """Return project and kind of a pod, or why its project cannot be told."""
        known = self._standings.get(ask)
        if known is None:
            label = self._labels.get(ask.namespace, "")
            chosen = self.projects.chosen(ask.namespace, ask.project, label)
            known = chosen if isinstance(chosen, Unauthorised) else Standing(chosen, self.kinds.of(ask.priority_class))
            if len(self._standings) >= _REMEMBERED:
                self._standings = {}
            if is_short(ask.models):
                self._standings[ask] = known
        return known

    def project_of(self, ask: Ask) -> str:
        """Return the name of a pod's project; "" where it has none."""
        standing = self.standing(ask) if self.projects else None
        return standing.project.name if isinstance(standing, Standing) and standing.project else ""

    def refusal(self, ask: Ask, beside: Sequence[Ask] = ()) -> Unauthorised | OverQuota | None:
        """Return why a pod may not be placed, whatever is free; `beside`: others of its project that come before it."""
        if not self.projects.every:
            return None
        standing = self.standing(ask)
        if isinstance(standing, Unauthorised):
            return standing
        if standing.project is None or standing.kind is _TRAIN:
            return None
        return self.over(standing.project.name, (*beside, ask))

    def over(self, project: str, asks: Iterable[Ask]) -> OverQuota | None:
        """Return what all these pods together ask too much of a project; None: nothing.

        Those that are train ask nothing of it. The quotas of models are `closed_models`'s.
        """
        asked = 0
        for ask in asks:
            if self.kinds.of(ask.priority_class) is not _TRAIN:
                asked += self._prices.asked(ask)
        usage, quota = self.usage(project), self._named(project).quota
        if not asked or usage.within + asked <= quota:
            return None
        users, others = usage.users()
        return OverQuota(project, quota, usage.within, asked, "", users, others)

    def closed_models(self, ask: Ask) -> tuple[OverQuota, ...]:
        """Return the models of which a pod asks more than its project has left, of those that it accepts; by name."""
        standing = self.standing(ask) if self.projects.every else None
        if not isinstance(standing, Standing) or standing.project is None or not standing.project.models:
            return ()
        if standing.kind is _TRAIN:
            return ()
        found = (self._over_of(standing.project, model, ask) for model, _ in standing.project.models)
        return tuple(one for one in found if one is not None)

    def room(self, project: str, model: str = "") -> int | None:
        """Return what pods that are not train may still take of a project, or of one model of it.

        Negative where more is held than the quota, as after it was lowered; None for a model without a quota.
        """
        if not model:
            return self._named(project).quota - self.usage(project).within
        quota = self._named(project).by_model.get(model)
        return None if quota is None else quota - self.usage(project).within_of(model)

    def usage(self, project: str) -> Usage:
        """Return what is held of a project, to be read until the ledger changes."""
        self._follow()
        return self._usage.get(project) or Usage()

    def charges(self) -> dict[str, Charge]:
        """Return what each pod that holds something is charged, by UID, where a project pays for it."""
        self._follow()
        found = ((uid, self._usage[project].charge(uid)) for uid, project in self._project_of.items())
        return {uid: charge for uid, charge in found if charge is not None}

    def asked(self, ask: Ask, model: str = "") -> int:
        """Return what a pod without a place is charged; `model`: on nodes of that one."""
        return self._prices.asked(ask, model)

    # --- how ---

    def _named(self, name: str) -> Project:
        project = self.projects.named(name)
        assert project is not None  # noqa: S101  whoever asks has it from `standing`
        return project

    def _over_of(self, project: Project, model: str, ask: Ask) -> OverQuota | None:
        if ask.models and model not in ask.models:
            return None
        quota, asked = project.by_model[model], self._prices.asked(ask, model)
        usage = self.usage(project.name)
        if not asked or usage.within_of(model) + asked <= quota:
            return None
        users, others = usage.users(model)
        return OverQuota(project.name, quota, usage.within_of(model), asked, model, users, others)

    def _count_anew(self) -> None:
        self._standings = {}
        self._counted = False
        self.freed += 1

    def _follow(self) -> None:
        """Bring the sums up to date with the ledger."""
        if not self.projects.every:
            return
        ledger = self._ledger
        changed: Collection[str] | None = ledger.changed_pods()
        if changed is None or not self._counted:
            self._usage, self._project_of, self._by_price = {}, {}, set()
            changed = [holding.pod.uid for holding in ledger.holdings()]
            self._counted = True
        if self._hardware != ledger.hardware:
            self._hardware = ledger.hardware
            changed = dict.fromkeys((*changed, *sorted(self._by_price)))
        for uid in changed:
            self._charge(uid, ledger.holding(uid))

    def _charge(self, uid: str, holding: Holding | None) -> None:
        charge = None if holding is None or holding.ask is None else self._charged(holding, holding.ask)
        if charge is not None and holding is not None and holding.devices is None:
            self._by_price.add(uid)
        elif self._by_price:
            self._by_price.discard(uid)
        project = self._project_of.get(uid)
        if project is not None:
            usage = self._usage[project]
            if usage.charge(uid) == charge:
                return  # how sure a holding is changes more often than what it comes to
            usage.take(uid)
            del self._project_of[uid]
            self.freed += 1
        if charge is not None:
            self._project_of[uid] = charge.project
            if charge.project not in self._usage:
                self._usage[charge.project] = Usage()
            self._usage[charge.project].put(charge)

    def _charged(self, holding: Holding, ask: Ask) -> Charge | None:
        standing = self.standing(ask)
        if isinstance(standing, Standing):
            if standing.project is None:
                return None
            name, kind = standing.project.name, standing.kind
        else:
            # It has its place already, and is not to get out of every quota by a label: somebody has to be charged.
            if not standing.authorised:
                return None
            name, kind = standing.authorised[0], self.kinds.of(ask.priority_class)
        return Charge(holding.pod, name, kind, self._ledger.model_of(holding.node), self._prices.held(holding))
