"""Where do samples come from? From one source, whichever it is; it answers with what was measured, or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from autoscaler.core.observation import Samples


class SamplesError(Exception):
    """The source of samples refused, or did not answer."""


class Source(Protocol):
    """Where the load of all pods is read."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    async def samples(self) -> Samples:
        """Return the newest samples of the load of every pod.

        Raises:
            SamplesError: there was no usable answer in time.
        """

    async def run(self) -> None:
        """Do what goes on between two questions."""
