"""How do the claims ask the API server, and how do they hear a refusal?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.client import JSON, Api, ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable

Object = dict[str, Any]

Refusal = tuple[int, str, str]
"""Status, reason and sentence."""


def decoded(answer: bytes) -> Object:
    """Return the object of an answer."""
    found: Object = msgspec.json.decode(answer)
    return found


async def ask(api: Api, method: str, path: str, body: Any = None, kind: str = JSON, **query: str) -> Object:
    """Send a request; return the object of its answer."""
    return decoded(await api.request(method, path, body=body, content_type=kind, query=query))


async def refusal_of(call: Awaitable[object]) -> Refusal:
    """Return how a call is refused."""
    with pytest.raises(ApiError) as told:
        await call
    return told.value.status, told.value.reason, told.value.message


async def refusal(api: Api, *what: Any, **query: str) -> Refusal:
    """Return how a request is refused."""
    return await refusal_of(ask(api, *what, **query))
