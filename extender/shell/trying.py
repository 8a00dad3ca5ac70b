"""When is what was tried tried again? What is refused waits twice as long each time: it may be refused for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_CARRIED_OUT_S = 1.0  # until what came of it is seen by the watch


@dataclass(slots=True)
class Trying:
    """What was tried, each with when it may be tried again and how long it waited; times in seconds."""

    _until: dict[Hashable, tuple[float, float]] = field(default_factory=dict)

    def is_due(self, what: Hashable, now: float) -> bool:
        """Tell whether something may be tried now."""
        return self._until.get(what, (now, 0.0))[0] <= now

    def was_refused(self, what: Hashable) -> bool:
        """Tell whether the last try was not done, as far as anybody knows."""
        return self._until.get(what, (0.0, 0.0))[1] > 0.0

    def carried_out(self, what: Hashable, now: float) -> None:
        """Take note that it was done."""
        self._until[what] = (now + _CARRIED_OUT_S, 0.0)

    def refused(self, what: Hashable, now: float) -> None:
        """Take note that it was not done, as far as anybody knows."""
        _, before = self._until.get(what, (now, 0.0))
        pause_s = min(2 * before, _LONGEST_PAUSE_S) or _FIRST_PAUSE_S
        self._until[what] = (now + pause_s, pause_s)

    def forget(self, now: float) -> None:
        """Forget what has not been tried for so long that it will hardly be tried again."""
        self._until = {what: at for what, at in self._until.items() if at[0] + _LONGEST_PAUSE_S > now}

    def __len__(self) -> int:
        return len(self._until)
