from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from deploy.local.hold import Hold
from deploy.local.problem import LocalProblem

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = Hold.take(tmp_path / "lock", "dev")
    with pytest.raises(LocalProblem, match=f"'dev' is in use by the process {os.getpid()}"):
        Hold.take(tmp_path / "lock", "dev")
    first.release()


def test_a_released_hold_can_be_taken_again(tmp_path: Path) -> None:
    first = Hold.take(tmp_path / "lock", "dev")
    first.release()
    first.release()
    Hold.take(tmp_path / "lock", "dev").release()
