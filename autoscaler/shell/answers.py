"""What does an answer of Prometheus' query API say? Typed decoding, and a sentence where it is no such answer.

A part of an answer is none: what stands before several replicas or stores (Thanos, a remote read) may leave some out
and warn, and what it leaves out would look like less load.
"""

from __future__ import annotations

from math import isfinite
from typing import TypeVar

import msgspec

from autoscaler.shell.source import SamplesError

_ABOUT_THE_QUERY = "PromQL "  # such a warning doubts the query, not the data
_LONGEST_QUOTE = 300

T = TypeVar("T")


class Series(msgspec.Struct, gc=False):
    """One series of a range: its labels, its metric's as `__name__`, and its samples (Unix seconds, value)."""

    metric: dict[str, str]
    values: list[tuple[float, float]] = []


class _SpelledSeries(msgspec.Struct, gc=False):
    """The same as it is sent: values are strings."""

    metric: dict[str, str]
    values: list[tuple[float, str]] = []


class _Element(msgspec.Struct, gc=False):
    """One element of an instant vector."""

    value: tuple[float, str] | None = None


class _Found(msgspec.Struct):
    resultType: str  # noqa: N815  Prometheus' name
    result: msgspec.Raw


class _Answer(msgspec.Struct):
    status: str
    data: _Found | None = None
    error: str = ""
    errorType: str = ""  # noqa: N815  Prometheus' name
    warnings: list[str] = []


_ANSWER = msgspec.json.Decoder(_Answer)
# Numbers within strings, read on the way: half the time, but not every spelling of infinity.
_MATRIX = msgspec.json.Decoder(list[Series], strict=False)
_SPELLED_MATRIX = msgspec.json.Decoder(list[_SpelledSeries])
_VECTOR = msgspec.json.Decoder(list[_Element])
_SCALAR = msgspec.json.Decoder(tuple[float, str])


def series_of(content: bytes) -> list[Series]:
    """Return the series in the answer to a range selector.

    Raises:
        SamplesError: it is none, or only a part of one.
    """
    found = _found(content)
    if found.resultType != "matrix":
        raise SamplesError(f"its answer is a {found.resultType} and must be a matrix")
    try:
        return _MATRIX.decode(found.result)
    except msgspec.ValidationError:
        spelled = _decoded(_SPELLED_MATRIX, found.result)
    try:
        return [Series(one.metric, [(at, float(value)) for at, value in one.values]) for one in spelled]
    except ValueError as error:
        raise SamplesError(f"its answer is not one of Prometheus' query API: {error}") from error


def value_of(content: bytes) -> tuple[float, float]:
    """Return when the answer to a workload's own query was evaluated, and its sum.

    Raises:
        SamplesError: it is none, only a part of one, or no load; the message says which.
    """
    found = _found(content)
    match found.resultType:
        case "vector":
            pairs = [element.value for element in _decoded(_VECTOR, found.result) if element.value is not None]
        case "scalar":
            pairs = [_decoded(_SCALAR, found.result)]
        case kind:
            raise SamplesError(f"the query returns a {kind} and must return an instant vector or a scalar")
    if not pairs:
        raise SamplesError("the query returns nothing: that is no zero, the workload is not measured")
    try:
        total = sum(float(value) for _, value in pairs)
    except ValueError as error:
        raise SamplesError(f"its answer is not one of Prometheus' query API: {error}") from error
    if not isfinite(total) or total < 0:
        raise SamplesError(f"the query returns {total:g}, which is no load: the workload is not measured")
    return pairs[0][0], total


def refusal(status: int, reason: str, content: bytes) -> str:
    """Return why a question was refused, as a sentence with what to do where that is known."""
    try:
        answer = _ANSWER.decode(content)
        said = f"{answer.errorType}: {answer.error}" if answer.error else ""
    except msgspec.MsgspecError:
        said = " ".join(content[:_LONGEST_QUOTE].decode(errors="replace").split())
    sentence = f"HTTP {status} {reason}" + (f": {said[:_LONGEST_QUOTE]}" if said else "")
    if "too many samples" in said:
        return f"{sentence}. Raise Prometheus' --query.max-samples, or scrape less often"
    return sentence + _ADVICE.get(status, "")


_ADVICE = {
    401: ". The credentials for Prometheus are missing or wrong",
    403: ". The credentials for Prometheus do not allow queries",
    404: ". There is no query API: is --prometheus-url the address of Prometheus, with its path prefix?",
}


def _found(content: bytes) -> _Found:
    answer = _decoded(_ANSWER, content)
    if answer.status != "success" or answer.data is None:
        raise SamplesError(f"it answers {answer.status}: {answer.errorType}: {answer.error[:_LONGEST_QUOTE]}")
    partial = [warning for warning in answer.warnings if not warning.startswith(_ABOUT_THE_QUERY)]
    if partial:
        raise SamplesError(f"its answer is only a part, and is not used: {partial[0][:_LONGEST_QUOTE]}")
    return answer.data


def _decoded(decoder: msgspec.json.Decoder[T], content: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SamplesError(f"its answer is not one of Prometheus' query API: {error}") from error
