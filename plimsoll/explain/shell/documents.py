"""How does a program read what is told? As JSON values, which `read` takes back, whole or a record of them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autoscaler.shell.record_text import NotARecordError, read, written

if TYPE_CHECKING:
    from autoscaler.core.decisions.record import Record
    from plimsoll.explain.core.told import ToldAll, ToldOne


def one(told: ToldOne) -> dict[str, Any]:
    """Return what is known of one workload."""
    return {
        "since_ms": told.since_ms,
        "follows": told.follows,
        "standing": written(told.standing),
        "changes": [written(change) for change in told.changes],
    }


def many(told: ToldAll) -> dict[str, Any]:
    """Return the standing records of many workloads, and what those use of GPUs that ever held any."""
    return {
        "since_ms": told.since_ms,
        "workloads": [written(record) for record in told.records],
        "gpus": [
            {
                "uid": uid,
                "milli_per_replica": use.per_replica,
                "projects": [
                    {"project": name, "held_milli": use.held.get(name, 0), "milli_minutes": spent}
                    for name, spent in sorted(use.spent.items())
                ],
            }
            for uid, use in sorted(told.gpus.items())
        ],
    }


def records(document: Any) -> tuple[Record, ...]:
    """Return every record of a document: a record, or one of the above; changes first, as they came first.

    Raises:
        NotARecordError: it is neither; the message names the path.
    """
    if isinstance(document, dict) and "standing" in document:
        changes = _listed(document.get("changes", []), "$.changes")
        return (*changes, read(document["standing"], "$.standing"))
    if isinstance(document, dict) and "workloads" in document:
        return _listed(document["workloads"], "$.workloads")
    return (read(document),)


def _listed(values: Any, path: str) -> tuple[Record, ...]:
    if not isinstance(values, list):
        raise NotARecordError(f"{path} must be a list of records")
    return tuple(read(value, f"{path}[{number}]") for number, value in enumerate(values))
