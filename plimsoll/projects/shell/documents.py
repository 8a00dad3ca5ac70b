"""How does a program read how projects stand? As JSON values, with the names of extender.proto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extender.core.quota.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extender.core.accounts import Account


def document(accounts: Iterable[Account]) -> dict[str, Any]:
    """Return how projects stand."""
    return {"projects": [_account(account) for account in accounts]}


def _account(account: Account) -> dict[str, Any]:
    project = account.project
    return {
        "name": project.name,
        "quota_milli": project.quota,
        "namespaces": list(project.namespaces),
        **{f"{kind.value}_milli": account.held[kind] for kind in Kind},
        "over_milli": account.over,
        "waiting_pods": account.waiting_pods,
        "waiting_milli": account.waiting,
        "models": [
            {"model": model, "quota_milli": quota, "used_milli": account.within_of[model]}
            for model, quota in project.models
        ],
    }
