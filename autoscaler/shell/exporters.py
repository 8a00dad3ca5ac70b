"""What do the metrics pages themselves say about the load, where no Prometheus reads them? Each is read every second.

For a first look and small tests, and for presets whose series belong to pods. What is told is what Prometheus would
tell, though the parser is laxer than Prometheus' own (it takes lines that begin with a blank or end with a carriage
return):
- A sample bears the time of its scrape, unless its page gives it one.
- The labels of a target win over those on its page.
- A page counts whole or not at all; a scrape that fails leaves a hole, and is no zero.
- The series of a target that is gone end; what they said before stays until it is too old to be looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.core.load.gathering import gather
from autoscaler.core.load.presets import PRESETS
from autoscaler.core.load.queries import Selection
from autoscaler.core.model import Metric, Signal
from autoscaler.shell.source import SamplesError
from kube.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from autoscaler.core.load.observation import Samples
    from autoscaler.core.model import Question

_log = logging.getLogger("autoscaler")

_INTERVAL_S = 1.0
_LOOKBACK_S = 40.0
_TIMEOUT_S = 0.8  # of a scrape, its wait for a place included: every round is over before the next
_MOST_SCRAPES = 64  # at once
_MEDIA_TYPE = "text/plain"
_ACCEPT = {"Accept": f"{_MEDIA_TYPE};version=0.0.4"}
_PARAMETER = "__param_"
_OF_PODS = {name: preset for name, preset in PRESETS.items() if preset.by_key is None}
_READ = frozenset(
    term.metric
    for preset in _OF_PODS.values()
    for terms in (*map(preset.terms, Metric), *map(preset.latency_terms, Signal))
    for term in terms
)

_Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One metrics page, and the labels of all that it says."""

    url: str
    labels: _Labels


@dataclass(frozen=True, slots=True)
class _SeriesKey:
    target: Target
    metric: str
    labels: _Labels


