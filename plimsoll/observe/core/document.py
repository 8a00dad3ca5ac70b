"""How does a program read a comparison? As JSON values: minutes, seconds and replicas, null for what is not known."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from plimsoll.observe.core.history import Standing

if TYPE_CHECKING:
    from plimsoll.observe.core.history import Moment
    from plimsoll.observe.core.text import Observed


def document(observed: Observed) -> dict[str, Any]:
    """Return everything that the text tells, and every moment."""
    comparison, over = observed.comparison, observed.over
    return {
        "workload": observed.name,
        "kind": observed.kind,
        "from_s": over.begin_s,
        "to_s": over.end_s,
        "step_s": over.step_s,
        "decided": asdict(comparison.decided),
        "by_another": asdict(comparison.other),
        "seconds": {
            **{standing.name.lower(): seconds for standing, seconds in comparison.by_standing.items()},
            "held": comparison.held_s,
            "asked_for_below_decided": comparison.asked_below_s,
            "ready_below_decided": comparison.ready_below_s,
        },
        "moments": [_moment(moment) for moment in observed.moments],
    }


def _moment(moment: Moment) -> dict[str, Any]:
    known = moment.standing is not Standing.NO_DATA
    return {
        "at_s": moment.at_s,
        "standing": moment.standing.name.lower(),
        "decided": moment.desired if known else None,
        "asked_for": moment.requested if known else None,
        "ready": moment.ready if known else None,
        "gpus_per_replica": moment.per_replica,
        "held": moment.held,
    }
