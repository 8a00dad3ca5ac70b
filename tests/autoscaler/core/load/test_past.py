"""A tick of the past is given what it was given then: as far back, and nothing newer."""

from __future__ import annotations

from autoscaler.core.load.gathering import gather
from autoscaler.core.load.observation import lookback_s
from autoscaler.core.load.past import Past
from autoscaler.core.load.queries import OWN_QUERY, Selection
from autoscaler.core.model import Metric, Question

PLACE = ("ns", "p")


def series(metric: str, every_s: int, until_s: int) -> tuple[dict[str, str], list[tuple[float, float]]]:
    labels = {"__name__": metric, "namespace": "ns", "pod": "p"}
    return labels, [(at + 0.5, float(at)) for at in range(0, until_s, every_s)]


def test_every_tick_finds_what_a_live_question_would_have_found() -> None:
    for question, metric, every_s in (
        (Question(), "vllm:num_requests_running", 1),
        (Question(), "vllm:num_requests_running", 15),
        (Question(Metric.RPS), "vllm:request_success_total", 5),
    ):
        selection = Selection.of(question)
        labels, samples = series(metric, every_s, 200)
        past, last, asked_s = Past(selection), None, 0
        past.show([(labels, samples)])
        for tick_s in range(60, 200, 2):
            asked_s = lookback_s(last, asked_s, 2.0, rates=question.metric is Metric.RPS)
            seen = tuple(sample for sample in samples if tick_s - asked_s < sample[0] <= tick_s)
            last = gather(selection, [(labels, seen)] if seen else [])
            assert past.at(tick_s, 2.0) == last
        assert (past.last, past.asked_s) == (last, asked_s)


def test_of_a_query_of_its_own_the_last_values_count() -> None:
    past = Past(None)
    past.show([({}, [(float(at), float(at)) for at in range(0, 60, 2)])])
    steps = past.at(21.0, 2.0).by_place[OWN_QUERY]
    assert steps.times[-2] == 20.0
    assert steps.loads[-2] == 20.0
    assert past.at(-1.0, 2.0).by_place == {}
