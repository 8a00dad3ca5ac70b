"""What do the tests of records speak of? Decisions by a plain telling of the whole law, and random inputs for it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from autoscaler.core.decisions.record import Record
from autoscaler.core.model import Averaging, Decision, Inputs, Metric, Mode, Policy, Seen, WorkloadKey

AT_MS = 1_800_000_000_000
KEY = WorkloadKey("uid-llama", "chat", "llama")


def decided(inputs: Inputs) -> Decision:
    """Decide on inputs: kpa-spec section 2, step by step, then holds and bounds."""
    as_if = inputs.observed != "" and inputs.standing > 0  # what was decided last had been carried out
    standing = inputs.standing if as_if else max(inputs.current, inputs.standing)
    ready = min(inputs.ready, inputs.standing) if as_if else inputs.ready
    if inputs.leave or inputs.current == 0:
        return outcome(inputs, Mode.HELD, standing, inputs.current)
    if inputs.hold or inputs.stable is None or inputs.panic is None or inputs.seen is Seen.NOTHING:
        return outcome(inputs, Mode.HELD, standing, bounded(inputs, standing))
    p = inputs.policy
    r = max(1, ready)
    up = math.ceil(p.max_scale_up_rate * r)
    down = math.floor(r / p.max_scale_down_rate) if p.reachable else 0
    ds, dp = math.ceil(inputs.stable / p.target), math.ceil(inputs.panic / p.target)
    want_s, want_p = int(min(max(ds, down), up)), int(min(max(dp, down), up))
    if p.activation_scale > 1:
        want_s = p.activation_scale if ds > 0 and p.activation_scale > want_s else want_s
        want_p = p.activation_scale if dp > 0 and p.activation_scale > want_p else want_p
    panic_since, floor = inputs.panic_since_ms, inputs.floor
    if dp / r >= p.panic_threshold:
        panic_since = inputs.at_ms
    elif panic_since is not None and panic_since + 1000 * p.stable_window_s < inputs.at_ms:
        panic_since, floor = None, 0
    d = want_s
    if panic_since is not None:
        floor = max(floor, want_s, want_p)
        d = floor
    d = max(d, inputs.delayed)
    if inputs.seen is Seen.PART and d < standing:
        return outcome(inputs, Mode.HELD, d, bounded(inputs, standing), (panic_since, floor))
    mode = Mode.STABLE if panic_since is None else Mode.PANIC
    return outcome(inputs, mode, d, bounded(inputs, d), (panic_since, floor))


def placeable(inputs: Inputs) -> int:
    if inputs.asking:
        return 0
    return 2**40 if inputs.fits is None else inputs.placed + inputs.fits


def promised(inputs: Inputs) -> int:
    p = inputs.policy
    least = p.min_scale if p.reachable else 0
    if p.initial_scale > 1 and not inputs.initialised and p.reachable:
        least = max(least, p.initial_scale)
    return least


def bounded(inputs: Inputs, x: int) -> int:
    p = inputs.policy
    least = promised(inputs)
    if x < least:
        x = least
    elif p.max_scale != 0 and x > p.max_scale:
        x = p.max_scale
    return 1 if x == 0 else x


def outcome(
    inputs: Inputs, mode: Mode, wanted: int, desired: int, panic: tuple[int | None, int] | None = None
) -> Decision:
    """Return the decision; `panic` as it is remembered, None where the law was not asked."""
    excess = None
    if panic is not None:
        p, load = inputs.policy, inputs.panic or 0.0
        tbc = p.target_burst_capacity
        ready = min(inputs.ready, inputs.standing) if inputs.observed and inputs.standing else inputs.ready
        excess = math.floor(ready * p.total - tbc - load) if tbc > 0 else int(tbc)
    since, floor = (inputs.panic_since_ms, inputs.floor) if panic is None else panic
    asked = inputs.standing if inputs.observed and inputs.standing else inputs.current
    if desired > asked and not (inputs.leave or inputs.current == 0):
        desired = max(asked, min(desired, max(placeable(inputs), promised(inputs))))
    return Decision(inputs, mode, wanted, desired, excess, since, floor, f"{mode.value}: told by the test")


def record(inputs: Inputs, key: WorkloadKey = KEY) -> Record:
    return Record(key, decided(inputs))


def seen(current: int = 4, *, stable: float = 412.5, panic: float = 380.0, policy: Policy | None = None) -> Inputs:
    """Return inputs of a calm tick with `current` replicas, all of them ready."""
    return Inputs(AT_MS, policy or Policy(), current, current, stable, panic, Seen.ALL, standing=current)


_count = st.integers(0, 60)
_load = st.floats(0, 5000, allow_nan=False)
_rate = st.floats(1.01, 50)

policies = st.builds(
    Policy,
    metric=st.sampled_from((Metric.CONCURRENCY, Metric.RPS)),
    averaging=st.sampled_from(Averaging),
    target=st.floats(0.01, 500),
    total=st.floats(0.01, 500),
    target_burst_capacity=st.sampled_from([-1.0, 0.0, 211.0]),
    panic_threshold=st.floats(1.1, 10),
    stable_window_s=st.integers(6, 600),
    panic_window_s=st.integers(1, 60),
    max_scale_up_rate=_rate,
    max_scale_down_rate=_rate,
    scale_down_delay_s=st.integers(0, 3600),
    activation_scale=st.integers(0, 9),
    initial_scale=st.integers(0, 9),
    min_scale=st.integers(0, 9),
    max_scale=st.integers(0, 30),
    enable_scale_to_zero=st.booleans(),
    scale_to_zero_grace_period_ns=st.integers(0, 10**12),
    scale_to_zero_pod_retention_period_ns=st.integers(0, 10**12),
    progress_deadline_ns=st.integers(0, 10**12),
    activator_capacity=st.floats(1, 500),
    reachable=st.booleans(),
    drain_aware_scale_down=st.booleans(),
    limit_to_placeable=st.booleans(),
)

_looks = st.builds(
    Inputs,
    at_ms=st.just(AT_MS),
    policy=policies,
    current=_count,
    ready=_count,
    stable=_load,
    panic=_load,
    seen=st.sampled_from(Seen),
    hold=st.sampled_from(["", "", "", "its annotations have problems"]),
    leave=st.sampled_from(["", "", "", "an HPA sets its replicas"]),
    panic_since_ms=st.none() | st.integers(AT_MS - 700_000, AT_MS),
    floor=_count,
    delayed=_count,
    standing=_count,
    initialised=st.booleans(),
    observed=st.sampled_from(["", "", "HorizontalPodAutoscaler llama scales it"]),
)

_places: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.just({"asking": True}),
    st.fixed_dictionaries({"placed": _count, "fits": _count, "misfit": st.text()}),
)

many_inputs = st.builds(
    lambda inputs, places: replace(inputs, **places),
    _looks | _looks.map(lambda inputs: replace(inputs, stable=None, panic=None)),
    _places,
)

records = st.builds(
    Record,
    st.builds(WorkloadKey, st.text(), st.text(), st.text(), st.text(), st.text(), st.text()),
    many_inputs.map(decided),
)
