"""How does Kubernetes write a moment? RFC 3339 in UTC; here times are seconds since 1970, and these two translate."""

from __future__ import annotations

from datetime import UTC, datetime


def written(seconds: float) -> str:
    """Return a moment as metav1.Time writes it: whole seconds, the fraction cut off."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: str) -> float:
    """Return a written moment as seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()
