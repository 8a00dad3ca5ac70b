"""Questions to a Prometheus, one failing at no other's cost; tests/integration asks a real one."""

from __future__ import annotations

import asyncio
import re

import pytest

from autoscaler.core.load.observation import Samples
from autoscaler.core.load.presets import PRESETS
from autoscaler.core.load.queries import OWN_QUERY
from autoscaler.core.model import Metric, Question
from autoscaler.shell import prometheus as prometheus_module
from autoscaler.shell.connection import Access
from autoscaler.shell.prometheus import Prometheus
from autoscaler.shell.source import SamplesError
from tests.autoscaler.shell.query_api import failing, found, matrix, serving

LATE = re.compile(r"no whole answer within 0\.[1-8] s")
VLLM, TGI, RPS = Question(), Question(preset="tgi"), Question(Metric.RPS)


async def told(prometheus: Prometheus, *asked: Question) -> dict[Question, str | Samples]:
    answers = await prometheus.samples(asked)
    assert answers.keys() == set(asked)
    return {question: str(one) if isinstance(one, SamplesError) else one for question, one in answers.items()}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_module, "_LIMIT_S", 0.8)


async def test_each_question_has_its_own_answer() -> None:
    async with serving() as server:
        server.answers = {
            "num_requests": matrix((10.5, "3"), (11.5, "4")),
            "tgi": failing(503, '{"status":"error","errorType":"unavailable","error":"starting"}'),
            "success": failing(200, "hello"),
        }
        answers = await told(Prometheus(Access(server.address)), VLLM, TGI, RPS)
    samples = answers[VLLM]
    assert isinstance(samples, Samples)
    assert list(samples.by_place["ns", "a"].loads) == [3.0, 4.0, 0.0]
    assert answers[TGI] == "HTTP 503 Service Unavailable: unavailable: starting"
    assert str(answers[RPS]).startswith("its answer is not one of Prometheus' query API: JSON is malformed")


async def test_only_as_much_is_asked_for_as_the_last_answer_makes_needed() -> None:
    async with serving() as server:
        server.answers = {"num_requests": matrix(*((10.5 + second, "3") for second in range(10)))}
        prometheus = Prometheus(Access(server.address))
        for _ in range(2):
            await prometheus.samples([VLLM])
        await prometheus.samples([])  # forgotten
        await prometheus.samples([VLLM])
    assert [query.rpartition("[")[2] for query in server.asked] == ["10s]", "8s]", "10s]"]


async def test_parts_of_an_answer_are_declined_and_the_server_is_told_how_long_we_wait() -> None:
    async with serving() as server:
        await Prometheus(Access(server.address + "/")).samples([VLLM])
    (request,) = server.requests
    assert request.query["partial_response"] == "false"
    assert 0 < int(request.query["timeout"].removesuffix("ms")) <= 1600


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("way", ["hang", "drip"])
async def test_an_answer_that_does_not_come_costs_no_more_than_its_time_and_no_other_question(way: str) -> None:
    async with serving() as server:
        server.answers = {"num_requests": getattr(server, way)}
        prometheus = Prometheus(Access(server.address))
        answers = await told(prometheus, VLLM, TGI)
        server.ended.set()
        again = await told(prometheus, TGI)
    assert LATE.fullmatch(str(answers[VLLM]))
    assert isinstance(answers[TGI], Samples)
    assert isinstance(again[TGI], Samples)


@pytest.mark.usefixtures("hurried")
async def test_threads_that_do_not_come_back_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_module, "_MOST_UNANSWERED", 1)
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        stuck = asyncio.Event()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(
            prometheus._connection,
            "ask",
            lambda *_: asyncio.run_coroutine_threadsafe(stuck.wait(), loop).result(),
        )
        first, second = await told(prometheus, VLLM), await told(prometheus, VLLM)
        stuck.set()
    assert LATE.fullmatch(str(first[VLLM]))
    assert second == {VLLM: "1 earlier questions are still being answered"}


async def test_a_defect_met_by_one_question_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(prometheus._asked, VLLM, None)
            answers = await told(prometheus, VLLM, TGI)
    assert answers[VLLM] == "defect: its answer could not be used; the log has the trace"
    assert isinstance(answers[TGI], Samples)
    assert caplog.records[0].exc_info is not None


async def test_a_preset_that_there_is_not_is_told_with_those_that_there_are() -> None:
    (said,) = (await told(Prometheus(Access("http://127.0.0.1:1")), Question(preset="none"))).values()
    assert said == f'there is no preset "none"; the presets are {", ".join(PRESETS)}'


def own(number: int) -> Question:
    return Question(query=f"own_{number:03}")


async def test_the_values_of_an_own_query_are_remembered_and_a_failure_is_no_value() -> None:
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        for at, value in ((10.5, "3"), (12.5, "5")):
            server.answers = {"own": found("vector", [{"metric": {}, "value": [at, value]}])}
            samples = (await told(prometheus, own(1)))[own(1)]
        server.answers = {"own": found("vector", [])}
        empty = (await told(prometheus, own(1)))[own(1)]
    assert isinstance(samples, Samples)
    assert list(samples.by_place[OWN_QUERY].loads) == [3.0, 5.0, 0.0]
    assert empty == "the query returns nothing: that is no zero, the workload is not measured"


async def test_values_of_a_clock_that_goes_back_begin_anew() -> None:
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        for at in (50.5, 10.5):
            server.answers = {"own": found("scalar", [at, "3"])}
            samples = (await told(prometheus, own(1)))[own(1)]
    assert isinstance(samples, Samples)
    assert list(samples.by_place[OWN_QUERY].times) == [10.5, 15.5]  # the value and its end, nothing of the future


@pytest.mark.usefixtures("hurried")
async def test_own_queries_that_hang_never_delay_those_of_presets_and_all_get_their_turn() -> None:
    async with serving() as server:
        server.answers = {f"own_{number:03}": server.hang for number in range(4)}
        prometheus = Prometheus(Access(server.address))
        asked = (VLLM, *(own(number) for number in range(6)))
        first, second = await told(prometheus, *asked), await told(prometheus, *asked)
    assert isinstance(first[VLLM], Samples)
    assert all(LATE.fullmatch(str(first[own(number)])) for number in range(4))
    assert first[own(4)] == "not asked: earlier questions of this tick took all of its time"
    assert isinstance(second[own(4)], Samples)
    assert isinstance(second[own(5)], Samples)


async def test_more_own_queries_than_a_tick_takes_alternate_and_their_values_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prometheus_module, "_MOST_OWN_QUERIES", 2)
    async with serving() as server:
        prometheus = Prometheus(Access(server.address))
        asked = [own(number) for number in range(3)]
        first, second = await told(prometheus, *asked), await told(prometheus, *asked)
    assert [isinstance(first[question], Samples) for question in asked] == [True, True, False]
    assert [isinstance(second[question], Samples) for question in asked] == [True, True, True]
    assert sorted(server.asked[:2]) == ["own_000", "own_001"]
    assert sorted(server.asked[2:]) == ["own_000", "own_002"]


async def test_a_few_questions_are_asked_at_once() -> None:
    async with serving() as server:
        server.answers = {"": server.hang}
        prometheus = Prometheus(Access(server.address))
        asked = [*(Question(preset=preset) for preset in PRESETS), *(own(number) for number in range(12))]
        asking = asyncio.create_task(prometheus.samples(asked))
        for _ in range(8):
            await server.came.get()
        assert sorted("own" in query for query in server.asked) == [False] * 4 + [True] * 4
        server.ended.set()
        await asking
