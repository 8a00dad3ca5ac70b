"""What does Prometheus say about the load? A query a preset and metric for all workloads, and workloads' own queries.

The laws:
- All questions of a tick are answered, or given up, within 1.6 seconds: a tick has two. A few are asked at once.
- Workloads' own queries have places of their own, so that they never delay those of presets, and at most 200 are asked
  a tick. Who had no turn is among the first at the next tick.
- The value of an own query counts at its evaluation; as any sample, it holds until the next or until it is stale.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from autoscaler.core.load.gathering import gather, gathered_values
from autoscaler.core.load.observation import Samples, lookback_s
from autoscaler.core.load.presets import PRESETS, Kind
from autoscaler.core.load.queries import Selection, TargetLabels
from autoscaler.shell.answers import series_of, value_of
from autoscaler.shell.connection import Access, Connection, late
from autoscaler.shell.source import SamplesError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from autoscaler.core.load.gathering import RawSeries
    from autoscaler.core.load.past import Past
    from autoscaler.core.model import Question

_log = logging.getLogger("autoscaler")

_LIMIT_S = 1.6  # a tick is 2 s
_AT_ONCE = 4
_MOST_OWN_QUERIES = 200
_MOST_UNANSWERED = 16  # threads that hang in what knows no limit, such as the resolution of a name
_SHORTEST_TURN_S = 0.05  # a question that has less time left is not asked
_OWN_VALUES = 8  # enough to see how often a query gets its turn

T = TypeVar("T")


@dataclass(slots=True)
class _Asked:
    """What is remembered of a question about a preset: when it was asked last, how far back, and the last answer."""

    at: float
    lookback_s: int = 0
    last: Samples | None = None


class Prometheus:
    """One Prometheus, or several behind one address, asked from threads: the client is synchronous."""

    name = "Prometheus"

    def __init__(self, access: Access, labels: TargetLabels | None = None) -> None:
        self._labels = labels or TargetLabels()
        self._connection = Connection(access)
        self._asked: dict[Question, _Asked] = {}
        self._values: dict[Question, deque[tuple[float, float]]] = {}
        self._turns = {False: 0, True: 0}  # of presets' questions, of own queries: who is the first
        self._unanswered: set[Thread] = set()

    async def samples(self, asked: Collection[Question]) -> Mapping[Question, Samples | SamplesError]:
        """Return the newest samples that answer each question, or why there are none; within 1.6 seconds."""
        self._asked = {question: memory for question, memory in self._asked.items() if question in asked}
        self._values = {question: values for question, values in self._values.items() if question in asked}
        deadline = time.monotonic() + _LIMIT_S
        presets, own = await asyncio.gather(
            self._in_turn(asked, deadline, own=False), self._in_turn(asked, deadline, own=True)
        )
        return presets | own

    async def past(self, query: str, at_s: float, limit_s: float) -> list[RawSeries]:
        """Return the raw series that a range selector finds at a time.

        Raises:
            SamplesError: there is no answer.
        """

        def ask() -> list[RawSeries]:
            return [(one.metric, one.values) for one in series_of(self._connection.ask(query, limit_s, at_s))]

        return await self._in_thread(ask, limit_s)

    def selection(self, question: Question) -> Selection:
        """Return the series of a question about a preset."""
        return Selection.of(question, self._labels)

    def go_on(self, question: Question, past: Past) -> None:
        """Ask the next time as if the last answer of the past had come just now."""
        if past.selection is not None:
            self._asked[question] = _Asked(time.monotonic(), past.asked_s, past.last)

    async def run(self) -> None:
        """Nothing goes on between two questions: Prometheus itself scrapes and remembers."""

    async def _in_turn(
        self, asked: Collection[Question], deadline: float, *, own: bool
    ) -> dict[Question, Samples | SamplesError]:
        """Ask one sort of questions, a few at once, as many as there is time for."""
        ordered = sorted((q for q in asked if bool(q.query) is own), key=lambda q: (q.query, q.preset, str(q)))
        first = self._turns[own] % max(len(ordered), 1)
        waiting = deque(ordered[first:] + ordered[:first])
        most = _MOST_OWN_QUERIES if own else len(ordered)
        answers: dict[Question, Samples | SamplesError] = {}

        async def ask_next() -> None:
            while waiting and len(answers) < most and deadline - time.monotonic() > _SHORTEST_TURN_S:
                question = waiting.popleft()
                answers[question] = _NOT_ASKED  # until it is answered; it has its place among the most
                try:
                    answers[question] = await self._answer(question, deadline)
                except SamplesError as error:
                    answers[question] = error
                except Exception:  # noqa: BLE001  a defect met by one question must not cost the others
                    _log.exception("defect: a question is not answered", extra={"question": str(question)})
                    answers[question] = SamplesError("defect: its answer could not be used; the log has the trace")

        await asyncio.gather(*(ask_next() for _ in range(_AT_ONCE)))
        self._turns[own] = first + len(answers)
        return answers | {question: self._unasked(question) for question in waiting}

    def _unasked(self, question: Question) -> Samples | SamplesError:
        """Return what is known of a question whose turn did not come: an own query's values hold like any sample."""
        values = self._values.get(question)
        return gathered_values(tuple(values)) if values else _NOT_ASKED

    async def _answer(self, question: Question, deadline: float) -> Samples:
        limit_s = deadline - time.monotonic()
        if question.query:
            value = await self._in_thread(lambda: value_of(self._connection.ask(question.query, limit_s)), limit_s)
            values = self._values.setdefault(question, deque(maxlen=_OWN_VALUES))
            if values and value[0] <= values[-1][0]:  # another replica, or a clock that was set back
                values.clear()
            values.append(value)
            return gathered_values(tuple(values))
        if question.preset not in PRESETS:
            raise SamplesError(f'there is no preset "{question.preset}"; the presets are {", ".join(PRESETS)}')
        selection = Selection.of(question, self._labels)
        memory = self._asked.setdefault(question, _Asked(time.monotonic()))
        rates = any(term.kind is Kind.COUNTER for term in selection.terms)
        since_s = time.monotonic() - memory.at
        memory.lookback_s = lookback_s(memory.last, memory.lookback_s, since_s, rates=rates)
        memory.at += since_s
        query = selection.query(memory.lookback_s)

        def ask() -> Samples:
            series = series_of(self._connection.ask(query, limit_s))
            return gather(selection, ((one.metric, one.values) for one in series))

        memory.last = await self._in_thread(ask, limit_s)
        return memory.last

    async def _in_thread(self, work: Callable[[], T], limit_s: float) -> T:
        """Return what `work` does in a thread, that is left behind when it takes too long.

        Raises:
            SamplesError: by `work`, or because it takes too long.
        """
        self._unanswered = {thread for thread in self._unanswered if thread.is_alive()}
        if len(self._unanswered) >= _MOST_UNANSWERED:
            raise SamplesError(f"{len(self._unanswered)} earlier questions are still being answered")
        done: Future[T] = Future()
        # Daemons: the end of the program waits for none of them.
        thread = Thread(target=_do, args=(work, done), name="prometheus", daemon=True)
        thread.start()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(done), limit_s)
        except TimeoutError:
            self._unanswered.add(thread)
            raise SamplesError(late(limit_s)) from None


_NOT_ASKED = SamplesError("not asked: earlier questions of this tick took all of its time")


def _do(work: Callable[[], T], done: Future[T]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  whoever waits for it is told
        if done.set_running_or_notify_cancel():
            done.set_exception(error)
    else:
        if done.set_running_or_notify_cancel():
            done.set_result(result)
