"""What the autoscaler reads from metrics pages themselves; tests/integration holds it against a real Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from autoscaler.core.load.observation import Samples
from autoscaler.core.model import Metric, Question
from autoscaler.shell import exporters as exporters_module
from autoscaler.shell.exporters import Exporters, Target, parsed
from autoscaler.shell.source import SamplesError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Scrape = Callable[[], Awaitable[None]]

RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"

Values = dict[tuple[str, str], list[float]]


class Pages:
    """A server of metrics pages, and a file of scrape targets that names them."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.address = ""
        self.texts: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.slow = asyncio.Event()
        self.open = 0
        self.most_open = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.put_nowait(request.path)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            if request.path == "/slow":
                await self.slow.wait()
            text = self.texts.get(request.path_qs)
            headers = {"Content-Type": self.kinds.get(request.path, "text/plain; version=0.0.4")}
            return web.Response(status=503 if text is None else 200, text=text or "", headers=headers)
        finally:
            self.open -= 1

    def target(self, path: str, **labels: str) -> dict[str, Any]:
        return {"targets": [self.address], "labels": {"__metrics_path__": path, **labels}}

    def write(self, *groups: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(groups))


def play(folder: Path, scenario: Callable[[Pages, Exporters, Scrape], Awaitable[None]]) -> None:
    """Run `scenario` with pages, with who reads them, and with one round of reading."""

    async def with_server() -> None:
        pages = Pages(folder / "targets.json")
        app = web.Application()
        app.router.add_get("/{path:.*}", pages.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pages.address = f"127.0.0.1:{runner.addresses[0][1]}"
        exporters = Exporters(pages.file)
        try:
            async with asyncio.timeout(60), exporters_module._session() as session:
                await scenario(pages, exporters, lambda: exporters._scrape_all(session))
        finally:
            pages.slow.set()
            await runner.cleanup()

    asyncio.run(with_server())


async def answer(exporters: Exporters, question: Question | None = None) -> Samples:
    """Return what is answered, which is no error."""
    asked = question or Question()
    samples = (await exporters.samples([asked]))[asked]
    assert isinstance(samples, Samples)
    return samples


async def refusal(exporters: Exporters, question: Question | None = None) -> str:
    asked = question or Question()
    error = (await exporters.samples([asked]))[asked]
    assert isinstance(error, SamplesError)
    return str(error)


def values(samples: Samples) -> Values:
    """Return the loads of each place as long as they are fresh."""
    return {
        place: [load for load, fresh in zip(steps.loads, steps.fresh, strict=True) if fresh]
        for place, steps in samples.by_place.items()
    }


def test_each_page_is_told_under_the_labels_of_its_target(tmp_path: Path) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.write(
            pages.target("/a", namespace="ns", pod="a"), pages.target("/b", __param_of="x", namespace="ns", pod="b")
        )
        pages.texts = {
            "/a": f"# TYPE {RUNNING} gauge\n{RUNNING} 3\n{WAITING} 1.5\nother 9\n",
            "/b?of=x": f"{RUNNING} 7\n",
        }
        before = time.time()
        await scrape()
        samples = await answer(exporters)
        assert values(samples) == {("ns", "a"): [4.5], ("ns", "b"): [7.0]}
        assert all(before <= steps.times[0] <= time.time() for steps in samples.by_place.values())

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("labels", "page", "told"),
    [
        ({"namespace": "ns", "pod": "a"}, RUNNING + '{namespace="x",pod="y"} 1', {("ns", "a"): [1.0]}),
        ({}, RUNNING + '{namespace="x",pod="y"} 1\n' + RUNNING + '{namespace="x",pod="z"} 2', {("x", "y"): [1.0],
                                                                                              ("x", "z"): [2.0]}),
        ({"pod": "a", "namespace": ""}, RUNNING + '{namespace="x"} 1', {("x", "a"): [1.0]}),
        ({"pod": "a"}, RUNNING + " 1", {}),
    ],
)  # fmt: skip
def test_labels_of_a_target_win_and_those_of_a_page_fill_in(
    tmp_path: Path, labels: dict[str, str], page: str, told: Values
) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.write(pages.target("/a", **labels))
        pages.texts = {"/a": page}
        await scrape()
        assert values(await answer(exporters)) == told

    play(tmp_path, scenario)


def test_engines_and_models_of_a_page_are_series_of_their_own_and_times_may_stand_on_it(tmp_path: Path) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.write(pages.target("/a", namespace="ns", pod="a"))
        then = int(time.time()) - 10
        pages.texts = {
            "/a": f'{RUNNING}{{engine="0"}} 1\n{RUNNING}{{engine="1"}} 2\n{RUNNING}{{engine="1"}} 8\n'
            f'{WAITING}{{engine="0",model_name="m"}} 4 {then * 1000}\n'
        }
        await scrape()
        await scrape()
        samples = await answer(exporters)
        # The second of two samples at one time is passed over, in one page and in two.
        assert values(samples) == {("ns", "a"): [4.0, 3.0, 3.0]}
        assert samples.by_place["ns", "a"].times[0] == then

    play(tmp_path, scenario)


