"""What did filter answer? Short words for assertions."""

from __future__ import annotations

from extender.core.answers import Chosen, Refused


def reasons_of(answer: Chosen | Refused) -> dict[str, str]:
    """Return why each node was refused."""
    assert isinstance(answer, Refused)
    return dict(answer.reasons)
