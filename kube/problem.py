"""How is a value told that breaks its rule?"""

from __future__ import annotations

import json
from dataclasses import dataclass

_LONGEST_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that breaks its rule; `rule` goes on after "must be"."""

    key: str
    value: str
    rule: str

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= _LONGEST_SHOWN else f"{self.value[:_LONGEST_SHOWN]}..."
        # One line whatever the value holds: it goes into logs, Events and terminals.
        return f"{self.key}: {_quoted(shown)} must be {self.rule}"


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in quoted)
