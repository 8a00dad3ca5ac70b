"""How does one moment look on a terminal? Workloads, the GPU map, Events and the load, on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from plimsoll.demo.core.gpus import in_use, runs, without_sharing
from plimsoll.demo.core.story import TRAINING, WORKLOADS
from plimsoll.drawing.times import clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from plimsoll.demo.core.gpus import GpuNode
    from plimsoll.demo.core.picture import Notice, Picture, Standing

_COLOURS = {"chat": "bright_blue", "embed": "yellow", TRAINING.name: "magenta"}
_MODES = {"stable": "green", "panic": "bold red", "held": "bold yellow"}
_BAR = 8  # cells of a device: an eighth of a GPU each
_SHARES = {workload.name: f"{workload.milli / 1000:g}" for workload in WORKLOADS}


def screen(picture: Picture) -> Layout:
    """Return the whole screen for one moment."""
    layout = Layout()
    layout.split_column(
        Layout(_header(picture), name="header", size=1),
        Layout(Panel(_workloads(picture), title="Workloads", title_align="left"), size=2 + 3 * len(WORKLOADS)),
        Layout(
            Panel(_gpus(picture.nodes), title=_gpu_title(picture.nodes), title_align="left"),
            size=3 + len(picture.nodes),
        ),
        Layout(Panel(_events(picture.notices), title="Events, the newest first", title_align="left"), name="events"),
    )
    return layout


def _header(picture: Picture) -> Table:
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(ratio=1)
    line.add_column(justify="right")
    traffic = picture.traffic
    left = Text.assemble(
        (" Plimsoll ", "bold reverse"),
        (f" {picture.phase} ", "bold"),
        f"{clock(picture.at_s)}, {clock(picture.left_s)} left",
    )
    right = Text.assemble(
        (f"{traffic.per_s} req/s", "bold"),
        f"  {traffic.in_flight} open  {traffic.served} served  ",
        (f"{traffic.failed} failed", "bold red" if traffic.failed else ""),
    )
    line.add_row(left, right)
    return line


def _workloads(picture: Picture) -> RenderableType:
    rows = []
    for workload in WORKLOADS:
        standing = picture.standings.get(workload.name)
        if standing is None:
            rows.append(Text(f"{workload.name}: no decision yet", style="dim"))
            continue
        rows += [_workload(standing), _replicas(standing, workload.most)]
        rows.append(Text(f"  {standing.reason}", style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*rows)


def _workload(standing: Standing) -> Text:
    return Text.assemble(
        (f"{standing.name:<6}", f"bold {_COLOURS[standing.name]}"),
        (f"{standing.ready:>3} ready of {standing.desired:<3}", "bold"),
        (f"{standing.mode:<7}", _MODES.get(standing.mode, "")),
        f" concurrency {_load(standing.stable)} stable, {_load(standing.panic)} panic window",
        no_wrap=True,
        overflow="ellipsis",
    )


def _replicas(standing: Standing, most: int) -> Text:
    """One block for each replica: filled where it is ready, light where it is wanted, a dot up to the most."""
    wanted = max(standing.ready, standing.desired)
    return Text.assemble(
        "  ",
        ("■ " * standing.ready, _COLOURS[standing.name]),
        ("□ " * (wanted - standing.ready), _COLOURS[standing.name]),
        ("· " * (most - wanted), "dim"),
        no_wrap=True,
    )


def _load(concurrency: float | None) -> str:
    return "    -" if concurrency is None else f"{concurrency:5.1f}"


def _gpu_title(nodes: Iterable[GpuNode]) -> str:
    nodes = tuple(nodes)
    return f"GPUs: {in_use(nodes)} in use; whole ones for the same pods would be {without_sharing(nodes)}"


def _gpus(nodes: Iterable[GpuNode]) -> RenderableType:
    rows = []
    for node in nodes:
        row = Text(f"{node.name:<10} ", no_wrap=True, overflow="crop")
        for shares in node.devices:
            for workload, count in runs(shares, _BAR):
                if workload:
                    # The letter marks where a pod begins, and tells workloads apart where colours cannot.
                    row.append(workload[0].ljust(count), style=f"black on {_COLOURS.get(workload, 'white')}")
                else:
                    row.append("·" * count, style="dim")
            row.append("  ")
        rows.append(row)
    legend = Text(" " * 11, no_wrap=True)
    for name, colour in _COLOURS.items():
        share = f"{_SHARES[name]} GPU" if name in _SHARES else f"{TRAINING.gpus} GPUs"
        legend.append(f" {name[0]} ", style=f"black on {colour}")
        legend.append(f" {name}, {share}   ", style="dim")
    return Group(*rows, legend)


def _events(notices: Iterable[Notice]) -> RenderableType:
    return Group(*map(_event, reversed(tuple(notices))))


def _event(notice: Notice) -> Text:
    # Many messages name their object themselves.
    named = notice.about.rpartition("/")[2] in notice.message
    return Text.assemble(
        (f"{clock(notice.at_s):>5} ", "dim"),
        (notice.reason, "bold red" if notice.warning else "bold"),
        f" {notice.message}" if named else f" {notice.about}: {notice.message}",
        no_wrap=True,
        overflow="ellipsis",
    )
