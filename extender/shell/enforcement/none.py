"""What is written for the node where nothing enforces shares? Nothing: our own annotations say who has which device."""

from __future__ import annotations


def written() -> dict[str, str]:
    """Return no annotation."""
    return {}
