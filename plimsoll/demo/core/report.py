"""What does a person keep of a run? One HTML file that needs nothing else: numbers, charts, decisions, Events."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from plimsoll.demo.core.gpus import WHOLE, in_use, without_sharing
from plimsoll.demo.core.style import CSS
from plimsoll.demo.core.summary import percentile
from plimsoll.drawing.chart import Band, Line, chart
from plimsoll.drawing.times import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plimsoll.demo.core.gpus import GpuNode
    from plimsoll.demo.core.picture import History, Picture
    from plimsoll.demo.core.summary import Summary

_LATENCY_S = 5


def report(history: History, summary: Summary, *, load: str) -> str:
    """Return the page; `load` says where the arrivals came from."""
    pictures = history.pictures
    busiest = max(pictures, key=lambda picture: (in_use(picture.nodes), without_sharing(picture.nodes)))
    there = float(summary.gpus_there)
    intro = f"{load}; {clock(summary.seconds)} minutes on {len(busiest.nodes)} nodes with {summary.gpus_there} GPUs."
    parts = [
        f"<h1>Plimsoll demo</h1><p>{escape(intro)}</p>",
        _tiles(summary),
        _requests(summary),
        chart(
            "Requests sent per second",
            [Line("all workloads", "all", tuple((each.at_s, float(each.traffic.per_s)) for each in pictures))],
            seconds=summary.seconds,
        ),
        chart(
            f"Latency in seconds, p95 of the requests sent in {_LATENCY_S} seconds",
            [Line(name, escape(name), _latencies(name, history)) for name in summary.replicas],
            seconds=summary.seconds,
        ),
        *(_workload(name, pictures, summary.seconds) for name in summary.replicas),
        "<h2>GPUs</h2>",
        chart(
            "GPUs in use",
            [
                Line("with shared GPUs", "used", _per_picture(pictures, summary.gpus.values), steps=True),
                Line(
                    "the same pods on whole GPUs",
                    "without dashed",
                    _per_picture(pictures, summary.gpus_without.values),
                    steps=True,
                ),
                Line("GPUs of the cluster", "there thin", ((0.0, there), (summary.seconds, there))),
            ],
            seconds=summary.seconds,
        ),
        _gpus(busiest),
        _decisions(history),
        _events(history),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Plimsoll demo</title>'
        f"<style>{CSS}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _tiles(summary: Summary) -> str:
    served = sum(each.served for each in summary.requests)
    failed = sum(each.failed for each in summary.requests)
    saved = summary.gpus_without.peak - summary.gpus.peak
    tiles = [
        (f"{served:,}", "requests served"),
        (f"{failed:,}", "failed"),
        *(
            (f"{series.values[0]:g} → {series.peak:g}", f"replicas of {name}")
            for name, series in summary.replicas.items()
        ),
        (f"{summary.gpus.peak:g} of {summary.gpus_there}", "GPUs at the peak"),
        (f"{saved:g}", "GPUs saved by sharing, at the peak"),
    ]
    return f'<div class="tiles">{"".join(f"<div><b>{value}</b>{escape(what)}</div>" for value, what in tiles)}</div>'


def _requests(summary: Summary) -> str:
    rows = [
        (each.workload, f"{each.served:,}", f"{each.failed:,}", _seconds(each.p50_s), _seconds(each.p95_s))
        for each in summary.requests
    ]
    return _table(("workload", "served", "failed", "latency p50", "latency p95"), rows)


def _workload(name: str, pictures: Sequence[Picture], seconds: float) -> str:
    standings = [(picture.at_s, picture.standings[name]) for picture in pictures if name in picture.standings]
    ready = tuple((at_s, float(each.ready)) for at_s, each in standings)
    desired = tuple((at_s, float(each.desired)) for at_s, each in standings)
    stable = tuple((at_s, each.stable) for at_s, each in standings if each.stable is not None)
    panic = tuple((at_s, each.panic) for at_s, each in standings if each.panic is not None)
    bands = list(_panics([(at_s, each.mode == "panic") for at_s, each in standings]))
    colour = escape(name)
    return (
        f"<h2>{escape(name)}</h2>"
        + chart(
            "Replicas",
            [
                Line("desired", f"{colour} dashed", desired, steps=True),
                Line("ready", colour, ready, steps=True),
            ],
            seconds=seconds,
            bands=bands,
        )
        + chart(
            "Concurrency: requests being served or waiting, averaged by the autoscaler",
            [Line("panic window", f"{colour} thin", panic), Line("stable window", colour, stable)],
            seconds=seconds,
            bands=bands,
        )
        + (
            '<p class="note"><span class="key panic"></span>panic: the autoscaler only adds replicas</p>'
            if bands
            else ""
        )
    )


def _latencies(workload: str, history: History) -> tuple[tuple[float, float], ...]:
    """Return the p95 latency for each `_LATENCY_S` seconds in which requests were sent and served."""
    groups: dict[int, list[float]] = {}
    for answer in history.answers:
        if answer.workload == workload and answer.served:
            groups.setdefault(int(answer.sent_s // _LATENCY_S), []).append(answer.latency_s)
    return tuple(
        ((group + 0.5) * _LATENCY_S, percentile(latencies, 0.95) or 0.0) for group, latencies in sorted(groups.items())
    )


def _panics(modes: Iterable[tuple[float, bool]]) -> Iterable[Band]:
    start: float | None = None
    last = 0.0
    for at_s, panics in modes:
        if panics and start is None:
            start = at_s
        elif not panics and start is not None:
            yield Band(start, at_s, "panic")
            start = None
        last = at_s
    if start is not None:
        yield Band(start, last, "panic")


def _per_picture(pictures: Sequence[Picture], values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    return tuple((picture.at_s, value) for picture, value in zip(pictures, values, strict=True))


def _gpus(picture: Picture) -> str:
    """Draw the devices at one moment; each pod as wide as its share."""
    rows = "".join(
        f"<tr><th>{escape(node.name)}</th>{''.join(_device(index, node) for index in range(len(node.devices)))}</tr>"
        for node in picture.nodes
    )
    return (
        f"<figure><figcaption><b>At the busiest moment, {clock(picture.at_s)}</b></figcaption>"
        f'<div class="scroll"><table class="gpus">{rows}</table></div></figure>'
    )


def _device(index: int, node: GpuNode) -> str:
    shares = "".join(
        f'<i class="{escape(share.workload)}" style="width:{share.milli * 100 / WHOLE:g}%" '
        f'title="{escape(share.pod)}: {share.milli / WHOLE:g} GPU">{escape(share.workload)}</i>'
        for share in node.devices[index]
    )
    return f'<td><div title="GPU {index}">{shares}</div></td>'


def _decisions(history: History) -> str:
    rows = [
        (clock(each.at_s), each.workload, f"{each.before} → {each.after}", each.mode, each.reason)
        for each in history.changes
    ]
    return f"<h2>Decisions</h2>{_table(('at', 'workload', 'replicas', 'mode', 'reason'), rows)}"


def _events(history: History) -> str:
    rows = [(clock(each.at_s), each.reason, each.about, each.message) for each in history.notices]
    table = _table(("at", "reason", "about", "message"), rows)
    return f"<details><summary>All {len(rows)} Events of Kubernetes</summary>{table}</details>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f} s"
