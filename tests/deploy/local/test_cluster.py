from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from deploy.local.__main__ import main
from deploy.local.places import ClusterFiles
from deploy.local.problem import LocalProblem
from deploy.local.processes import Processes
from deploy.local.programs import ClusterSpec, sweep

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterFiles:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return ClusterFiles.named("dev")


def leave_behind(files: ClusterFiles) -> None:
    """Do what a run does that crashes: start processes, write files, and say nothing more."""
    left = Processes(files.processes, files.logs)
    files.run.mkdir(parents=True)
    for name in ("etcd", "kube-apiserver", "kwok"):
        left.start(name, ["sleep", "600"], directory=files.run, environment=dict(os.environ))


def test_a_sweep_ends_what_a_crashed_run_left_and_keeps_its_logs(files: ClusterFiles) -> None:
    leave_behind(files)
    assert sweep(files) == ["etcd", "kube-apiserver", "kwok"]
    assert sweep(files) == []
    assert not files.run.exists()
    assert (files.logs / "kwok.log").exists()


def test_down_ends_it_and_says_so(files: ClusterFiles, capsys: pytest.CaptureFixture[str]) -> None:
    leave_behind(files)
    assert main(["down"]) == 0
    assert main(["down"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ended: etcd, kube-apiserver, kwok",
        "no process of the cluster dev was running",
    ]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["up", "--nodes", "-1"], "plimsoll: nodes: -1 is not between 0 and 5000\n"),
        (["up", "--gpus", "0"], "plimsoll: gpus per node: 0 is not between 1 and 64\n"),
        (["down", "--name", "../x"], "plimsoll: --name '../x': a cluster's name is 1 to 42 lower-case letters, "),
        (["status"], "plimsoll: no cluster dev: python -m deploy.local up --name dev starts one\n"),
    ],
)
def test_a_wrong_command_gets_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(sentence)


def test_a_spec_out_of_range_is_refused() -> None:
    with pytest.raises(LocalProblem, match="GPU memory: 0 is not between"):
        ClusterSpec(gpu_memory_mib=0)
