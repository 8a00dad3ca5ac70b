"""What does one tick ask, and see of a workload? Configuration, samples and pods become a `Look`; the fleet follows."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from autoscaler.config.workload import DRAIN_AWARE
from autoscaler.core.decisions.look import Look
from autoscaler.core.load.feeding import Feed, fed_panic_window_s, followed, shortfall
from autoscaler.core.load.observation import NO_SAMPLES, Samples, scraped_every_s
from autoscaler.core.load.queries import places
from autoscaler.core.targets.draining import without_effect as drains_nothing
from autoscaler.core.targets.starting import Starts
from autoscaler.shell import cluster
from autoscaler.shell.announcer import BRAKED, HELD, IN_FORCE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from autoscaler.config.in_force import InForce
    from autoscaler.config.resolution import Resolved
    from autoscaler.core.decisions.fleet import Fleet
    from autoscaler.core.model import Placement, Question
    from autoscaler.core.targets.inventory import Inventory
    from autoscaler.core.targets.target import Sight, Target
    from autoscaler.shell.announcer import Announcer
    from autoscaler.shell.asking import Answers

_log = logging.getLogger("autoscaler")

_DEFECT = "a defect of the autoscaler keeps it from being looked at; the log has the trace"


class Looking:
    """Looks at one workload after the other, and remembers how often each is scraped, and which replicas start.

    `setter` tells by a workload's UID who sets its replicas besides us, "" where nobody was seen to.
    """

    def __init__(
        self,
        in_force: InForce,
        fleet: Fleet,
        announcer: Announcer,
        placement: Callable[[str, int], Placement | None],
        setter: Callable[[str], str],
    ) -> None:
        self._setter = setter
        self._placement = placement
        self._in_force = in_force
        self._fleet = fleet
        self._announcer = announcer
        self._feeds: dict[str, Feed] = {}
        self._starts = Starts()

    def questions(self, inventory: Inventory) -> set[Question]:
        """Return what is to be asked before all workloads can be looked at."""
        questions: set[Question] = set()
        for uid in inventory.sights():
            questions.update(self._in_force.workload(inventory.targets[uid]).questions)
        return questions

    def looks(self, inventory: Inventory, answers: Answers, others: Mapping[str, str], now_ms: int) -> dict[str, Look]:
        """Look at every workload; `others` says why some are left to another writer."""
        looks: dict[str, Look] = {}
        for uid, sight in inventory.sights().items():
            try:
                looks[uid] = self.look(inventory.targets[uid], sight, answers, others.get(uid, ""), now_ms)
            except Exception:  # noqa: BLE001  a defect met by one workload must not cost the others their decision
                _log.exception("defect: no decision", extra={"workload": f"{sight.namespace}/{sight.name}"})
                if uid in self._fleet:
                    # Its seconds go on, with its last known load: those that nobody looks at would be zeros.
                    looks[uid] = Look(sight.current, len(sight.ready), NO_SAMPLES, (), leave=_DEFECT)
        return looks

    def look(self, target: Target, sight: Sight, answers: Answers, other: str, now_ms: int) -> Look:
        """Return what this tick sees of a workload, and let the fleet go by its configuration."""
        key = target.key
        configured = self._in_force.workload(target)
        policy = configured.resolved.policy
        meanwhile = HELD if configured.hold else BRAKED if configured.braked else IN_FORCE
        self._announcer.problems(cluster.workload_reference(key), configured.problems, meanwhile)
        answer = answers.get(configured.question, NO_SAMPLES)
        samples = _samples(answers, configured.question)
        where = places(configured.resolved.reading, sight.namespace, sight.ready)
        scrapes = self._feeds.get(key.uid, Feed())
        scrapes = self._feeds[key.uid] = followed(scrapes, scraped_every_s(samples, where), now_ms)
        self._announcer.shortfall(key, shortfall(policy, scrapes))
        panic_window_s = fed_panic_window_s(policy, scrapes)
        if panic_window_s != policy.panic_window_s:
            policy = replace(policy, panic_window_s=panic_window_s)
        self._fleet.follow(key.uid, policy, now_ms, query=configured.question.query, created_s=target.created_s)
        hold = configured.hold
        if configured.question.query and not isinstance(answer, Samples):
            hold = hold or f"its own query has no answer: {answer}"
        self._announcer.keys_without_effect(key, _without_effect(target, configured.resolved))
        starting = self._starts.starting(key.uid, sight, policy.start_deadline_s, now_ms / 1000)
        return Look(
            sight.current,
            len(sight.ready),
            samples,
            where,
            hold=hold,
            leave=configured.leave or other,
            observed=configured.observed and (self._setter(key.uid) or configured.observed),
            starting=starting,
            signals={signal: _samples(answers, asked) for signal, asked in configured.signal_questions.items()},
            placement=self._placement(key.uid, now_ms) if policy.limit_to_placeable else None,
            remembered=self._starts.told(key.uid) if policy.count_starting_replicas else {},
        )

    def recall(self, uid: str, told: Mapping[str, float]) -> None:
        """Remember of a workload what an autoscaler told (`Look.remembered`)."""
        self._starts.recall(uid, told)

    def retain(self, uids: Collection[str]) -> None:
        """Forget every workload whose UID is not in `uids`."""
        for uid in [uid for uid in self._feeds if uid not in uids]:
            del self._feeds[uid]
        self._starts.retain(uids)


def _samples(answers: Answers, asked: Question) -> Samples:
    answer = answers.get(asked, NO_SAMPLES)
    return answer if isinstance(answer, Samples) else NO_SAMPLES


def _without_effect(target: Target, resolved: Resolved) -> Mapping[str, str]:
    """Return the keys that do nothing for a workload, and why."""
    found = resolved.without_effect
    # Of what holds for all workloads it is not said: it need not be meant for each kind.
    if resolved.policy.drain_aware_scale_down and DRAIN_AWARE in target.annotations:
        why = drains_nothing(target.key.kind)
        return {**found, DRAIN_AWARE: why} if why else found
    return found