class Exporters:
    """The metrics pages of all targets in a file; `run` reads them, `samples` tells what they said."""

    name = "the file of scrape targets"

    def __init__(self, file: Path) -> None:
        self._file = file
        self._content: bytes | None = None
        self._targets: tuple[Target, ...] = ()
        self._series: dict[_SeriesKey, deque[tuple[float, float]]] = {}
        self._outage = Outage("a scrape target", "its pod is not measured", _log)

    async def samples(self, asked: Collection[Question]) -> Mapping[Question, Samples | SamplesError]:
        """Return the newest samples that answer each question, or why there are none."""
        try:
            self._follow_file()
        except SamplesError as error:
            return dict.fromkeys(asked, error)
        return {question: self._answer(question) for question in asked}

    def _answer(self, question: Question) -> Samples | SamplesError:
        if question.query:
            return SamplesError("a query of its own needs a Prometheus: --prometheus-url instead of --scrape-targets")
        if question.preset not in _OF_PODS:
            return SamplesError(
                f'the preset "{question.preset}" needs a Prometheus; read from pages themselves: {", ".join(_OF_PODS)}'
            )
        selection = Selection.of(question)
        metrics = {term.metric for term in selection.terms}
        told = ((_labels(key), tuple(kept)) for key, kept in self._series.items() if key.metric in metrics)
        return gather(selection, told)

    async def run(self) -> None:
        """Scrape every target every second, without end."""
        async with _session() as session:
            next_round = time.monotonic()
            while True:
                await self._scrape_all(session)
                next_round = max(next_round + _INTERVAL_S, time.monotonic())
                await asyncio.sleep(next_round - time.monotonic())

    def _follow_file(self) -> None:
        """Take the targets over where the file has changed; those known last stay where it cannot be used.

        Raises:
            SamplesError: it cannot be used.
        """
        try:
            content = self._file.read_bytes()
        except OSError as error:
            raise SamplesError(f"the scrape targets {self._file} cannot be read: {error.strerror}") from error
        if content == self._content:
            return
        try:
            self._targets = parsed(content)
        except ValueError as error:
            raise SamplesError(f"the scrape targets {self._file}: {error}") from error
        self._content = content

    async def _scrape_all(self, session: aiohttp.ClientSession) -> None:
        with contextlib.suppress(SamplesError):  # who asks for samples is told
            self._follow_file()
        targets = self._targets
        troubles = list(filter(None, await asyncio.gather(*(self._scrape(session, target) for target in targets))))
        self._forget(time.time())
        if troubles:
            self._outage.failed(f"{len(troubles)} of {len(targets)}; the first: {troubles[0]}"[:500])
        else:
            self._outage.ended()

    async def _scrape(self, session: aiohttp.ClientSession, target: Target) -> str | None:
        """Take one page over; return what is wrong with it, None where nothing is."""
        began = time.time()
        try:
            async with session.get(target.url) as answer:
                page = await answer.read()
        except TimeoutError:
            return f"{target.url}: no whole page within {_TIMEOUT_S} s"
        except aiohttp.ClientError as error:
            return f"{target.url}: {error}"
        if answer.status != 200:
            return f"{target.url}: answers {answer.status} {answer.reason}"
        if answer.content_type != _MEDIA_TYPE:
            return f"{target.url}: its Content-Type is {answer.content_type} and must be {_MEDIA_TYPE}"
        try:
            found = tuple(self._load_on(page.decode(), target, began))
        except Exception as error:  # noqa: BLE001  on a malformed page the parser fails in many ways
            return f"{target.url}: its page is not in Prometheus' text format: {error!r}"
        for key, at, value in found:
            kept = self._series.setdefault(key, deque())
            if not kept or at > kept[-1][0]:  # of two samples at one time the first stays
                kept.append((at, value))
        return None

    def _load_on(self, page: str, target: Target, began: float) -> Iterator[tuple[_SeriesKey, float, float]]:
        """Yield the samples of the load on a page."""
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                # The parser gives every counter this ending; few servers do.
                name = sample.name.removesuffix("_total") if family.type == "counter" else sample.name
                metric = sample.name if sample.name in _READ else name
                if metric in _READ:
                    labels = tuple(sorted((name, value) for name, value in sample.labels.items() if value))
                    at = began if sample.timestamp is None else float(sample.timestamp)
                    yield _SeriesKey(target, metric, labels), at, float(sample.value)

    def _forget(self, now: float) -> None:
        """Drop what nobody looks at: what is too old and, after a clock was set back, what has not happened yet."""
        for key, kept in list(self._series.items()):
            while kept and kept[0][0] <= now - _LOOKBACK_S:
                kept.popleft()
            while kept and kept[-1][0] > now:
                kept.pop()
            if not kept:
                del self._series[key]


def _session() -> aiohttp.ClientSession:
    connector, timeout = aiohttp.TCPConnector(limit=_MOST_SCRAPES), aiohttp.ClientTimeout(_TIMEOUT_S)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, headers=_ACCEPT)


def _labels(key: _SeriesKey) -> dict[str, str]:
    return dict(key.labels) | dict(key.target.labels) | {"__name__": key.metric}


class _Group(msgspec.Struct, forbid_unknown_fields=True):
    """A group of targets as the file has it, in Prometheus' file_sd format."""

    targets: list[str] = []
    labels: dict[str, str] = {}


def parsed(content: bytes) -> tuple[Target, ...]:
    """Return the targets in a file of Prometheus' file_sd format, in order, each once.

    Raises:
        ValueError: it is not in that format; the message names the place.
    """
    targets = {
        _target(address, group.labels, f"$[{number}].targets[{place}]")
        for number, group in enumerate(msgspec.json.decode(content, type=list[_Group]))
        for place, address in enumerate(group.targets)
    }
    return tuple(sorted(targets))


def _target(address: str, labels: dict[str, str], place: str) -> Target:
    if not address or "/" in address:
        raise ValueError(f'"{address}" must be HOST:PORT - at `{place}`')
    scheme, path = labels.get("__scheme__") or "http", labels.get("__metrics_path__") or "/metrics"
    parameters = urlencode(
        sorted((name.removeprefix(_PARAMETER), value) for name, value in labels.items() if name.startswith(_PARAMETER))
    )
    url = f"{scheme}://{address}/{quote(path.removeprefix('/'))}"
    told = tuple(sorted((name, value) for name, value in labels.items() if value and not name.startswith("__")))
    return Target(f"{url}?{parameters}" if parameters else url, told)
