"""How does an autoscaler that starts know what the one before knew? It runs the law again over what Prometheus holds.

The laws:
- Before the first live tick, every tick of the past that the windows and delays still remember is made again, by the
  same fleet, from the same raw samples; time is an argument. Nothing is written for a tick of the past.
- What the autoscaler told of a tick counts more than what comes out again: after each tick of which it told, what it
  remembered is taken over. So a panic keeps its floor, however long ago it began.
- Where nothing was told for longer than that, what lasts is taken from the last hour: what was learned of latency.
- Whoever has no history begins as without one. Reading takes no longer than half a minute; what is not read by then is
  let go, and all begin as without one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autoscaler.core.decisions.told import NAMES, SIGNS, TICK_MS, Told, ticks, told, told_last_s
from autoscaler.core.load.past import Past
from autoscaler.core.load.queries import matcher
from autoscaler.core.targets.past import Owners, PresentPod, gone_by_owner, ready_then
from autoscaler.core.targets.target import Sight
from autoscaler.shell.source import SamplesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from autoscaler.config.in_force import InForce
    from autoscaler.core.decisions.fleet import Fleet
    from autoscaler.core.decisions.look import Look
    from autoscaler.core.decisions.told import Identity
    from autoscaler.core.load.observation import Samples
    from autoscaler.core.model import Policy, Question, WorkloadKey
    from autoscaler.core.targets.inventory import Inventory
    from autoscaler.core.targets.target import Target
    from autoscaler.shell.looking import Looking
    from autoscaler.shell.prometheus import Prometheus

_log = logging.getLogger("autoscaler")

LONGEST_S = 7200
"""No more is read back: the longest window and the longest delay, an hour each."""

LASTS_S = 3600
"""So long what was learned is taken back, by whoever finds nothing newer."""

_WHOLE_LIMIT_S = 30.0
_ONE_LIMIT_S = 10.0
_CHUNK_S = 120  # of raw samples in memory at a time
_LOOKBACK_S = 300  # the longest that a tick looks back
_FIRST_LOOKBACK_S = 60
_OBSERVED = "it was only observed then"
_FILLING = "its windows are filled from the past"


@dataclass(slots=True)
class History:
    """Makes the ticks of the past again; `looking` is what live ticks look with, `now_ms` the clock."""

    source: Prometheus
    inventory: Inventory
    in_force: InForce
    fleet: Fleet
    looking: Looking
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    async def replay(self) -> bool:
        """Make the ticks of the past again up to now; tell whether that could be done.

        Where it cannot, the fleet is to begin anew.
        """
        began, end_ms = time.monotonic(), self.now_ms()
        length_s = self._length_s()
        if not length_s:
            return True
        _log.info("reading the past", extra={"seconds": length_s, "workloads": len(self.inventory.sights())})
        try:
            async with asyncio.timeout(_WHOLE_LIMIT_S):
                made, known = await self._replayed(end_ms, length_s)
        except (SamplesError, TimeoutError) as error:
            why = str(error) or f"not read within {_WHOLE_LIMIT_S:g} s"
            _log.warning("no past: all workloads begin as without one", extra={"error": why})
            return False
        took_s = round(time.monotonic() - began, 1)
        _log.info("the past is read", extra={"ticks": made, "told": len(known.ticks), "took_s": took_s})
        return True

    async def _replayed(self, end_ms: int, length_s: int) -> tuple[int, Told]:
        # In the order of names: which is asked first must not be chance.
        questions = sorted({each for _, each in self._questions()}, key=str)
        pasts = {each: Past(None if each.query else self.source.selection(each)) for each in questions}
        begin_ms = end_ms - 1000 * length_s
        known = told(await self._told(NAMES, end_ms / 1000, length_s))
        if not known.ticks:
            known = replace(known, earlier=await self._told_earlier(end_ms / 1000))
        owners = Owners([target.key for target in self.inventory.targets.values()])
        waiting, made, at_ms = ticks(known, begin_ms, end_ms), 0, begin_ms
        while waiting:
            chunk_ms = waiting[0] + 1000 * _CHUNK_S
            now, waiting = [each for each in waiting if each < chunk_ms], [each for each in waiting if each >= chunk_ms]
            for question, past in pasts.items():
                past.show(await self._series(question, past, at_ms / 1000, now[-1] / 1000))
            for tick_ms in now:
                answers = await asyncio.to_thread(_answers, pasts, tick_ms / 1000, (tick_ms - at_ms) / 1000)
                self._tick(tick_ms, end_ms, answers, known, owners)
                made, at_ms = made + 1, tick_ms
                await asyncio.sleep(0)
            if not waiting:
                # Time went on meanwhile.
                waiting = list(range(at_ms + TICK_MS, self.now_ms() - TICK_MS, TICK_MS))
        for question, past in pasts.items():
            self.source.go_on(question, past)
        return made, known

    def _tick(
        self, tick_ms: int, end_ms: int, answers: Mapping[Question, Samples], known: Told, owners: Owners
    ) -> None:
        """Make one tick again, and take over what was told of it."""
        numbers = known.numbers.get(_last(known.ticks, tick_ms), {})
        present = {
            uid: [PresentPod(pod.name, pod.ready_since_s) for pod in self.inventory.ready_pods(uid)]
            for uid in self.inventory.sights()
        }
        here = {(self.inventory.targets[uid].key.namespace, pod.name) for uid, pods in present.items() for pod in pods}
        shown = {
            place: steps.times[-1]
            for answer in answers.values()
            for place, steps in answer.by_place.items()
            if steps.times
        }
        gone = gone_by_owner(shown, here, owners)
        looks: dict[str, Look] = {}
        for uid, sight in self.inventory.sights().items():
            target = self.inventory.targets[uid]
            if tick_ms < 1000 * target.created_s:
                continue
            mine = numbers.get(_identity(target.key), {})
            count = round(mine["ready"]) if "ready" in mine else None
            new = uid not in self.fleet
            names = ready_then(present[uid], gone.get(uid, {}), tick_ms / 1000, count)
            past = Sight(sight.namespace, sight.name, round(mine.get("current", sight.current)), names)
            look = self.looking.look(target, past, answers, "", tick_ms)
            if new:
                self.fleet.recall_lasting(uid, known.earlier.get(_identity(target.key), {}))
            if tick_ms < end_ms - 1000 * _delay_s(self.in_force.workload(target).resolved.policy) - TICK_MS:
                look = replace(look, hold=look.hold or _FILLING)
            ready = len(names) if count is None else count
            # What was observed then was decided on as such, whatever is to become of decisions now.
            observed = {1.0: look.observed or _OBSERVED, 0.0: ""}.get(mine.get("observed", -1.0), look.observed)
            starting = round(mine.get("starting", 0))
            looks[uid] = replace(look, ready=ready, starting=starting, placement=None, observed=observed)
        self.fleet.tick(tick_ms, looks)
        if tick_ms in known.numbers:
            for uid in looks:
                mine = numbers.get(_identity(self.inventory.targets[uid].key), {})
                if "standing" in mine:
                    self.fleet.recall(uid, mine)
                    self.looking.recall(uid, mine)

    async def _series(
        self, question: Question, past: Past, from_s: float, to_s: float
    ) -> list[tuple[Mapping[str, str], list[tuple[float, float]]]]:
        overlap_s = min(max(past.asked_s, _FIRST_LOOKBACK_S) if past.last else _LOOKBACK_S, _LOOKBACK_S)
        length_s = int(to_s - from_s) + overlap_s + 1
        query = f"({question.query})[{length_s}s:2s]" if question.query else None
        if query is None:
            assert past.selection is not None  # noqa: S101  a question is one or the other
            query = past.selection.query(length_s)
        found = await self.source.past(query, to_s, _ONE_LIMIT_S)
        return [(labels, list(samples)) for labels, samples in found]

    async def _told_earlier(self, end_s: float) -> Mapping[Identity, Mapping[str, float]]:
        """Return the numbers of the last tick that was told, all of one scrape: what is not there was nothing."""
        at_s = told_last_s(await self._told(SIGNS, end_s, LASTS_S))
        if at_s is None:
            return {}
        last = told(await self._told(NAMES, at_s + 0.5, 1))
        return last.numbers[last.ticks[-1]] if last.ticks else {}

    async def _told(
        self, names: Sequence[str], end_s: float, length_s: int
    ) -> list[tuple[Mapping[str, str], list[tuple[float, float]]]]:
        query = f"{{{matcher('__name__', names)}}}[{length_s}s]"
        found = await self.source.past(query, end_s, _ONE_LIMIT_S)
        return [(labels, list(samples)) for labels, samples in found]

    def _length_s(self) -> int:
        """Return how far back windows and delays remember."""
        lengths = [
            policy.stable_window_s + _delay_s(policy) + 2 * TICK_MS // 1000
            for policy in (self.in_force.workload(target).resolved.policy for target in self._targets())
        ]
        return min(max(lengths, default=0), LONGEST_S)

    def _questions(self) -> Iterator[tuple[Target, Question]]:
        for target in self._targets():
            for question in self.in_force.workload(target).questions:
                yield target, question

    def _targets(self) -> Iterator[Target]:
        return (self.inventory.targets[uid] for uid in self.inventory.sights())


def _answers(pasts: Mapping[Question, Past], tick_s: float, since_s: float) -> dict[Question, Samples]:
    return {question: past.at(tick_s, since_s) for question, past in pasts.items()}


def _delay_s(policy: Policy) -> int:
    return max(policy.scale_down_delay_s, policy.rate_period_s)


def _last(seen: tuple[int, ...], tick_ms: int) -> int:
    """Return the last of the ticks that were told, not after this one; -1 for none."""
    return max((each for each in seen if each <= tick_ms), default=-1)


def _identity(key: WorkloadKey) -> tuple[str, str, str]:
    return key.namespace, key.kind, key.name
