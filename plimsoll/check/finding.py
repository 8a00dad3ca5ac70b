"""What is told of an object, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plimsoll.check.documents import Document


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell: a problem, which the programs would refuse, or a warning."""

    document: Document
    line: int
    text: str
    problem: bool

    def __str__(self) -> str:
        warning = "" if self.problem else "warning: "
        return f"{self.document.file}:{self.line}: {warning}{self.document.name}: {self.text}"
