"""How scarce is each model? The demand of those pods that name their models, over what there is of them.

Pods that may run anywhere should leave a scarce model alone while there is room elsewhere; nothing is reserved for
certain, and no pod is refused for it. Demand is what the pods seen would ask for if together they asked for the whole
cluster; a pod that accepts several models counts for each in proportion to how much there is of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.packing.typical import milli_asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from extender.core.model import Shape

_MOST = 2000
_BITS = 16  # parts of a pod's demand are kept in 2^16ths of a milli-GPU: integers add up the same in any order


def pressure(seen: Iterable[tuple[Shape, int]], there: Mapping[str, int]) -> dict[str, int]:
    """Return the pressure on each model, in thousandths: 1000 where as much is asked for by name as there is.

    `seen`: shapes and how much each counts; `there`: milli-GPU of each model. At most 2000.
    """
    asked = dict.fromkeys(there, 0)
    demand = 0
    for shape, count in seen:
        milli = milli_asked(shape) * count
        demand += milli
        named = [model for model in shape.models if there.get(model)]
        among = sum(there[model] for model in named)
        for model in named:
            asked[model] += (milli * there[model] << _BITS) // among
    if not demand:
        return dict.fromkeys(there, 0)
    cluster = sum(there.values())
    return {
        model: min((asked[model] * cluster * 1000 // (demand * milli)) >> _BITS, _MOST) if milli else 0
        for model, milli in there.items()
    }
