"""What does one tick see? A look at each workload, and all of them as columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autoscaler.core.decisions.decision import NO_BOUND, placeable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from autoscaler.core.load.observation import Samples
    from autoscaler.core.load.queries import Place
    from autoscaler.core.model import Placement, Policy, Signal


@dataclass(frozen=True, slots=True)
class Look:
    """What one tick sees of one workload.

    `current` replicas asked for, `ready` ones and those that are `starting`; `samples` is the answer to its question
    (`NO_SAMPLES`: there was none) and `places` where its load is counted in it; `signals` are the answers about what is
    measured beside it (`model.signals`); `hold`, `leave` and `observed` as in `model.Inputs`; `placement` what is known
    of places for it, None where its policy has no use for that; `remembered` what a restart needs besides what the law
    remembers, numbers above 0 by name.
    """

    current: int
    ready: int
    samples: Samples
    places: Sequence[Place]
    hold: str = ""
    leave: str = ""
    observed: str = ""
    starting: int = 0
    signals: Mapping[Signal, Samples] = field(default_factory=dict)
    placement: Placement | None = None
    remembered: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    """What one tick sees of all rows, in the columns of `decision.Given`; a row that nobody looks at is left.

    int64: `current`, `ready`, `starting` (0 where they do not count) and `placeable`. bool: `held`, `left`, `observed`.
    """

    current: NDArray[np.int64]
    ready: NDArray[np.int64]
    starting: NDArray[np.int64]
    placeable: NDArray[np.int64]
    held: NDArray[np.bool_]
    left: NDArray[np.bool_]
    observed: NDArray[np.bool_]

    @classmethod
    def of(cls, looks: Mapping[int, Look], policies: Sequence[Policy]) -> Looked:
        """Return the looks at some rows as columns of all, of which these are the policies."""
        count = len(policies)
        current, ready, starting = (np.zeros(count, dtype=np.int64) for _ in range(3))
        held, observed, left = (*np.zeros((2, count), dtype=np.bool_), np.ones(count, dtype=np.bool_))
        places = np.full(count, NO_BOUND)
        for row, look in looks.items():
            current[row], ready[row] = look.current, look.ready
            if policies[row].count_starting_replicas:
                starting[row] = look.starting
            held[row], left[row], observed[row] = bool(look.hold), bool(look.leave), bool(look.observed)
            if look.placement is not None:
                places[row] = placeable(look.placement)
        return cls(current, ready, starting, places, held, left, observed)
