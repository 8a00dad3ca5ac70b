"""How many pods of one shape could be placed now within their project's quota? Nothing changes by the question.

A share in MiB is charged by the least GPU that the pods accept until each has its place, so that there may be more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from extender.core.fits import Fits, fits
from extender.core.quota.projects import Unauthorised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extender.core.model import Ask, Shape
    from extender.core.quota.quota import Quota
    from extender.core.scheduling import Scheduling
    from kube.taints import Toleration

_FULL = "project {project}: its quota of {model} has no room for more"


def fits_within(
    scheduling: Scheduling, ask: Ask | None, shape: Shape, most: int, *, tolerations: Sequence[Toleration] = ()
) -> Fits:
    """Return how many pods fit, at most `most`; `ask`: what each asks of its project, None where nobody looks at it."""

    def on(shape: Shape, most: int) -> Fits:
        return fits(scheduling.ledger, shape, most, scheduling.left_out, tolerations)

    quota = scheduling.quota
    refusal = None if ask is None else quota.refusal(ask)
    if ask is None or refusal is not None:
        return on(shape, most) if refusal is None else Fits(0, str(refusal))
    allowed = min(most, allowed_by(quota, ask, most))
    caps = {model: cap for model, cap in caps_of(quota, ask).items() if cap < allowed}
    if not caps:
        found = on(shape, allowed)
    else:
        accepted = [model for model in scheduling.ledger.models if not shape.models or model in shape.models]
        others = tuple(sorted(model for model in accepted if model not in caps))
        found = on(replace(shape, models=others), allowed) if others else Fits(0)
        count, why = found.count, [found.reason] if found.reason else []
        for model, cap in caps.items():
            here = on(replace(shape, models=(model,)), cap) if cap else Fits(0)
            count += here.count
            why.append(here.reason or _FULL.format(project=quota.project_of(ask), model=model))
        found = Fits(min(count, allowed), "; ".join(why))
    if found.count < allowed or allowed == most:
        return found if found.count < most else Fits(most)
    return Fits(allowed, str(quota.over(quota.project_of(ask), [ask] * (allowed + 1))))


def allowed_by(quota: Quota, ask: Ask, most: int) -> int:
    """Return how many pods the quota of their project has room for, `most` where it sets no bound."""
    standing = quota.standing(ask)
    price = quota.asked(ask)
    if isinstance(standing, Unauthorised) or standing.project is None or not standing.limited or not price:
        return most
    room = quota.room(standing.project.name)
    assert room is not None  # noqa: S101  every project has a quota of its own
    return max(0, room // price)


def caps_of(quota: Quota, ask: Ask) -> dict[str, int]:
    """Return how many pods the quota of each model has room for that has one, by model."""
    standing = quota.standing(ask) if quota.projects else None
    if standing is None or isinstance(standing, Unauthorised) or standing.project is None or not standing.limited:
        return {}
    caps = {}
    for model, _ in standing.project.models:
        room, price = quota.room(standing.project.name, model), quota.asked(ask, model)
        if room is not None and price and (not ask.models or model in ask.models):
            caps[model] = max(0, room // price)
    return caps
