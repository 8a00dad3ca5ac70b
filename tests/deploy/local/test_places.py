from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.places import ClusterFiles, cache_directory, clusters_directory, made
from deploy.local.problem import LocalProblem


def test_xdg_directories_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere/cache")
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere/state")
    assert cache_directory() == Path("/elsewhere/cache/plimsoll")
    assert clusters_directory() == Path("/elsewhere/state/plimsoll/clusters")


def test_relative_xdg_directories_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert cache_directory() == Path.home() / ".cache" / "plimsoll"


@pytest.mark.parametrize("name", ["", "..", "a/b", "-a", "A", "a" * 43])
def test_a_name_that_is_no_plain_name_is_refused(name: str) -> None:
    with pytest.raises(LocalProblem, match="a cluster's name is"):
        ClusterFiles.named(name)


def test_a_directory_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalProblem, match=r"file/inside cannot be made .*: set XDG_CACHE_HOME"):
        made(tmp_path / "file" / "inside")
