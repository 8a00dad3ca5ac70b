"""What does a watch add up to? A table by UID that it keeps up to date, to be compared with what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kube.watch import Change, Gone, Put, Relisted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kube.objects import Named

Kind = TypeVar("Kind", bound="Named")
Row = TypeVar("Row")


async def mirror(
    changes: AsyncIterator[Change[Kind]],
    read: Callable[[Kind], Row],
    table: dict[str, Row],
) -> None:
    """Keep `table` (UID to what `read` makes of an object) equal to what `changes` tell, as long as they last."""
    async for change in changes:
        match change:
            case Relisted(objects):
                table.clear()
                table.update({found.metadata.uid: read(found) for found in objects})
            case Put(found):
                table[found.metadata.uid] = read(found)
            case Gone(found):
                table.pop(found.metadata.uid, None)
