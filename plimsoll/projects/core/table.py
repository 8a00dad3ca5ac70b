"""How does a person read how projects stand? A line a project, in GPUs, and one for each model with a quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extender.core.quota.kinds import Kind
from extender.core.reasons import gpus
from plimsoll.drawing.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from extender.core.accounts import Account

_HEAD = ("PROJECT", "QUOTA", "LEFT", "INFERENCE", "BUILD", "FOREIGN", "TRAIN", "OVER", "PODS WAIT", "FOR")
_KINDS = (Kind.INFERENCE, Kind.BUILD, Kind.FOREIGN, Kind.TRAIN)
_NONE = "no projects: name some in config-projects, in the namespace of the extender"


def projects_table(accounts: Sequence[Account]) -> str:
    """Return how projects stand; what is left is for all pods but train, which may go over."""
    if not accounts:
        return _NONE
    return "\n".join(table(_HEAD, _rows(accounts)))


def _rows(accounts: Iterable[Account]) -> Iterator[tuple[str, ...]]:
    for account in accounts:
        project = account.project
        held = [gpus(account.held[kind]) for kind in _KINDS]
        within = sum(milli for kind, milli in account.held.items() if kind is not Kind.TRAIN)
        waits = (str(account.waiting_pods), gpus(account.waiting)) if account.waiting_pods else ("0", "")
        over = gpus(account.over)
        yield project.name, gpus(project.quota), _left(project.quota, within), *held, over, *waits
        for model, quota in project.models:
            empty = ("",) * (len(_HEAD) - 3)
            yield f"  of it {model}", gpus(quota), _left(quota, account.within_of[model]), *empty


def _left(quota: int, used: int) -> str:
    return gpus(max(0, quota - used))
