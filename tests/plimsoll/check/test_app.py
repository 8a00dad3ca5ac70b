from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from deploy.local.places import DEPLOY
from plimsoll import __main__
from plimsoll.check import app

if TYPE_CHECKING:
    from pathlib import Path

SOUND = "kind: ConfigMap\nmetadata: {name: config-autoscaler}\ndata: {min-scale: '1'}\n"


def run(*files: str) -> tuple[int, list[str]]:
    said: list[str] = []
    return app.run(files, said.append), said


def test_what_is_shipped_is_in_order() -> None:
    files = [str(path) for folder in ("base", "programs", "overlays/gpu") for path in (DEPLOY / folder).glob("*.yaml")]
    status, said = run(*files)
    assert status == 0
    assert said == ["5 objects checked: 0 problems, 0 warnings"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "it cannot be read: No such file or directory"),
        (b"\xff\xfe", "it cannot be read: it is not UTF-8 text"),
        (b"a: [", "it is not YAML: line 1: expected the node content, but found '<stream end>'"),
    ],
)
def test_an_unreadable_file_is_a_problem_and_the_others_are_checked(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    bad, good = tmp_path / "bad.yaml", tmp_path / "good.yaml"
    if content is not None:
        bad.write_bytes(content)
    good.write_text(SOUND)
    assert run(str(bad), str(good)) == (2, [f"{bad}: {complaint}", "1 object checked: 1 problem, 0 warnings"])


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert run(str(tmp_path))[0] == 2


def test_a_file_without_objects_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("replicas: 1\n")
    status, said = run(str(tmp_path / "values.yaml"))
    assert status == 0
    assert said[0].endswith("values.yaml: warning: it holds no Kubernetes object")


def test_objects_that_are_none_of_ours_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("kind: Pod\n")
    status, said = run(str(tmp_path / "pod.yaml"))
    assert status == 0
    assert said[0].startswith("warning: nothing here is for Plimsoll")
    assert said[1] == "0 objects checked: 0 problems, 1 warning"


def test_standard_input_is_a_file_and_problems_are_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SOUND.replace("'1'", "'-1'").encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    monkeypatch.setattr(sys, "argv", ["plimsoll", "check", "-"])
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == 2
    assert capsys.readouterr().out.splitlines() == [
        '-:3: ConfigMap config-autoscaler: min-scale: "-1" must be a whole number from 0 to 2147483647',
        "1 object checked: 1 problem, 0 warnings",
    ]
