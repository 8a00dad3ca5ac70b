"""How does a table look in a terminal? Columns as wide as they need to be, those of numbers flush right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table; a cell of a column of numbers may be empty."""
    cells = [head, *rows]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numbers = [all(not cell or cell.replace(".", "", 1).isdecimal() for cell in column[1:]) for column in columns]
    for row in cells:
        each = zip(row, widths, numbers, strict=True)
        yield "  ".join(cell.rjust(width) if number else cell.ljust(width) for cell, width, number in each).rstrip()
