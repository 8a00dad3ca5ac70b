"""What do these tests observe? Series as Prometheus gives them, written as stretches of equal values."""

from __future__ import annotations

from plimsoll.observe.core.period import Period

BEGIN_S = 1_800_000_000
EVERY_S = 10
OVER = Period(BEGIN_S, 10, 60)

Series = tuple[dict[str, str], list[tuple[float, float]]]


def series(name: str, *stretches: tuple[int, int, float], pod: str = "a", **labels: str) -> Series:
    """Return a series scraped every 10 s; a stretch: from and to (seconds from the beginning), and its value."""
    metric = {
        "__name__": f"plimsoll_autoscaler_{name}", "exported_namespace": "chat", "namespace": "plimsoll-system",
        "workload": "llama", "kind": "Deployment", "pod": pod, "instance": f"10.0.0.{ord(pod)}:8900", **labels,
    }  # fmt: skip
    samples = [(float(BEGIN_S + at_s), value) for begin, end, value in stretches for at_s in range(begin, end, EVERY_S)]
    return metric, samples


def leader(*stretches: tuple[int, int, float], pod: str = "a") -> Series:
    metric, samples = series("leader", *stretches, pod=pod)
    return {name: metric[name] for name in ("__name__", "namespace", "pod", "instance")}, samples


def workload(
    *stretches: tuple[int, int, float, float], pod: str = "a", observing: float = 1, gpus: float | None = None
) -> list[Series]:
    """Return the series of a workload; a stretch: from, to, decided, and asked for and ready."""
    decided, other = ([(b, e, values[at]) for b, e, *values in stretches] for at in (0, 1))
    whole = [(b, e) for b, e, *_ in stretches]
    found = [
        series("desired_replicas", *decided, pod=pod),
        series("requested_replicas", *other, pod=pod),
        series("ready_replicas", *other, pod=pod),
        series("observing", *((b, e, observing) for b, e in whole), pod=pod),
        series("mode", *((b, e, 0) for b, e in whole), pod=pod, mode="held"),
        series("mode", *((b, e, 0) for b, e in whole), pod=pod, mode="left"),
    ]
    return found if gpus is None else [*found, series("gpus_per_replica", *((b, e, gpus) for b, e in whole), pod=pod)]
