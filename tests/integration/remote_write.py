"""How do samples of any time come into a real Prometheus? By its remote-write receiver, in protobuf and Snappy."""

from __future__ import annotations

import struct
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

RECEIVER = "--web.enable-remote-write-receiver"
"""The flag with which Prometheus takes such samples."""

Sample = tuple["Mapping[str, str]", float, float]
"""The labels of a series (`__name__` among them), a time in Unix seconds, and a value."""

_LITERAL = 60  # bytes that a literal of Snappy holds with a tag of one byte


def write(url: str, samples: Iterable[Sample]) -> None:
    """Write samples, each newer than those before it of its series."""
    body = b"".join(_field(1, _series(labels, at_s, value)) for labels, at_s, value in samples)
    request = urllib.request.Request(  # noqa: S310  our own loopback address
        f"{url}/api/v1/write",
        data=_snappy(body),
        headers={
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        },
    )
    with urllib.request.urlopen(request):  # noqa: S310  our own loopback address
        pass


def _series(labels: Mapping[str, str], at_s: float, value: float) -> bytes:
    told = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, text.encode())) for name, text in sorted(labels.items())
    )
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(round(1000 * at_s))
    return told + _field(2, sample)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    result.append(number)
    return bytes(result)


def _snappy(content: bytes) -> bytes:
    """Return bytes as a Snappy block of literals alone."""
    return _varint(len(content)) + b"".join(_literals(content))


def _literals(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), _LITERAL):
        part = content[start : start + _LITERAL]
        yield bytes([(len(part) - 1) << 2]) + part
