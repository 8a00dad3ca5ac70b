"""How do we keep what the API server shows of one kind at hand? As a table by UID that a watch keeps up to date."""

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
    on_listed: Callable[[], None],
) -> None:
    """Keep `table` (UID to what `read` makes of an object) equal to what `changes` tell, as long as they last."""
    async for change in changes:
        match change:
            case Relisted(objects):
                table.clear()
                table.update({found.metadata.uid: read(found) for found in objects})
                on_listed()
            case Put(found):
                table[found.metadata.uid] = read(found)
            case Gone(found):
                table.pop(found.metadata.uid, None)
