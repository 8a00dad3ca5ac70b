"""What is written on a pod with its Binding, beside our own annotations? What the node's backend reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from extender.core.ledger.nodes import Backend
from extender.shell.enforcement import hami, none, nvfractions

if TYPE_CHECKING:
    from extender.core.answers import BindTo


def written(asked: BindTo, now: int) -> dict[str, str]:
    """Return the annotations of a Binding at `now` seconds since 1970."""
    match asked.grant.backend:
        case Backend.NVFRACTIONS:
            return nvfractions.written(asked.grant)
        case Backend.HAMI:
            return hami.written(asked.grant, asked.node, now)
        case Backend.NONE:
            return none.written()
        case unknown:
            assert_never(unknown)
