"""How are the conditions of a status kept? Found by type; a time moves only with what it is the time of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plimsoll.embedded.core.problem import Object


def condition(status: Object, kind: str) -> Object | None:
    """Return the condition of a type."""
    return next((each for each in status.get("conditions") or () if each.get("type") == kind), None)


def holds(status: Object, kind: str) -> bool:
    """Tell whether the condition of a type is True."""
    found = condition(status, kind)
    return found is not None and found.get("status") == "True"


def without(conditions: Iterable[Object], kind: str) -> list[Object]:
    """Return all conditions but that of a type."""
    return [each for each in conditions if each.get("type") != kind]


def kept_or_appended(conditions: Sequence[Object], new: Object, *, keep_transition: bool) -> list[Object]:
    """Return the conditions of a workload with `new` at their end, unless one of its status and reason stands there.

    `keep_transition`: where only the reason changes, the time of the last transition stays.
    """
    old = next((each for each in conditions if each.get("type") == new["type"]), None)
    if old is not None and (old.get("status"), old.get("reason")) == (new["status"], new.get("reason")):
        return list(conditions)
    if old is not None and keep_transition and old.get("status") == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*without(conditions, new["type"]), new]


def in_place(conditions: Sequence[Object], changes: Sequence[Object]) -> list[Object]:
    """Return the conditions after a strategic merge patch: changed where they stand, new ones in front."""
    changed = {each.get("type"): each for each in changes}
    there = {each.get("type") for each in conditions}
    new = [each for each in changes if each.get("type") not in there]
    return [*new, *({**each, **changed.get(each.get("type"), {})} for each in conditions)]


def with_transition(conditions: Sequence[Object], new: Object) -> list[Object]:
    """Return the conditions with `new` in its place; its last transition is that of its status (metav1.Condition)."""
    old = next((each for each in conditions if each.get("type") == new["type"]), None)
    if old is None:
        return [*conditions, new]
    if old.get("status") == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [new if each.get("type") == new["type"] else each for each in conditions]
