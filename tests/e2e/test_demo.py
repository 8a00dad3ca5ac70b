"""The demo plays its whole story: real requests raise the replicas, every request is answered, all comes down again."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path


def test_the_demo_follows_a_trace_to_its_end_and_leaves_nothing_running(tmp_path: Path) -> None:
    trace, report = tmp_path / "trace.csv", tmp_path / "report.html"
    calm = [f"{second},400,60" for second in range(20)]
    burst = [f"{20 + number / 15:.3f},400,60" for number in range(600)]
    trace.write_text("\n".join(["t_s,in_tokens,out_tokens", *calm, *burst]))
    command = [sys.executable, "-m", "plimsoll", "demo", "--name", "e2e-demo", "--trace", str(trace)]
    played = subprocess.run(
        [*command, "--compress", "1", "--report", str(report)],
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert "\x1b" not in played.stdout, "without a terminal there are no escape codes"
    for workload in ("chat", "embed"):
        assert re.search(rf"{workload} +620 served +0 failed", played.stdout), played.stdout
    most = re.search(r"Ready replicas of chat, at most (\d+)", played.stdout)
    assert most
    assert int(most[1]) >= 4
    assert "<svg" in report.read_text()
    assert not [line for line in command_lines() if "clusters/e2e-demo/" in line]


def command_lines() -> list[str]:
    """Return the command line of every process of this machine."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return lines
