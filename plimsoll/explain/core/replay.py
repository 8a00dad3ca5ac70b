"""Does a recorded decision come out the same again? Said of every record, with what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.core.decisions.record import replayed
from plimsoll.explain.core.times import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from autoscaler.core.decisions.record import Difference, Record
    from autoscaler.core.model import Decision, Inputs


def again(records: Iterable[Record], decide: Callable[[Inputs], Decision]) -> tuple[bool, str]:
    """Decide every record again; return whether all came out the same, and what to say."""
    same, lines = True, []
    for record in records:
        decision = record.decision
        difference = replayed(record, decide)
        about = f"{record.key} ({record.key.kind}) at {utc(decision.inputs.at_ms)}"
        if difference is None:
            lines.append(f"{about}: the same again, {decision.desired} replicas")
        else:
            same = False
            lines += (f"{about}: not the same again", *_differing(difference))
    return same, "\n".join(lines)


def _differing(difference: Difference) -> Iterator[str]:
    width = max(map(len, difference.fields))
    for name in difference.fields:
        recorded, now = (_value(getattr(each, name)) for each in (difference.recorded, difference.again))
        yield f"  {name:<{width}}  recorded {recorded}, now {now}"


def _value(value: object) -> str:
    word = getattr(value, "value", value)
    return "nothing" if word is None else f'"{word}"' if isinstance(value, str) else str(word)
