"""A replay is asked for by flags; whatever is wrong with them or the files is one sentence and status 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from extender.__main__ import main
from extender.replay import command
from tests.extender.replay.traces import NODES, written


def test_the_last_line_is_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *written(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(told) == {"allocated", "first_failure", "refused_fitting", "decisions", "decision_us", "policy"}
    assert set(told["allocated"]) == {"90", "100", "130"}
    assert (told["decisions"], told["refused_fitting"], told["policy"]) == (80, 0, "fragmentation")
    assert told["decision_us"]["mean"] > 0


def test_policies_stand_side_by_side_in_table_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "curve.svg"
    flags = ["--policy", "ours", "--policy", "fgd", "--policy", "best-fit", "--learn", "--plot", str(plot)]
    assert main(["replay", *written(tmp_path), *flags]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["fragmentation", "fgd", "best-fit"]
    assert "fgd: 100 % played" in err
    texts = [one.text for one in ET.fromstring(plot.read_text()).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314  ours
    assert {"fragmentation", "fgd", "best-fit"} <= set(texts)


def test_lifetimes_are_told_over_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *written(tmp_path), "--churn", "--load", "90", "--hours", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["offered"], told["refused_fitting"]) == (90, 0)
    assert 0 < told["allocated"] <= 100


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("nodes.csv", None, "it must be a file that can be read: No such file or directory"),
        ("nodes.csv", b"sn\xff", 'line 1: byte "0xff" must be UTF-8 text'),
        ("order.txt.gz", b"\x1f\x8bnot gzip at all", "a gzipped file must be whole"),
        ("pods.csv", b"name,cpu\n", "must be a list of columns with cpu_milli among them"),
        ("order.txt.gz", b"0 1 2 3 4 5 6 7 8 9 10 11\n99\n", 'line 2: row "99" must be a row of the table of pods'),
        ("nodes.csv", b'sn,cpu_milli,memory_mib,gpu,model\n"a\x00,1,1,1', "must be"),
    ],
)
def test_bad_files_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, sentence: str
) -> None:
    flags = written(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    assert main(["replay", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert str(tmp_path / name) in err
    assert sentence in err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--policy", "worst"], '"worst" must be one of fragmentation, fgd, best-fit, spread, ours'),
        (["--load", "0"], '"0" must be a whole percentage from 1 to 200'),
        (["--hours", "nan"], '"nan" must be a number from 0.1 to 1000'),
        (["--seed", "-1"], '"-1" must be a whole number'),
        (["--seed", "x"], '"x" must be a whole number'),
    ],
)
def test_bad_flags_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", *written(tmp_path), *flags])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_picture_that_cannot_be_written_is_refused_before_the_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", *written(tmp_path), "--plot", str(tmp_path / "no" / "such.svg")]) == 2
    assert "the picture must be a file that can be written: No such file or directory" in capsys.readouterr().err


def test_an_interrupt_ends_cleanly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "inflate", interrupt)
    assert main(["replay", *written(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_table_of_nodes_may_end_with_empty_lines(tmp_path: Path) -> None:
    flags = written(tmp_path)
    (tmp_path / "nodes.csv").write_text("\n".join(NODES) + "\n\n")
    assert main(["replay", *flags]) == 0


def test_a_full_disk_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *written(tmp_path), "--plot", "/dev/full"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "/dev/full cannot be written: No space left on device" in last


def test_an_output_that_cannot_be_written_is_one_sentence_too(tmp_path: Path) -> None:
    command_line = [sys.executable, "-m", "extender", "replay", *written(tmp_path)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command_line, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "standard output cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
