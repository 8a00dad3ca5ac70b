"""An answer of Prometheus is read whole or not at all, and what is none is told as a sentence."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from autoscaler.shell.answers import Series, refusal, series_of, value_of
from autoscaler.shell.source import SamplesError


def answer(kind: str, result: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def test_a_matrix_is_read_with_its_labels_and_numbers() -> None:
    content = answer("matrix", [{"metric": {"pod": "a"}, "values": [[1.5, "2"], [2.5, "NaN"], [3, "1e3"]]}])
    (series,) = series_of(content)
    assert series.metric == {"pod": "a"}
    assert series.values[::2] == [(1.5, 2.0), (3.0, 1000.0)]
    assert math.isnan(series.values[1][1])


@pytest.mark.parametrize(("text", "number"), [("+Inf", math.inf), ("-Inf", -math.inf), ("Inf", math.inf)])
def test_every_spelling_of_a_number_is_read(text: str, number: float) -> None:
    content = answer("matrix", [{"metric": {}, "values": [[1.5, text], [2.5, "1"]]}])
    assert series_of(content) == [Series({}, [(1.5, number), (2.5, 1.0)])]


def test_series_of_histograms_have_no_samples() -> None:
    content = answer("matrix", [{"metric": {"pod": "a"}, "histograms": [[1.5, {"count": "1"}]]}])
    assert series_of(content) == [Series({"pod": "a"}, [])]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", "its answer is not one of Prometheus' query API: JSON is malformed"),
        (b"", "its answer is not one of Prometheus' query API: Input data was truncated"),
        (b"[]", "its answer is not one of Prometheus' query API: Expected `object`, got `array`"),
        (b"\xff\xfe", "its answer is not one of Prometheus' query API: "),
        (b'{"status":"error","errorType":"timeout","error":"late"}', "it answers error: timeout: late"),
        (answer("vector", []), "its answer is a vector and must be a matrix"),
        (answer("matrix", [{"metric": {}, "values": [[1, "x"]]}]), "its answer is not one of Prometheus' query API: "),
        (answer("matrix", [{"values": []}]), "its answer is not one of Prometheus' query API: "),
        (answer("matrix", [], warnings=["store 3 is away"]), "its answer is only a part, and is not used: store"),
    ],
)  # fmt: skip
def test_what_is_no_whole_matrix_is_told(content: bytes, said: str) -> None:
    with pytest.raises(SamplesError) as problem:
        series_of(content)
    assert str(problem.value).startswith(said)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (answer("vector", [{"metric": {}, "value": [9.5, "2"]}, {"metric": {"a": "b"}, "value": [9.5, "0.5"]}]), 2.5),
        (answer("scalar", [9.5, "0"]), 0.0),
        (answer("scalar", [9.5, "3"], warnings=["PromQL warning: a doubt about the query"]), 3.0),
        (answer("scalar", [9.5, "3"], infos=["PromQL info: metric might not be a counter"]), 3.0),
    ],
)
def test_an_own_query_has_one_value_at_its_evaluation(content: bytes, value: float) -> None:
    assert value_of(content) == (9.5, value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (answer("vector", []), "the query returns nothing: that is no zero"),
        (answer("vector", [{"metric": {}, "histogram": [9.5, {}]}]), "the query returns nothing: that is no zero"),
        (answer("vector", [{"metric": {}, "value": [9.5, "1"]}, {"metric": {}, "value": [9.5, "NaN"]}]),
         "the query returns nan, which is no load"),
        (answer("scalar", [9.5, "+Inf"]), "the query returns inf, which is no load"),
        (answer("scalar", [9.5, "-1"]), "the query returns -1, which is no load"),
        (answer("matrix", []), "the query returns a matrix and must return an instant vector or a scalar"),
        (answer("string", [9.5, "a"]), "the query returns a string and must"),
        (answer("scalar", [9.5, "a"]), "its answer is not one of Prometheus' query API: "),
        (answer("scalar", [9.5]), "its answer is not one of Prometheus' query API: "),
        (answer("scalar", [9.5, "3"], warnings=["remote read failed"]), "its answer is only a part"),
    ],
)  # fmt: skip
def test_what_is_no_load_is_no_value(content: bytes, said: str) -> None:
    with pytest.raises(SamplesError) as problem:
        value_of(content)
    assert str(problem.value).startswith(said)


NO_API = "There is no query API: is --prometheus-url the address of Prometheus, with its path prefix?"
TOO_MANY = "query processing would load too many samples into memory in query execution"


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (422, json.dumps({"status": "error", "errorType": "execution", "error": TOO_MANY}).encode(),
         f": execution: {TOO_MANY}. Raise Prometheus' --query.max-samples, or scrape less often"),
        (400, b'{"status":"error","errorType":"bad_data","error":"parse error"}', ": bad_data: parse error"),
        (401, b"Unauthorized\n", ": Unauthorized. The credentials for Prometheus are missing or wrong"),
        (403, b"", ". The credentials for Prometheus do not allow queries"),
        (404, b"<p>\nno</p>", f": <p> no</p>. {NO_API}"),
        (502, b"\xff" * 2000, ": " + "\ufffd" * 300),
    ],
)  # fmt: skip
def test_a_refusal_is_a_sentence_with_what_prometheus_says(status: int, content: bytes, said: str) -> None:
    assert refusal(status, "Reason", content) == f"HTTP {status} Reason{said}"
