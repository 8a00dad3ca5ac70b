"""How are the questions of one tick asked? All at once; what has no answer is counted, and an outage is told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from autoscaler.core.load.observation import Samples
from kube.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from autoscaler.core.model import Question
    from autoscaler.shell.source import Source
    from autoscaler.shell.telemetry import Telemetry

    Answers = Mapping[Question, Samples | Exception]

_log = logging.getLogger("autoscaler")


class Asking:
    """Asks one source, and remembers whether it is away."""

    def __init__(self, source: Source, telemetry: Telemetry) -> None:
        self._source = source
        self._telemetry = telemetry
        self._outage = Outage(source.name, "decisions are held", _log)

    async def answers(self, questions: Collection[Question]) -> Answers:
        """Return the samples that answer each question, or why there are none."""
        with self._telemetry.query_seconds.time():
            answers = await self._source.samples(questions)
        failed = [(asked, answer) for asked, answer in answers.items() if not isinstance(answer, Samples)]
        for asked, _ in failed:
            self._telemetry.query_errors.labels("own" if asked.query else asked.preset, asked.metric.value).inc()
        # What is wrong with a workload's own query is told with its hold.
        shared = [f"{asked.preset}, {asked.metric.value}: {error}" for asked, error in failed if not asked.query]
        if shared:
            self._outage.failed("; ".join(sorted(shared))[:500])
        elif questions:
            self._outage.ended()
        return answers
