"""Where are the original's recorded answers? In a directory beside the repository, or where the environment says."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

_CASES = Path(os.environ.get("PLIMSOLL_SHARED_DATA", "../shared/data")) / "conformance"


def recorded(kind: str) -> list[dict[str, Any]]:
    """Return the recorded cases of a kind; without them the test that asks is skipped."""
    file = _CASES / f"{kind}.jsonl.gz"
    if not file.exists():
        pytest.skip(f"no recorded cases at {file}: set PLIMSOLL_SHARED_DATA to the directory that holds conformance/")
    with gzip.open(file, "rt") as lines:
        return [json.loads(line) for line in lines]
