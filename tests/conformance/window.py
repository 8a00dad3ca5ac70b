"""What do our windows say after a recorded sequence of the original's operations?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autoscaler.core.law.delay import Delays
from autoscaler.core.law.window import Windows
from autoscaler.core.model import Averaging


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """Return one entry an operation."""
    play = {"collector": _collector, "max": _maximum, "sample_size": _sample_size}[case["kind"]]
    return {"id": case["id"], "out": play(case)}


def _collector(case: dict[str, Any]) -> list[Any]:
    """Play a metric collector: row 0 is concurrency, row 1 requests a second."""
    begin_ms = case["t0_ms"]
    linear = case["algorithm"] not in (Averaging.WEIGHTED_EXPONENTIAL.value, "weightedExponential")
    stable, panic = Windows(), Windows()
    rows = np.array([0, 1])
    stable.add(rows, case["stable_window_s"])
    panic.add(rows, case["panic_window_s"])
    out: list[Any] = []
    for operation, since_ms, *rest in case["ops"]:
        now_ms = begin_ms + since_ms
        second = now_ms // 1000
        match operation:
            case "r":
                concurrency, proxied_concurrency, requests, proxied_requests = rest
                values = np.array([concurrency - proxied_concurrency, requests - proxied_requests], dtype=np.float64)
                stable.record(second, values)
                panic.record(second, values)
                out.append(None)
            case "w":
                stable.resize(rows, rest[0], now_ms)
                panic.resize(rows, rest[1], now_ms)
                out.append(None)
            case "q":
                if case["has_scrape_target"] and stable.empty(second)[0]:
                    out.append(["nodata", 0, 0, 0, 0])
                    continue
                averages = (
                    window.average(second) if linear else window.weighted(second, rows) for window in (stable, panic)
                )
                (conc_stable, rps_stable), (conc_panic, rps_panic) = (both.tolist() for both in averages)
                out.append(["ok", conc_stable, conc_panic, rps_stable, rps_panic])
    return out


def _maximum(case: dict[str, Any]) -> list[int]:
    """Play a scale-down-delay window."""
    delays = Delays()
    delays.add(0, case["duration_s"])
    return [
        int(delays.record(case["t0_ms"] + since_ms, np.array([value]))[0]) for _, since_ms, value, *_ in case["ops"]
    ]


def _sample_size(case: dict[str, Any]) -> list[int]:
    """Say how many pods the original scrapes, which we need not: Prometheus scrapes them all."""
    confidence = 1.96**2 * 100 / 25
    return [
        max(population, 0) if population <= 3 else math.ceil(population * confidence / (population + confidence - 1))
        for _, population, *_ in case["ops"]
    ]
