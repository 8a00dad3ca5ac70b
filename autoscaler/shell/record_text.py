"""How is a record written down? As JSON that gives the very same record back, with a version; errors name the path."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from autoscaler.core.decisions.record import Record
from autoscaler.core.model import MOST_REPLICAS, Decision, WorkloadKey

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "plimsoll.dev/decision/v2"
"""Changes whenever a field comes, goes or changes its meaning."""

_LAST_MS = 253_402_300_799_999  # the end of the year 9999


class NotARecordError(Exception):
    """Not a record as this version writes it; the message is a sentence with the path."""


def written(record: Record) -> dict[str, Any]:
    """Return a record as JSON values."""
    return {
        "version": VERSION,
        "workload": msgspec.to_builtins(record.key),
        "decision": msgspec.to_builtins(record.decision),
    }


def read(value: Any, path: str = "$") -> Record:
    """Return the record that JSON values say, with every field as it was.

    Raises:
        NotARecordError: it is none.
    """
    found = _table(value, path)
    version = found.get("version", "")
    if version != VERSION:
        stands = f'"{version}"' if version else "missing"
        raise NotARecordError(f'{path}.version is {stands}: this version of Plimsoll reads "{VERSION}" alone')
    _exactly(found, ("version", "workload", "decision"), path)
    record = Record(
        _typed(found["workload"], WorkloadKey, f"{path}.workload"),
        _typed(found["decision"], Decision, f"{path}.decision"),
    )
    check(record, path)
    return record


def check(record: Record, path: str = "$") -> None:
    """Refuse numbers that no autoscaler records and no law can work with.

    Raises:
        NotARecordError: there is one.
    """
    for where, value, right, rule in _rules(record.decision):
        if not right:
            raise NotARecordError(f"{path}.decision.{where} is {value}: it must be {rule}")


def _rules(decision: Decision) -> Iterator[tuple[str, object, bool, str]]:
    """Give path, value, whether it is right, and the rule."""
    inputs, policy = decision.inputs, decision.inputs.policy
    for name in ("target", "total", "max_scale_up_rate", "max_scale_down_rate", "activator_capacity"):
        value = getattr(policy, name)
        yield f"inputs.policy.{name}", value, math.isfinite(value) and value > 0, "a number above 0"
    for name in ("target_burst_capacity", "panic_threshold"):
        value = getattr(policy, name)
        yield f"inputs.policy.{name}", value, math.isfinite(value), "a finite number"
    for name in ("stable", "panic", "offered_stable", "offered_panic"):
        value = getattr(inputs, name)
        yield f"inputs.{name}", value, value is None or math.isfinite(value), "a finite number, or absent"
    for key, value in sorted(inputs.latency.items()):
        yield f"inputs.latency.{key}", value, math.isfinite(value), "a finite number"
    for key, value in sorted(inputs.learned.items()):
        yield f"inputs.learned.{key}", value, math.isfinite(value) and value >= 0, "a finite number of at least 0"
    target_ms, percentile = policy.latency_target_ms, policy.latency_percentile
    least = 1.0 if inputs.by_latency else 0.0
    yield (
        "inputs.policy.latency_target_ms",
        target_ms,
        least <= target_ms <= _LAST_MS,
        f"milliseconds, at least {least:g}",
    )
    yield "inputs.policy.latency_percentile", percentile, 0 < percentile < 100, "a number between 0 and 100"
    replicas = f"a count from 0 to {MOST_REPLICAS}"
    for where, holder, names in (
        ("inputs.policy.", policy, ("activation_scale", "initial_scale", "min_scale", "max_scale")),
        (
            "inputs.",
            inputs,
            (
                "current",
                "ready",
                "floor",
                "delayed",
                "standing",
                "starting",
                "fewest",
                "most",
                "panic_left_at",
                "placed",
            ),
        ),
        ("", decision, ("wanted", "desired", "floor", "panic_left_at")),
    ):
        for name in names:
            value = getattr(holder, name)
            yield f"{where}{name}", value, 0 <= value <= MOST_REPLICAS, replicas
    fits = inputs.fits
    yield "inputs.fits", fits, fits is None or 0 <= fits <= MOST_REPLICAS, f"{replicas}, or absent"
    for name in ("stable_window_s", "panic_window_s"):
        value = getattr(policy, name)
        yield f"inputs.policy.{name}", value, 1 <= value <= MOST_REPLICAS, f"seconds from 1 to {MOST_REPLICAS}"
    for where, moment in (
        ("inputs.at_ms", inputs.at_ms),
        ("inputs.panic_since_ms", inputs.panic_since_ms),
        ("inputs.panic_left_ms", inputs.panic_left_ms),
        ("panic_since_ms", decision.panic_since_ms),
        ("panic_left_ms", decision.panic_left_ms),
    ):
        right = moment is None or 0 <= moment <= _LAST_MS
        yield where, moment, right, "Unix time in milliseconds, up to the year 9999"


def _typed(value: Any, kind: type[Any], path: str) -> Any:
    _shaped(value, kind, path)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        raise NotARecordError(f"{where.strip('`').replace('$', path, 1) or path} is wrong: {what}") from error


def _shaped(value: Any, kind: type[Any], path: str) -> None:
    """Refuse missing and unknown fields: a default in place of what was decided on would be another decision."""
    found = _table(value, path)
    _exactly(found, tuple(field.name for field in fields(kind)), path)
    for name, inner in get_type_hints(kind).items():
        if isinstance(inner, type) and is_dataclass(inner):
            _shaped(found[name], inner, f"{path}.{name}")


def _table(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotARecordError(f"{path} must be a JSON object, not {_kind(value)}")
    return value


def _exactly(found: dict[str, Any], names: tuple[str, ...], path: str) -> None:
    for name in names:
        if name not in found:
            raise NotARecordError(f"{path}.{name} is missing")
    for name in sorted(found):
        if name not in names:
            raise NotARecordError(f"{path}.{name} is no field of a record of this version")


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}.get(type(value), "a number")
