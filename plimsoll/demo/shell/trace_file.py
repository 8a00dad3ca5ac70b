"""Where does a trace come from? A file, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import zlib
from typing import TYPE_CHECKING

from plimsoll.demo.core.trace import TraceError, parsed

if TYPE_CHECKING:
    from pathlib import Path

    from plimsoll.demo.core.arrivals import Arrival


def read_trace(path: Path) -> tuple[Arrival, ...]:
    """Return the requests of a trace file, plain or gzipped, in the order of their times.

    Raises:
        TraceError: the file cannot be read, or a line of it breaks a rule.
    """
    try:
        with path.open("rb") as head:
            packed = head.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt", encoding="utf-8-sig") if packed else path.open(encoding="utf-8-sig") as lines:
            return parsed(str(path), lines)
    except (OSError, EOFError, zlib.error) as error:
        raise TraceError(f"trace {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"trace {path} is not a text file with comma-separated columns: {error}") from error
