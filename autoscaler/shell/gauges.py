"""What stands on the metrics page for each workload? Prometheus' text, written from columns.

Ten thousand workloads have more than a hundred thousand series; a client library would stop the loop for a second to
make an object of each.
"""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from autoscaler.core.model import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from autoscaler.core.decisions.figures import Figures
    from autoscaler.core.model import WorkloadKey
    from autoscaler.core.targets.holdings import GpuUse

Line: TypeAlias = tuple[str, float]
"""Labels as they are written, and a value."""

_PREFIX = "plimsoll_autoscaler_"
_LEFT = "left"
_MILLI = 1000
_MODES = (*(mode.value for mode in Mode), _LEFT)
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def gauges(figures: Figures | None, key_of: Callable[[str], WorkloadKey | None]) -> str:
    """Return the gauges of every workload that has a key, each family with its help and type."""
    if figures is None:
        return ""
    keys = [key_of(uid) for uid in figures.uids]
    here = np.array([key is not None for key in keys], dtype=np.bool_)
    labels = [_labels(key) if key else "" for key in keys]
    metric = [f'{mine},metric="{policy.metric.value}"' for mine, policy in zip(labels, figures.policies, strict=True)]
    targets_s = np.array([policy.latency_target_ms / 1000 for policy in figures.policies])
    carried = figures.remembered.get("latency_per_replica", np.full(len(keys), np.nan))
    target = np.where(targets_s > 0, carried, [policy.target for policy in figures.policies])
    modes = np.where(figures.left, len(Mode), figures.mode)
    return "".join(
        (
            _family("desired_replicas", "Replicas decided.", _lines(labels, figures.desired.tolist(), here)),
            _family(
                "wanted_replicas",
                "Replicas that the load asks for, before min-scale, max-scale and what can be placed.",
                _lines(labels, figures.wanted.tolist(), here & ~np.isnan(figures.wanted)),
            ),
            _family(
                "requested_replicas",
                "Replicas that the workload asks for.",
                _lines(labels, figures.current.tolist(), here),
            ),
            _family(
                "placeable_replicas",
                "Replicas that have a place or would get one; only with limit-to-placeable, and as far as it is known.",
                _lines(labels, figures.placeable.tolist(), here & ~np.isnan(figures.placeable)),
            ),
            _family("ready_replicas", "Replicas that are ready.", _lines(labels, figures.ready.tolist(), here)),
            _family(
                "target_load",
                "What one replica should carry; with the metric latency, what it was seen to carry within the target.",
                _lines(metric, target.tolist(), here & ~np.isnan(target)),
            ),
            _family(
                "load",
                "Average over the window: requests that run and wait, or per second.",
                *(
                    _lines([f'{mine},window="{window}"' for mine in metric], each.tolist(), here & ~np.isnan(each))
                    for window, each in (("stable", figures.stable), ("panic", figures.panic))
                ),
            ),
            _family(
                "excess_burst_capacity",
                "Load that the ready replicas can take beyond the burst capacity.",
                _lines(labels, figures.excess_burst_capacity.tolist(), here & figures.asked),
            ),
            _family(
                "mode",
                "1 for the mode of the standing decision (stable, panic, held; left: somebody else sets the replicas).",
                *(
                    _lines([f'{mine},mode="{word}"' for mine in labels], (modes == number).astype(int).tolist(), here)
                    for number, word in enumerate(_MODES)
                ),
            ),
            _family(
                "partly_measured",
                "1: some ready pods sent no samples, so nothing is scaled down; 0: all did, or none.",
                _lines(labels, figures.partly.astype(int).tolist(), here),
            ),
            _family(
                "latency_seconds",
                "Metric latency: the percentile of the requests of about a stable window, or their mean.",
                _lines(labels, figures.latency.tolist(), here & ~np.isnan(figures.latency)),
            ),
            _family(
                "latency_target_seconds",
                "Metric latency: the target.",
                _lines(labels, targets_s.tolist(), here & (targets_s > 0)),
            ),
            _family(
                "latency_not_load_related",
                "Metric latency: 1 where more replicas do not bring it to its target, 0 where they may.",
                _lines(labels, figures.unhelped.astype(int).tolist(), here & (targets_s > 0)),
            ),
            _family(
                "observing",
                "1: only observed, nothing that is decided is carried out; 0: it is.",
                _lines(labels, figures.observed.astype(int).tolist(), here),
            ),
            _family(
                "remembered",
                "What the law goes on with at the next tick, and after a restart; nothing where there is nothing.",
                *(
                    _lines([f'{mine},what="{name}"' for mine in labels], each.tolist(), here & (each > 0))
                    for name, each in figures.remembered.items()
                    if name != "standing"  # which is desired_replicas
                ),
            ),
            _single("decisions_timestamp_seconds", "When all of this was decided (Unix time).", figures.at_ms / 1000),
            _family(
                "decided_timestamp_seconds",
                "When it was decided last and not held (Unix time).",
                _lines(labels, (figures.decided_ms / 1000).tolist(), here & (figures.decided_ms > 0)),
            ),
        )
    )


def gpu_gauges(uses: Mapping[str, GpuUse], key_of: Callable[[str], WorkloadKey | None]) -> str:
    """Return what every workload that has a key holds of GPUs, and held so far, each family with its help and type."""
    here = [(_labels(key), use) for uid, use in uses.items() if (key := key_of(uid)) is not None]

    def by_project(name: str) -> Iterable[Line]:
        for mine, use in here:
            for project, milli in getattr(use, name).items():
                yield f'{mine},project="{project.translate(_ESCAPED)}"', milli / _MILLI

    return "".join(
        (
            _family("held_gpus", "GPUs that bound pods hold, shares added up.", by_project("held")),
            _family(
                "gpus_per_replica",
                "GPUs that one pod holds: of the one that holds most.",
                ((mine, use.per_replica / _MILLI) for mine, use in here),
            ),
            _family(
                "gpu_minutes_total",
                "GPU-minutes that pods have held since this autoscaler began; each minute of a pod counts whole.",
                by_project("spent"),
                kind="counter",
            ),
        )
    )


def _labels(key: WorkloadKey) -> str:
    namespace, name, kind = (text.translate(_ESCAPED) for text in (key.namespace, key.name, key.kind))
    return f'namespace="{namespace}",workload="{name}",kind="{kind}"'


def _lines(labels: Sequence[str], values: Sequence[float], where: Iterable[bool]) -> Iterable[Line]:
    return compress(zip(labels, values, strict=True), where)


def _single(name: str, says: str, value: float) -> str:
    return f"# HELP {_PREFIX}{name} {says}\n# TYPE {_PREFIX}{name} gauge\n{_PREFIX}{name} {value}\n"


def _family(name: str, says: str, *lines: Iterable[Line], kind: str = "gauge") -> str:
    name = _PREFIX + name
    written = [f"{name}{{{labels}}} {value}\n" for each in lines for labels, value in each]
    return f"# HELP {name} {says}\n# TYPE {name} {kind}\n{''.join(written)}"
