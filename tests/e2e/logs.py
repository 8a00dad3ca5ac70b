"""Did a program of ours meet a defect of its own? It goes on after one, and says so in its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DEFECT = b'"message":"defect'  # how every such line begins to speak, in extender, autoscaler and relay


class Logs:
    """Every log that a pattern below a folder finds, from now on."""

    def __init__(self, *places: tuple[Path, str]) -> None:
        self._places = places
        self._read: dict[tuple[Path, int], int] = {}
        """How far each file is read; one that was deleted and made anew is another."""
        self.defects()

    def defects(self) -> list[str]:
        """Return the lines that tell of a defect, and were not returned before."""
        return [line for file in self._files() for line in self._new(file) if _DEFECT.decode() in line]

    def _files(self) -> Iterator[Path]:
        for folder, pattern in self._places:
            yield from sorted(folder.glob(pattern))

    def _new(self, file: Path) -> list[str]:
        with file.open("rb") as log:
            known = file, file.stat().st_ino
            log.seek(self._read.get(known, 0))
            whole, end, _ = log.read().rpartition(b"\n")
        self._read[known] = self._read.get(known, 0) + len(whole + end)
        return whole.decode(errors="replace").splitlines()
