"""Where does a person watch? On a live screen, or line by line where there is no terminal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol, Self

from rich.live import Live

from plimsoll.demo.core.gpus import in_use, without_sharing
from plimsoll.demo.shell.view import screen
from plimsoll.drawing.times import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console

    from plimsoll.demo.core.picture import Change, Picture

_LINE_S = 15.0


class Screen(Protocol):
    """What the demo shows itself on."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def show(self, picture: Picture, changes: Iterable[Change]) -> None:
        """Show one moment, and what the autoscaler has decided anew."""


class LiveScreen:
    """The whole terminal, drawn anew at each moment; what stood there before comes back at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._on_terminal = console.is_terminal
        self._live = Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # a closed terminal has nothing to get back
            self._live.stop()

    def show(self, picture: Picture, changes: Iterable[Change]) -> None:  # noqa: ARG002  a protocol's signature
        """Draw one moment; decisions stand in it.

        Raises:
            KeyboardInterrupt: the terminal is closed: nobody looks any more.
        """
        try:
            closed = self._on_terminal and not self._console.is_terminal
            self._live.update(screen(picture), refresh=True)
        except OSError:
            closed = True
        if closed:
            raise KeyboardInterrupt


class Lines:
    """Plain lines: each decision, each new phase, and how things stand a few times a minute."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._phase = ""
        self._said_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, picture: Picture, changes: Iterable[Change]) -> None:
        """Say what is new."""
        at = clock(picture.at_s)
        for change in changes:
            step = f"stays at {change.after}" if change.before == change.after else f"{change.before} -> {change.after}"
            self._say(f"{at} {change.workload} {step}: {change.reason}")
        if picture.phase == self._phase and picture.at_s - self._said_s < _LINE_S:
            return
        self._phase, self._said_s = picture.phase, picture.at_s
        workloads = ", ".join(
            f"{name} {each.ready}/{each.desired} ready, load {each.stable or 0:.1f}"
            for name, each in sorted(picture.standings.items())
        )
        traffic = picture.traffic
        self._say(
            f"{at} [{picture.phase}] {workloads}; {traffic.per_s} requests/s, {traffic.in_flight} in flight, "
            f"{traffic.served} served, {traffic.failed} failed; "
            f"{in_use(picture.nodes)} GPUs in use ({without_sharing(picture.nodes)} without sharing)"
        )
