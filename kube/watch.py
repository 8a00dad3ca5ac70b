"""What is there now, and what changes? A list, then a watch from that version on, for as long as it is wanted.

The reader gets one `Relisted` with everything, then `Put` and `Gone`. After a lost connection the watch resumes from
the last version seen; where the server has forgotten that version (410), there is a new `Relisted`. Bookmarks keep the
version fresh, so that resuming works even where nothing changes. What cannot be read is passed over, and told.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from kube.client import TOO_LONG, Api, ApiError
from kube.objects import Bare, Status, WatchEvent
from kube.reading import Reading, as_it_is, decoded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping

    import msgspec

_GONE = 410
_WATCH_S = 300  # the server ends a watch after this time; it is then resumed
_SILENCE_S = 90.0  # bookmarks arrive about once a minute: after a longer silence the watch is opened anew
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 8.0
_SHORT_S = 10.0  # a watch that ends sooner is no watch: the next one waits
_PAGE = "500"  # objects, as client-go asks for: larger pages leave the processor's cache before they are read

ObjectType = TypeVar("ObjectType", bound=Bare)
Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Relisted(Generic[Seen]):
    """Everything there is at `version`; whatever the reader knew besides is gone."""

    objects: tuple[Seen, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Put(Generic[Seen]):
    """An object was added or changed."""

    object: Seen


@dataclass(frozen=True, slots=True)
class Gone(Generic[Seen]):
    """An object was deleted; this was its last state."""

    object: Seen


Change = Relisted[Seen] | Put[Seen] | Gone[Seen]


class _Forgotten(Exception):  # noqa: N818  it is the server's word, not our error
    """The server no longer has the version that we resume from."""


@overload
def watch(
    api: Api,
    path: str,
    kind: type[ObjectType],
    *,
    query: Mapping[str, str] | None = None,
    on_trouble: Callable[[ApiError | None], None] = ...,
) -> AsyncGenerator[Change[ObjectType], None]: ...
@overload
def watch(
    api: Api,
    path: str,
    kind: type[ObjectType],
    *,
    read: Callable[[ObjectType], Seen],
    query: Mapping[str, str] | None = None,
    on_trouble: Callable[[ApiError | None], None] = ...,
) -> AsyncGenerator[Change[Seen], None]: ...
async def watch(  # noqa: PLR0913  two of them are left out by most
    api: Api,
    path: str,
    kind: type[Any],
    *,
    read: Callable[[Any], Any] = as_it_is,
    query: Mapping[str, str] | None = None,
    on_trouble: Callable[[ApiError | None], None] = lambda _: None,
) -> AsyncGenerator[Change[Any], None]:
    """Yield every change of the objects at `path`, without end.

    `read`: what the reader makes of an object, of one that it cannot decode a part of as `Reading` says; of a list, no
    more than one page is ever there as it was sent.
    `on_trouble` hears each failure, and None at each success after it; waiting and trying again is done here.
    """
    selection = dict(query or {})
    reading = Reading(kind, path, read)
    pause_s = _FIRST_PAUSE_S
    version: str | None = None
    while True:
        opened_at = time.monotonic()
        try:
            if version is None:
                objects, version = await _listed(api, path, reading, selection)
                yield Relisted(objects, version)
                del objects  # the reader's alone: a watch lasts for days
            async with _opened(api, path, selection, version) as lines:
                on_trouble(None)
                async for change, seen in _changes(lines, reading):
                    version, pause_s = seen, _FIRST_PAUSE_S
                    if change is not None:
                        yield change
        except _Forgotten:
            version = None
        except ApiError as error:
            on_trouble(error)
            if error.reason == TOO_LONG:  # a list has no lines: it is read however long it is
                version = None
        if time.monotonic() - opened_at < _SHORT_S:
            # Jitter: a fleet of watchers must not come back in step after an outage of the server.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  not a secret
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


@overload
async def listed(
    api: Api, path: str, kind: type[ObjectType], selection: Mapping[str, str] | None = None
) -> tuple[tuple[ObjectType, ...], str]: ...
@overload
async def listed(
    api: Api,
    path: str,
    kind: type[ObjectType],
    selection: Mapping[str, str] | None = None,
    *,
    read: Callable[[ObjectType], Seen],
) -> tuple[tuple[Seen, ...], str]: ...
async def listed(
    api: Api,
    path: str,
    kind: type[Any],
    selection: Mapping[str, str] | None = None,
    *,
    read: Callable[[Any], Any] = as_it_is,
) -> tuple[tuple[Any, ...], str]:
    """Return every object at `path`, no older than the question, and the version of the list; `read` as `watch` has it.

    Raises:
        ApiError: it cannot be listed now.
    """
    return await _listed(api, path, Reading(kind, path, read), selection)


async def _listed(
    api: Api, path: str, reading: Reading, selection: Mapping[str, str] | None
) -> tuple[tuple[Any, ...], str]:
    objects: list[Any] = []
    token = ""
    begins_again = False
    while True:
        query = {**(selection or {}), "limit": _PAGE} | ({"continue": token} if token else {})
        try:
            page = reading.page(await api.request("GET", path, query=query, timeout_s=60.0))
        except ApiError as error:
            # The pages outlived the server's memory: begin again, at once one time, else when the caller does.
            if error.status == _GONE and token and not begins_again:
                objects, token, begins_again = [], "", True
                continue
            raise
        objects.extend(page.items or ())
        token, version = page.metadata.continue_, page.metadata.resource_version
        if not token:
            return tuple(objects), version
        del page  # before the next one is there


@asynccontextmanager
async def _opened(
    api: Api, path: str, selection: Mapping[str, str], version: str
) -> AsyncIterator[AsyncIterator[bytes]]:
    query = {
        **selection,
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(_WATCH_S),
    }
    try:
        async with api.stream(path, query=query, silence_s=_SILENCE_S) as lines:
            yield lines
    except ApiError as error:
        if error.status == _GONE:
            raise _Forgotten from error
        raise


async def _changes(lines: AsyncIterator[bytes], reading: Reading) -> AsyncIterator[tuple[Change[Any] | None, str]]:
    """Yield (change, version seen) for each line; a bookmark, or what cannot be read, is a version without a change."""
    async for line in lines:
        event = decoded(WatchEvent, line)
        if event.type == "ERROR":
            _raise_error(event.object)
        if event.type == "BOOKMARK":
            yield None, _version_of(event.object)
            continue
        seen = reading.object(event.object)
        if seen is None:
            if event.type == "DELETED":  # nobody else would tell the reader: only a new list lacks it
                raise _Forgotten
            yield None, _version_of(event.object)  # or it would come again and again
            continue
        yield (Gone(seen.made) if event.type == "DELETED" else Put(seen.made)), seen.version


def _version_of(raw: msgspec.Raw) -> str:
    found: Bare = decoded(Bare, raw)
    return found.metadata.resource_version


def _raise_error(raw: msgspec.Raw) -> None:
    status: Status = decoded(Status, raw)
    if status.code == _GONE:
        raise _Forgotten
    raise ApiError(status.code, status.reason, status.message)
