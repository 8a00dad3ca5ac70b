"""How many pods of one shape could be placed now, where they are members of a gang? Nothing changes by the question.

As long as a gang is not whole, as many of its members as are missing are placed at once, or none is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.fits import Fits
from extender.core.within_quota import fits_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.model import Ask, Shape
    from extender.core.scheduling import Scheduling
    from kube.taints import Toleration


def fits_at_once(  # noqa: PLR0913  what is asked, and how many
    scheduling: Scheduling,
    ask: Ask | None,
    shape: Shape,
    most: int,
    *,
    gang: tuple[str, int] | None,
    tolerations: Sequence[Toleration] = (),
) -> Fits:
    """Return how many pods fit, at most `most`, as `fits_within`; `gang`: its name, and how many it needs at once.

    A gang of which nobody says in which namespace (`ask` None) is taken for a new one.
    """
    needed = 0 if gang is None else scheduling.gangs.missing(ask.namespace if ask else "", *gang)
    found = fits_within(scheduling, ask, shape, max(most, needed), tolerations=tolerations)
    if found.count >= needed:
        return found if found.count < most else Fits(most)
    assert gang is not None  # noqa: S101  nothing else needs any
    return Fits(0, f"gang {gang[0]}: {needed} pods needed at once, {found.count} fit; {found.reason}")