def test_what_is_no_number_is_not_measured(tmp_path: Path) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.write(pages.target("/a", namespace="ns", pod="a"), pages.target("/b", namespace="ns", pod="b"))
        pages.texts = {"/a": f"{RUNNING} NaN\n{WAITING} 2\n", "/b": f"{RUNNING} -1\n{WAITING} +Inf\n"}
        await scrape()
        assert values(await answer(exporters)) == {("ns", "a"): [], ("ns", "b"): []}

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("page", "kind", "said"),
    [
        (None, "text/plain", "answers 503 Service Unavailable"),
        (f"{RUNNING} 2\n", "text/html", "its Content-Type is text/html and must be text/plain"),
        (f"{RUNNING} 2\nno metrics here\n", "text/plain", "its page is not in Prometheus' text format: "),
        (f'{RUNNING} 2\na{{b="c", ="x"}} 1\n', "text/plain", "its page is not in Prometheus' text format: "),
        (f"{RUNNING} {'9' * 400}\n", "text/plain", "its page is not in Prometheus' text format: "),
    ],
)
def test_a_page_that_cannot_be_read_leaves_a_hole_and_is_told_once_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, page: str | None, kind: str, said: str
) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.write(pages.target("/a", namespace="ns", pod="a"), pages.target("/b", namespace="ns", pod="b"))
        pages.texts = {"/a": f"{RUNNING} 1\n", "/b": f"{RUNNING} 1\n"}
        await scrape()
        pages.kinds["/b"] = kind
        pages.texts = {"/a": f"{RUNNING} 1\n"} | ({} if page is None else {"/b": page})
        await scrape()
        await scrape()
        assert values(await answer(exporters))["ns", "b"] == [1.0]

    with caplog.at_level(logging.INFO):
        play(tmp_path, scenario)
    (line,) = caplog.records
    assert line.getMessage() == "a scrape target is away: its pod is not measured"
    assert f"/b: {said}" in vars(line)["error"]


def test_a_target_that_refuses_or_is_slow_costs_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporters_module, "_TIMEOUT_S", 0.5)

    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.write(
            pages.target("/a", namespace="ns", pod="a"),
            pages.target("/slow", namespace="ns", pod="slow"),
            {"targets": ["127.0.0.1:1"], "labels": {"namespace": "ns", "pod": "nobody"}},
        )
        pages.texts = {"/a": f"{RUNNING} 1\n", "/slow": f"{RUNNING} 1\n"}
        async with asyncio.timeout(10):
            await scrape()
        assert values(await answer(exporters)) == {("ns", "a"): [1.0]}

    with caplog.at_level(logging.WARNING):
        play(tmp_path, scenario)
    (line,) = caplog.records
    assert vars(line)["error"].startswith("2 of 3; the first: ")


def test_many_targets_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporters_module, "_MOST_SCRAPES", 3)
    monkeypatch.setattr(exporters_module, "_TIMEOUT_S", 60.0)

    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.write(*(pages.target("/slow", namespace="ns", pod=str(number)) for number in range(12)))
        pages.texts = {"/slow": f"{RUNNING} 1\n"}
        scraping = asyncio.ensure_future(scrape())
        for _ in range(3):
            await pages.asked.get()
        pages.slow.set()
        await scraping
        assert len((await answer(exporters)).by_place) == 12
        assert pages.most_open == 3

    play(tmp_path, scenario)


def test_the_file_is_followed_and_what_left_it_ends(tmp_path: Path) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.texts = {"/a": f"{RUNNING} 1\n", "/b": f"{RUNNING} 2\n"}
        pages.write(pages.target("/a", namespace="ns", pod="a"))
        await scrape()
        pages.write(pages.target("/b", namespace="ns", pod="b"))
        await scrape()
        await scrape()
        assert values(await answer(exporters)) == {("ns", "a"): [1.0], ("ns", "b"): [2.0, 2.0]}

    play(tmp_path, scenario)


def test_only_as_much_is_remembered_as_is_looked_at(tmp_path: Path) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        now = int(time.time())
        pages.write(pages.target("/a", namespace="ns", pod="a"))
        for value, age in enumerate((39, 20, 0)):
            pages.texts = {"/a": f"{RUNNING} {value} {(now - age) * 1000}\n"}
            await scrape()
        assert values(await answer(exporters)) == {("ns", "a"): [0.0, 1.0, 2.0]}
        exporters._forget(now + 1)
        assert values(await answer(exporters)) == {("ns", "a"): [1.0, 2.0]}
        exporters._forget(now - 10)  # the clock was set back
        assert values(await answer(exporters)) == {("ns", "a"): [1.0]}
        exporters._forget(now + 60)
        assert not exporters._series

    play(tmp_path, scenario)


