"""How do the files get in? Text lines of a plain or gzipped file; what cannot be read is told in one sentence."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from extender.replay.trace import BadInput, Trace, broken, nodes_in, pods_in, trace_of

if TYPE_CHECKING:
    from pathlib import Path


def read(nodes: Path, pods: Path, order: Path) -> Trace:
    """Read a trace from its three files."""
    found = nodes_in(str(nodes), _lines(nodes))
    return trace_of(found, pods_in(str(pods), _lines(pods)), str(order), _lines(order))


def _lines(path: Path) -> list[str]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(str(path), f": it must be a file that can be read: {error.strerror or error}") from error
    try:
        # The first two bytes tell, whatever the name says.
        raw = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
        return raw.decode("utf-8-sig").splitlines()
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(str(path), f": a gzipped file must be whole: {error}") from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise broken(str(path), line, "byte", f"0x{raw[error.start]:02x}", "UTF-8 text") from error
