"""Who hears what was done? The book, the readers of decisions, the workload's own Events, and the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from autoscaler.shell import cluster
from kube.events import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoscaler.core.decisions.record import Book, Record
    from autoscaler.shell.feed import Feed

_log = logging.getLogger("autoscaler")


class Telling:
    """Tells of changes; `tell` takes the Events, and `leads` says whether this autoscaler is the one that writes."""

    def __init__(self, book: Book, readers: Feed, tell: Callable[[Notice], None], leads: Callable[[], bool]) -> None:
        self._book = book
        self._readers = readers
        self._tell = tell
        self._leads = leads

    def made(self, record: Record) -> None:
        """Tell that a replica count was changed."""
        decision, current = record.decision, record.decision.inputs.current
        self._keep(record)
        reason = "ScaledUp" if decision.desired > current else "ScaledDown"
        message = f"replicas {current} -> {decision.desired}: {decision.reason}"
        self._tell(Notice(cluster.workload_reference(record.key), reason, message))
        _log.info("scaled", extra=_scaled(record))

    def observed(self, record: Record) -> None:
        """Keep a decision that would have changed a replica count; of what is only observed there is no Event."""
        self._keep(record)
        if self._leads():  # one log is enough
            _log.info("observed", extra=_scaled(record))

    def _keep(self, record: Record) -> None:
        self._book.change(record.key, record.decision)
        self._readers.changed(record)


def _scaled(record: Record) -> dict[str, object]:
    key, decision = record.key, record.decision
    inputs = decision.inputs
    return {
        "workload": str(key),
        "kind": key.kind,
        "from": inputs.current,
        "to": decision.desired,
        "mode": decision.mode.value,
        "ready": inputs.ready,
        "stable": inputs.stable,
        "panic": inputs.panic,
        "reason": decision.reason,
    }
