"""What `make` sets up is this checkout's own: it empties no environment that a link leads to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("target", "environment"), [("setup", ".venv"), ("lock", ".lock-venv")])
def test_an_environment_behind_a_link_is_left_alone_and_what_to_do_is_said(
    tmp_path: Path, target: str, environment: str
) -> None:
    checkout, others = tmp_path / "checkout", tmp_path / "others"
    for folder in (checkout, others):
        folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, checkout)
    (others / "kept").touch()
    (checkout / environment).symlink_to(others)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PIP_"))}
    done = subprocess.run(
        [str(shutil.which("make")), target, f"PYTHON={sys.executable}"],
        cwd=checkout,
        env=plain | {"PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (others / "kept").exists()
    assert done.returncode != 0
    assert done.stdout == (
        f"{environment} is a symbolic link, and what it leads to would be emptied: "
        f"remove the link (rm {environment}) and run make again\n"
    )
