from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from plimsoll import __main__
from plimsoll.demo import app

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[app.Plan]:
    """What would have been played."""
    played: list[app.Plan] = []
    monkeypatch.setattr(app, "run", lambda plan, *_: played.append(plan))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return played


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["plimsoll", *arguments])
    __main__.main()


def test_without_a_trace_a_load_is_generated_from_the_seed(
    monkeypatch: pytest.MonkeyPatch, plans: list[app.Plan], tmp_path: Path
) -> None:
    call(monkeypatch, "demo", "--seed", "7")
    (plan,) = plans
    assert plan.origin == "Generated load, seed 7"
    assert plan.report.parent == tmp_path / "plimsoll" / "reports"
    assert plan.report.parent.is_dir()


def test_a_trace_runs_as_fast_as_asked_for(
    monkeypatch: pytest.MonkeyPatch, plans: list[app.Plan], tmp_path: Path
) -> None:
    trace = tmp_path / "t.csv"
    trace.write_text("t_s,in_tokens,out_tokens\n0,1,1\n40,1,1\n4000,1,1\n")
    call(monkeypatch, "demo", "--trace", str(trace), "--compress", "4")
    (plan,) = plans
    assert plan.origin == "Trace t.csv, 4 times as fast"
    assert [arrival.at_s for arrival in plan.load.arrivals] == [0, 10]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--compress", "2"], "plimsoll: --compress speeds a trace up: give one with --trace"),
        (["--trace", "nowhere.csv"], "plimsoll: trace nowhere.csv cannot be read: No such file or directory"),
        (
            ["--report", "/"],
            "plimsoll: the report / cannot be written (Is a directory): choose another file with --report",
        ),
        (
            ["--report", "/proc/none/x.html"],
            (
                "plimsoll: the report /proc/none/x.html cannot be written (there is no such directory): "
                "choose another file with --report"
            ),
        ),
    ],
)
def test_what_cannot_be_played_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, plans: list[app.Plan], arguments: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, "demo", *arguments)
    assert end.value.code == complaint
    assert plans == []


def test_asking_whether_a_report_can_be_written_leaves_files_as_they_were(
    monkeypatch: pytest.MonkeyPatch, plans: list[app.Plan], tmp_path: Path
) -> None:
    old = tmp_path / "old.html"
    old.write_text("kept")
    for report in (old, tmp_path / "new.html"):
        call(monkeypatch, "demo", "--report", str(report))
    assert [plan.report for plan in plans] == [old, tmp_path / "new.html"]
    assert [path.name for path in tmp_path.glob("*.html")] == ["old.html"]
    assert old.read_text() == "kept"


@pytest.mark.parametrize("factor", ["0", "-1", "x", "nan", "inf"])
def test_a_factor_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], factor: str
) -> None:
    with pytest.raises(SystemExit):
        call(monkeypatch, "demo", f"--compress={factor}")
    assert f"argument --compress: '{factor}' must be a number above 0" in capsys.readouterr().err


def test_ctrl_c_says_that_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, plans: list[app.Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "run", interrupted)
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, "demo")
    assert end.value.code == 130
    assert capsys.readouterr().out == "ended early; nothing is left running\n"
    assert plans == []


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert not __main__._plain(asked=False)
    assert __main__._plain(asked=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert __main__._plain(asked=False)
