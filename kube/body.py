"""What is the body of a request of kube-scheduler? All of it, where it is neither cut off nor without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube.pages import Receive

_LIMIT = 32 * 1024 * 1024  # 5,000 whole node objects of 6 KB
_TOO_LARGE = "the body is larger than {} bytes: nodeCacheCapable: true sends names in place of nodes"


class BodyError(Exception):
    """The body is not read to its end; the message says why, and `status` is what that is in HTTP."""

    status = 400


class TooLargeError(BodyError):
    """There is more of it than anybody has to say."""

    status = 413


class CutError(BodyError):
    """It ended before its end: that is of a caller that ended or hung, and no fault of what it says."""


async def body_of(scope: Mapping[str, Any], receive: Receive) -> bytes:
    """Return the body of a request.

    Raises:
        BodyError: it is too large, or ends before its end.
    """
    told = dict(scope["headers"]).get(b"content-length", b"0")
    if told.isdigit() and int(told) > _LIMIT:
        raise TooLargeError(_TOO_LARGE.format(_LIMIT))
    parts: list[bytes] = []
    size = 0
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _LIMIT:
            raise TooLargeError(_TOO_LARGE.format(_LIMIT))
        if not message.get("more_body", False):
            return b"".join(parts)
    raise CutError("the connection closed before the body was complete")
