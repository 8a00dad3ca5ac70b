"""A body is read to its end, or refused: it costs no more memory than its limit."""

from __future__ import annotations

from typing import Any

import pytest

from kube import body as body_module
from kube.body import BodyError, CutError, TooLargeError, body_of

CUT = {"type": "http.disconnect"}


def part(text: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": text, "more_body": more}


async def read(*messages: dict[str, Any], told: bytes | None = None) -> bytes:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    return await body_of({"headers": [] if told is None else [(b"content-length", told)]}, receive)


async def test_the_parts_of_a_body_are_put_together() -> None:
    assert await read(part(b"ab", more=True), part(b"", more=True), part(b"c", more=False)) == b"abc"


async def test_a_body_that_is_cut_off_is_no_body() -> None:
    with pytest.raises(CutError, match="closed before the body was complete") as refused:
        await read(part(b"ab", more=True), CUT)
    assert refused.value.status == 400


async def test_a_body_that_is_announced_as_too_large_is_not_read() -> None:
    with pytest.raises(TooLargeError, match="larger than 33554432 bytes: nodeCacheCapable: true") as refused:
        await read(told=b"33554433")
    assert refused.value.status == 413


@pytest.mark.parametrize("told", [None, b"2", b"-1", b"many"])
async def test_a_body_is_read_up_to_the_limit_whatever_is_announced(
    told: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "_LIMIT", 4)
    assert await read(part(b"abc", more=True), part(b"d", more=False), told=told) == b"abcd"
    with pytest.raises(BodyError, match="larger than 4 bytes"):
        await read(part(b"abc", more=True), part(b"de", more=True), told=told)
