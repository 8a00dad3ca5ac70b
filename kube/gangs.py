"""Of which gang is a pod a member, and where did its plan put it? The words that users and Plimsoll write on a pod.

A gang is the pods of one namespace with the same label: at least so many of them, as each member's annotation says, are
placed at once, or none holds anything. Until then a gate holds them back from scheduling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kube.gpus import WHOLE, Malformed, MilliGpu, Placement, is_device

GANG = "plimsoll.dev/gang"
"""The label with the gang's name; the gate that holds a member back is called the same."""
LEAST = "plimsoll.dev/gang-min"
"""The annotation that says how many members must be placed at once."""
PLAN = "plimsoll.dev/gang-plan"
"""The annotation in which a plan is written: node, devices, and milli-GPU of each."""
WHOLE_ONCE = "plimsoll.dev/gang-whole"
"""The annotation of a bound member whose gang had its minimum bound once."""
SHOWN = "plimsoll.dev/gang-shown"
"""The annotation of a member that was let go without a plan, for node autoscalers to see."""

MOST_MEMBERS = 10_000
_NUMBER = re.compile(r"[0-9]{1,5}")
_RULE = f"a whole number from 1 to {MOST_MEMBERS}"


@dataclass(frozen=True, slots=True)
class Planned:
    """A place that a plan gives to a pod."""

    node: str
    placement: Placement


def least_of(text: str | None) -> int | Malformed:
    """Return how many members must be placed at once, as a member's annotation says it."""
    if text is None:
        return Malformed(LEAST, "", f"there beside the label {GANG}: {_RULE}")
    found = _NUMBER.fullmatch(text.strip())
    number = int(found[0]) if found else 0
    return number if 1 <= number <= MOST_MEMBERS else Malformed(LEAST, text, _RULE)


def written(planned: Planned) -> str:
    """Return the text of the annotation that records a plan on its pod."""
    return f"{planned.node} {','.join(planned.placement.devices)} {planned.placement.milli}"


def planned_in(text: str | None) -> Planned | None:
    """Return the plan that `written` recorded, or None where there is none that can be read."""
    parts = (text or "").split(" ")
    if len(parts) != 3:
        return None
    node, devices, milli = parts[0], tuple(parts[1].split(",")), _NUMBER.fullmatch(parts[2])
    if not node or not all(map(is_device, devices)) or milli is None or not 1 <= int(milli[0]) <= WHOLE:
        return None
    return Planned(node, Placement(devices, MilliGpu(int(milli[0]))))
