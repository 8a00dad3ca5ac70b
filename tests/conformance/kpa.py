"""What does our law decide in a recorded scenario of the original's decider?"""

from __future__ import annotations

from typing import Any

import numpy as np

from autoscaler.core.law import kpa
from autoscaler.core.law.delay import Delays
from autoscaler.core.model import Policy


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """Return the state after construction and after every tick."""
    policy = _policy(case["cfg"])
    begin_ms = case["t0_ms"]
    ready = 0 if case["ready0_error"] else case["ready0"]
    parameters = kpa.Parameters.of([policy])
    state = kpa.first(np.array([ready]), begin_ms)
    delays = Delays()
    # As the original, the core sizes a delay once; that a changed one takes effect is for its caller to do.
    delays.add(0, policy.scale_down_delay_s)

    init = [-1, kpa.first_excess_burst_capacity(policy), *_panic(state)]
    ticks = []
    for number, (since_ms, stable, panic, ready, status, *_) in enumerate(case["ticks"]):
        update = case.get("updates", {}).get(str(number))
        if update is not None:
            policy = _policy(update)
            parameters.set(0, policy)
        if status in ("nodata", "metric_err", "pods_err"):
            ticks.append([0, 0, 0, *(int(value) for value in _panic(state))])
            continue
        now_ms = begin_ms + since_ms
        seen = 0 if status == "pods_notfound" else ready
        loads = kpa.Loads(np.array([stable], dtype=np.float64), np.array([panic], dtype=np.float64), np.array([seen]))
        state, wanted = kpa.decide(parameters, state, loads, now_ms=now_ms)
        replicas = delays.record(now_ms, wanted.replicas, np.array([policy.reachable]))
        excess = int(wanted.excess_burst_capacity[0])
        ticks.append([1, int(replicas[0]), excess, *(int(value) for value in _panic(state))])
    return {"id": case["id"], "init": init, "ticks": ticks}


def _panic(state: kpa.State) -> tuple[bool, int]:
    return bool(state.panic_since_ms[0] != kpa.NEVER), int(state.floor[0])


def _policy(spec: dict[str, Any]) -> Policy:
    return Policy(
        target=spec["target_value"],
        total=spec["total_value"],
        target_burst_capacity=spec["target_burst_capacity"],
        panic_threshold=spec["panic_threshold"],
        stable_window_s=spec["stable_window_s"],
        max_scale_up_rate=spec["max_scale_up_rate"],
        max_scale_down_rate=spec["max_scale_down_rate"],
        scale_down_delay_s=spec["scale_down_delay_s"],
        initial_scale=spec["initial_scale"],
        activation_scale=spec["activation_scale"],
        reachable=spec["reachable"],
    )
