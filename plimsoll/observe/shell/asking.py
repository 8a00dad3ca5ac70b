"""What has Prometheus of one workload? Raw samples with their own times, so that a hole is a hole."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from autoscaler.core.load.queries import quoted
from autoscaler.shell.answers import series_of
from autoscaler.shell.connection import Connection
from autoscaler.shell.source import SamplesError
from plimsoll.observe.core.history import DESIRED, LEADER, NAMES, PREFIX, exported, leaders, namespace_of
from plimsoll.observe.problem import ObserveError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autoscaler.shell.answers import Series
    from autoscaler.shell.connection import Access
    from plimsoll.observe.core.history import Exported
    from plimsoll.observe.core.period import Period

_PATIENCE_S = 60.0
_BEFORE_S = 300  # the first moment may be told by a sample before it
_NAMES_TOLD = 3


@dataclass(frozen=True, slots=True)
class Workload:
    """Which one; `kind` is needed only where several share the name."""

    namespace: str
    name: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Told:
    """What was exported of a workload, by each autoscaler, and when each was the leader."""

    kind: str
    exporters: Sequence[Exported]
    leading: Sequence[Exported]


def ask(access: Access, replica_labels: Sequence[str], workload: Workload, over: Period) -> Told:
    """Ask for everything that was exported of a workload during a period.

    Raises:
        ObserveError: Prometheus did not answer, or has nothing of it; the message says which, and what to do.
    """
    asking = _Asking(Connection(access), access.url, over)
    names = "|".join(PREFIX + name for name in NAMES)
    found = asking.series(f'{{__name__=~"{names}",workload={quoted(workload.name)},mode=~"|held|left"}}')
    exporters = exported(((one.metric, one.values) for one in found), workload.namespace, replica_labels)
    kinds = sorted({one.kind for one in exporters if workload.kind in {"", one.kind}})
    if not kinds:
        raise ObserveError(asking.nothing_of(workload))
    if len(kinds) > 1:
        raise ObserveError(f"{workload} may be {' or '.join(kinds)}: say the kind with --kind")
    leading = leaders(((one.metric, one.values) for one in asking.series(f"{PREFIX}{LEADER}")), replica_labels)
    return Told(kinds[0], [one for one in exporters if one.kind == kinds[0]], leading)


@dataclass(frozen=True, slots=True)
class _Asking:
    connection: Connection
    url: str
    over: Period

    def series(self, selector: str) -> list[Series]:
        """Return the raw samples of a selector over the period."""
        return self._ask(f"{selector}[{self.over.length_s + _BEFORE_S}s] @ {self.over.end_s}")

    def nothing_of(self, workload: Workload) -> str:
        """Return what to say where there is nothing of a workload in the period."""
        known = self._ask(f"last_over_time({PREFIX}{DESIRED}[{self.over.length_s}s] @ {self.over.end_s})[1s:1s]")
        names = sorted({f"{namespace_of(one.metric)}/{one.metric.get('workload', '')}" for one in known})
        if not names:
            return (
                f"Prometheus at {self.url} has no series {PREFIX}{DESIRED} in this period: does it scrape the "
                "autoscaler's /metrics, and did the autoscaler run?"
            )
        near = get_close_matches(str(workload), names, n=_NAMES_TOLD) or [
            name for name in names if name.rpartition("/")[2] == workload.name
        ]
        what = f"{workload.kind} {workload}" if workload.kind else str(workload)
        advice = (
            f"near to it: {', '.join(near[:_NAMES_TOLD])}" if near else "is it labelled plimsoll.dev/autoscale=true?"
        )
        return f"Prometheus has nothing of {what} in this period; {advice}"

    def _ask(self, query: str) -> list[Series]:
        try:
            return series_of(self.connection.ask(query, _PATIENCE_S))
        except SamplesError as error:
            raise ObserveError(f"Prometheus at {self.url} gives no history: {error}") from error
