"""Where do samples come from? From one source, whichever it is; it answers with what was measured, or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from autoscaler.core.load.observation import Samples
    from autoscaler.core.model import Question


class SamplesError(Exception):
    """The source of samples refused, or did not answer; the message is a sentence for a person."""


class Source(Protocol):
    """Where the load of all workloads is read."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    async def samples(self, asked: Collection[Question]) -> Mapping[Question, Samples | SamplesError]:
        """Return the newest samples that answer each question, or why there are none.

        Every question has an entry, and one that fails costs the others nothing. It takes less than a tick.
        """

    async def run(self) -> None:
        """Do what goes on between two questions."""
