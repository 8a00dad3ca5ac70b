"""How often do we speak of an outside that is away? When it goes, once a minute meanwhile, and when it is back.

One that comes and goes is spoken of once a minute too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

_PAUSE_S = 60.0


class Outage:
    """The state of one outside, fed with each failure and each success.

    `meanwhile` says what happens as long as it is away, for whoever reads the log at night.
    """

    def __init__(
        self, what: str, meanwhile: str, log: logging.Logger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._meanwhile = meanwhile
        self._log = log
        self._clock = clock
        self._since: float | None = None
        self._said_at: float | None = None
        self._said_away = False

    def failed(self, why: str) -> None:
        """Take note of a failure."""
        now = self._clock()
        if self._since is None:
            self._since = now
        if self._said_at is not None and now - self._said_at < _PAUSE_S:
            return
        self._said_at, self._said_away = now, True
        self._log.warning(
            "%s is away: %s", self._what, self._meanwhile, extra={"error": why, "away_s": round(now - self._since)}
        )

    def ended(self) -> None:
        """Take note of a success."""
        if self._since is not None and self._said_away:
            self._log.info("%s is back", self._what, extra={"away_s": round(self._clock() - self._since)})
            self._said_away = False
        self._since = None

    def hear(self, error: Exception | None) -> None:
        """Take note of an error, or of a success."""
        if error is None:
            self.ended()
        else:
            self.failed(str(error))
