"""Which configuration is in force? The last good one: of the cluster, and of each workload.

The laws:
- A map or annotation with a problem changes nothing: what was in force stays. Where nothing was, decisions are held,
  and the cluster's bounds do not count.
- Without a ConfigMap the built-in defaults are in force.
- A change of the cluster's configuration reaches every workload at its next look, with its own annotations on top.
- A workload's own query is asked only as long as that is allowed, also where it stands in the last good configuration.
- A workload whose class is another autoscaler's is left to that, unless it is observed.
- Where nothing good was ever known, any mode but "scale" means that nothing is written.
- A mode "observe" that can be read holds, whatever else is wrong beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from autoscaler.config import cluster
from autoscaler.config.cluster import Defaults, DeploymentDefaults
from autoscaler.config.resolution import resolve
from autoscaler.config.rules import MODE, OBSERVES, SCALES
from autoscaler.config.workload import MODE_KEY
from autoscaler.core.load.queries import signal_question, substituted
from autoscaler.core.model import Metric, signals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from autoscaler.config.resolution import Resolved
    from autoscaler.core.model import Question, Signal
    from autoscaler.core.targets.target import Target
    from kube.problem import Problem

AUTOSCALER_MAP, DEPLOYMENT_MAP = "config-autoscaler", "config-deployment"
MAPS = (AUTOSCALER_MAP, DEPLOYMENT_MAP)

NOBODY_ELSE = "nobody else was seen to set its replicas"


@dataclass(frozen=True, slots=True)
class Configured:
    """What a workload is scaled by now.

    `problems` are those of its annotations; `hold`, `leave` and `observed` are as in `Inputs`, as far as configuration
    tells. `braked`: there are problems, and it is only observed although its last good configuration does not say so.
    """

    resolved: Resolved
    problems: tuple[Problem, ...] = ()
    hold: str = ""
    leave: str = ""
    observed: str = ""
    signal_questions: Mapping[Signal, Question] = field(default_factory=dict)
    braked: bool = False

    @property
    def question(self) -> Question:
        """What is asked about its load."""
        return self.resolved.reading.question

    @property
    def questions(self) -> Iterable[Question]:
        """All that is asked about it."""
        return (self.question, *self.signal_questions.values())


@dataclass(slots=True)
class _Remembered:
    """A workload as it was looked at last; `good` is its last resolution without problems."""

    target: Target
    age: int
    configured: Configured
    good: Resolved | None


class InForce:
    """The configuration in force; `age` counts the changes of the cluster's."""

    def __init__(self) -> None:
        self.defaults = Defaults()
        self.deployment = DeploymentDefaults()
        self._good_mode = SCALES
        self._unproven: set[str] = set()
        self._known: set[str] = set()
        self.age = 0
        self._workloads: dict[str, _Remembered] = {}

    def put_map(self, name: str, data: Mapping[str, str]) -> tuple[Problem, ...]:
        """Take one of `MAPS` over, or keep what was in force where it has problems; return these."""
        problems: tuple[Problem, ...]
        if name == AUTOSCALER_MAP:
            defaults, problems = cluster.defaults(data)
            deployment = self.deployment
        else:
            deployment, problems = cluster.deployment(data)
            defaults = self.defaults
        if problems:
            if name not in self._known:
                self._unproven.add(name)
            self._brake(name, data)
            return problems
        self._take(name, defaults, deployment)
        return ()

    def unproven(self, name: str) -> bool:
        """Tell whether decisions are held because this map never was good."""
        return name in self._unproven

    @property
    def braked(self) -> bool:
        """Tell whether all is only observed although the last good configuration does not say so."""
        return self.defaults.mode != self._good_mode

    def drop_map(self, name: str) -> None:
        """Go by the built-in defaults, as there is no such map."""
        defaults = Defaults() if name == AUTOSCALER_MAP else self.defaults
        deployment = DeploymentDefaults() if name == DEPLOYMENT_MAP else self.deployment
        self._take(name, defaults, deployment)

    def workload(self, target: Target) -> Configured:
        """Return what a workload is scaled by; the same object as before where nothing changed."""
        uid = target.key.uid
        known = self._workloads.get(uid)
        if known is not None and known.age == self.age:
            if known.target is target:
                return known.configured
            if known.target.annotations == target.annotations:
                known.target = target
                return known.configured
        good = known.good if known is not None else None
        configured, good = self._resolved(target, good)
        self._workloads[uid] = _Remembered(target, self.age, configured, good)
        return configured

    def retain(self, uids: Collection[str]) -> None:
        """Forget every workload whose UID is not in `uids`."""
        for uid in [uid for uid in self._workloads if uid not in uids]:
            del self._workloads[uid]

    def _brake(self, name: str, data: Mapping[str, str]) -> None:
        """Write nothing where a map with problems says so; or may have said so, where it is the first that we see."""
        if name != AUTOSCALER_MAP:
            return
        said = MODE.read(data.get("mode", SCALES))
        sure = name in self._known
        mode = OBSERVES if said == OBSERVES or (said != SCALES and not sure) else self._good_mode
        self.age += mode != self.defaults.mode
        self.defaults = replace(self.defaults, mode=mode)

    def _take(self, name: str, defaults: Defaults, deployment: DeploymentDefaults) -> None:
        self._known.add(name)
        was_unproven = name in self._unproven
        self._unproven.discard(name)
        if (defaults, deployment) != (self.defaults, self.deployment) or was_unproven:
            self.defaults, self.deployment = defaults, deployment
            self.age += 1
        if name == AUTOSCALER_MAP:
            self._good_mode = defaults.mode

    def _resolved(self, target: Target, good: Resolved | None) -> tuple[Configured, Resolved | None]:
        """Return a workload's configuration and its last good resolution."""
        key = target.key
        resolved, problems = resolve(self.defaults, self.deployment, target.annotations, name=key.name)
        hold, braked = "", False
        if problems:
            resolved = good or self._bare(key.name, resolved)
            hold = "" if good else "its annotations have problems, and there is no earlier configuration to go by"
            if resolved.reading.question.query and not self.defaults.allow_custom_queries:
                resolved = replace(resolved, reading=self._bare(key.name, resolved).reading)
                hold = "it was scaled by a query of its own, and allow-custom-queries is false"
            # Of another class it is left alone in any case.
            braked = resolved.ours and not resolved.observes and self._says_observe(target.annotations)
            resolved = replace(resolved, observes=resolved.observes or braked)
        else:
            question = resolved.reading.question
            query = substituted(question.query, key.namespace, key.name) if question.query else ""
            resolved = good = replace(
                resolved, reading=replace(resolved.reading, question=replace(question, query=query))
            )
        if self._unproven:
            names, verb = " and ".join(sorted(self._unproven)), "has" if len(self._unproven) == 1 else "have"
            hold = f"{names} {verb} problems, and there is no earlier configuration to go by"
        leave = "" if resolved.ours else f'its class "{resolved.autoscaler_class}" is another autoscaler\'s'
        asked = _signal_questions(resolved)
        if resolved.observes:
            observed = leave or NOBODY_ELSE
            return Configured(resolved, problems, hold, observed=observed, signal_questions=asked, braked=braked), good
        return Configured(resolved, problems, hold, leave, signal_questions=asked), good

    def _says_observe(self, annotations: Mapping[str, str]) -> bool:
        """Tell whether a workload's mode, else the cluster's, can be read and is "observe"."""
        return bool(MODE.read(annotations.get(MODE_KEY, self.defaults.mode)) == OBSERVES)

    def _bare(self, name: str, said: Resolved) -> Resolved:
        """Return what a workload is held by that never had a good configuration: no bounds move its replicas."""
        resolved, _ = resolve(self.defaults, self.deployment, {}, name=name)
        policy = replace(resolved.policy, min_scale=0, max_scale=0, initial_scale=1)
        return replace(resolved, policy=policy, autoscaler_class=said.autoscaler_class, observes=said.observes)


def _signal_questions(resolved: Resolved) -> Mapping[Signal, Question]:
    """Return what is asked beside the load."""
    load = resolved.reading.question
    latency = resolved.policy.metric is Metric.LATENCY
    asked = {signal: signal_question(signal, load, latency=latency) for signal in signals(resolved.policy)}
    return {signal: question for signal, question in asked.items() if question is not None}