def test_a_file_that_cannot_be_used_is_an_error_and_the_targets_known_last_stay(tmp_path: Path) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        assert (await refusal(exporters)).endswith("targets.json cannot be read: No such file or directory")
        pages.texts = {"/a": f"{RUNNING} 1\n"}
        pages.write(pages.target("/a", namespace="ns", pod="a"))
        await scrape()
        pages.file.write_text("[{")
        await scrape()
        assert (await refusal(exporters)).endswith("targets.json: Input data was truncated")
        pages.write(pages.target("/a", namespace="ns", pod="a"))
        assert values(await answer(exporters)) == {("ns", "a"): [1.0, 1.0]}

    play(tmp_path, scenario)


def test_a_page_answers_questions_about_its_own_server(tmp_path: Path) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.write(pages.target("/a", namespace="ns", pod="a"))
        then = int(time.time()) - 10
        for at, served in ((then, 10), (then + 2, 16)):
            pages.texts = {
                "/a": f"# TYPE tgi_request_count counter\ntgi_request_count {served} {at * 1000}\n"
                "# TYPE tgi_queue_size gauge\ntgi_queue_size 5\n"
                f"# TYPE :tensorflow:serving:request_count counter\n"
                f':tensorflow:serving:request_count{{status="OK"}} {2 * served} {at * 1000}\n'
            }
            await scrape()
        assert values(await answer(exporters, Question(Metric.RPS, "tgi"))) == {("ns", "a"): [3.0]}
        assert values(await answer(exporters, Question(Metric.RPS, "tf-serving"))) == {("ns", "a"): [6.0]}
        assert values(await answer(exporters, Question(preset="tgi"))) == {("ns", "a"): [5.0, 5.0]}
        assert values(await answer(exporters)) == {}

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (Question(preset="istio"), 'the preset "istio" needs a Prometheus; read from pages themselves: vllm, sglang, '),
        (Question(preset="none"), 'the preset "none" needs a Prometheus'),
        (Question(query="sum(up)"), "a query of its own needs a Prometheus: --prometheus-url instead of"),
    ],
)
def test_questions_that_pages_cannot_answer_are_told_and_cost_no_other(
    tmp_path: Path, question: Question, said: str
) -> None:
    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        pages.write(pages.target("/a", namespace="ns", pod="a"))
        pages.texts = {"/a": f"{RUNNING} 1\n"}
        await scrape()
        answers = await exporters.samples([question, Question()])
        assert isinstance(answers[question], SamplesError)
        assert isinstance(answers[Question()], Samples)
        assert (await refusal(exporters, question)).startswith(said)

    play(tmp_path, scenario)


def test_rounds_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporters_module, "_INTERVAL_S", 0.0)

    async def scenario(pages: Pages, exporters: Exporters, scrape: Scrape) -> None:
        del scrape
        pages.write(pages.target("/a", namespace="ns", pod="a"))
        pages.texts = {"/a": f"{RUNNING} 1\n"}
        running = asyncio.create_task(exporters.run())
        for _ in range(4):  # when the fourth page is asked for, three are read
            await pages.asked.get()
        assert len(values(await answer(exporters))["ns", "a"]) >= 3
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    play(tmp_path, scenario)


def test_targets_are_read_as_prometheus_reads_them() -> None:
    groups = [
        {"targets": ["h:1", "h:2", "h:1"]},
        {"targets": ["h:1"], "labels": {"pod": "p", "__metrics_path__": "m/x y", "__scheme__": "https", "empty": ""}},
        {"targets": ["h:1"], "labels": {"__param_b": "2", "__param_a": "&", "__other__": "dropped"}},
        {"labels": {"pod": "nobody's"}},
    ]
    assert parsed(json.dumps(groups).encode()) == (
        Target("http://h:1/metrics", ()),
        Target("http://h:1/metrics?a=%26&b=2", ()),
        Target("http://h:2/metrics", ()),
        Target("https://h:1/m/x%20y", (("pod", "p"),)),
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Input data was truncated"),
        (b"[] []", "JSON is malformed: trailing characters (byte 4)"),
        (b"{}", "Expected `array`, got `object`"),
        (b'[{"targets": "h:1"}]', "Expected `array`, got `str` - at `$[0].targets`"),
        (b'[{"targets": []}, {"labels": {"a": 1}}]', "Expected `str`, got `int` - at `$[1].labels[...]`"),
        (b'[{"target": ["h:1"]}]', "Object contains unknown field `target` - at `$[0]`"),
        (b'[{"targets": ["h:1", "http://h:2"]}]', '"http://h:2" must be HOST:PORT - at `$[0].targets[1]`'),
    ],
)
def test_a_file_in_another_format_is_told_with_the_place(content: bytes, said: str) -> None:
    with pytest.raises(ValueError) as problem:  # noqa: PT011  the whole message is compared
        parsed(content)
    assert str(problem.value) == said
