"""Does a preemption come to its end whatever happens to the extender in its midst? Killed many times, and stopped."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from deploy.local import LocalCluster
from tests.e2e import pods
from tests.e2e.preempting import MEMBERS, NEEDED, TRAIN, Mishap, Phase, points, serving, spec, struck, tune

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.e2e.preempting import Point, Round

ROUNDS = 20
_SEEDS = {Mishap.KILLED: 1, Mishap.STOPPED: 2}


def table(progress: Callable[[str], None], rounds: int = ROUNDS) -> list[str]:
    """Return the lines of the table, the last one about how they were measured."""
    found: dict[Mishap, list[Round]] = {mishap: [] for mishap in Mishap}
    with LocalCluster.start(spec("bars-preemption-killing"), progress=progress) as cluster:
        tune(cluster)
        cluster.start_extender()
        for mishap, those in found.items():
            for number, point in enumerate(points(_SEEDS[mishap], rounds)):
                those.append(_round(cluster, mishap, point, f"{mishap.value}-{number}"))
                progress(f"{mishap.value} when {point}, round {number + 1} of {rounds}: {those[-1]}")
    every, seeds = list(found.values()), _SEEDS.values()
    return [
        f"| the extender was | {' | '.join(mishap.value for mishap in found)} |",
        "|---|---:|---:|",
        _row("rounds", [f"{len(those)}" for those in every]),
        *(
            _row(f"{title} by then: least, median, most", [_spread(those, phase) for those in every])
            for phase, title in (
                (Phase.LEAVING, f"of {NEEDED} victims evicted"),
                (Phase.GONE, "of these gone"),
                (Phase.SENT, f"of {MEMBERS} pods sent to kube-scheduler, or bound"),
            )
        ),
        _row("rounds after which not all of these ran", [_count(those, "bound", MEMBERS) for those in every]),
        _row(
            f"rounds in which more or fewer than {NEEDED} left", [_count(those, "evicted", NEEDED) for those in every]
        ),
        _row("rounds after which anything was promised still", [_count(those, "promised", 0) for those in every]),
        _row("s from its coming back until they ran: median, most", [_seconds(those) for those in every]),
        "",
        f"Gangs and single pods in turn, {TRAIN} train pods of half a GPU; seeds {' and '.join(map(str, seeds))}.",
    ]


def _round(cluster: LocalCluster, mishap: Mishap, point: Point, namespace: str) -> Round:
    pods.create_namespace(cluster, namespace)
    serving(cluster, namespace)
    found = struck(cluster, namespace, mishap, point)
    cluster.call(lambda api: api.request("DELETE", f"/api/v1/namespaces/{namespace}"))  # so that no pod comes anew
    pods.empty(cluster, namespace)
    return found


def _row(title: str, values: Sequence[str]) -> str:
    return f"| {title} | {' | '.join(values)} |"


def _spread(rounds: Sequence[Round], phase: Phase) -> str:
    shown = [one.shown[phase] for one in rounds]
    return f"{min(shown)}, {median(shown):.0f}, {max(shown)}"


def _count(rounds: Sequence[Round], what: str, wanted: int) -> str:
    return f"{sum(getattr(one, what) != wanted for one in rounds)}"


def _seconds(rounds: Sequence[Round]) -> str:
    return f"{median(one.seconds for one in rounds):.1f}, {max(one.seconds for one in rounds):.1f}"
