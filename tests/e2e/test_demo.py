"""The demo plays its whole story: real requests raise the replicas, every request is answered, all comes down again."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("cluster", "seconds", "first"),
    [("embedded", 38, "On the embedded cluster: "), ("real", 60, "ready: etcd, kube-apiserver")],
)
def test_the_demo_follows_a_trace_to_its_end_and_leaves_nothing_running(
    tmp_path: Path, cluster: str, seconds: int, first: str
) -> None:
    report = tmp_path / "report.html"
    played = play(tmp_path, cluster, report)
    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.startswith(first)
    assert "\x1b" not in played.stdout, "without a terminal there are no escape codes"
    # The trace is twenty calm seconds, then fifteen requests a second; an embedded demo follows less of it.
    asked = 20 + 15 * (seconds - 20)
    for workload in ("chat", "embed"):
        assert re.search(rf"{workload} +{asked} served +0 failed", played.stdout), played.stdout
    most = re.search(r"Ready replicas of chat, at most (\d+)", played.stdout)
    assert most
    assert int(most[1]) >= 4
    assert "<svg" in report.read_text()
    assert not [line for line in command_lines() if f"clusters/e2e-demo-{cluster}/" in line]


def play(directory: Path, cluster: str, report: Path) -> subprocess.CompletedProcess[str]:
    """Play the demo of a trace to its end."""
    trace = directory / "trace.csv"
    calm = [f"{second},400,60" for second in range(20)]
    burst = [f"{20 + number / 15:.3f},400,60" for number in range(600)]
    trace.write_text("\n".join(["t_s,in_tokens,out_tokens", *calm, *burst]))
    command = [sys.executable, "-m", "plimsoll", "demo", "--name", f"e2e-demo-{cluster}"]
    # An empty cache is a machine that never built anything: the embedded cluster is what it gets, without Prometheus.
    first_look = {"XDG_CACHE_HOME": str(directory / "cache"), "PATH": "/usr/bin:/bin"} if cluster == "embedded" else {}
    return subprocess.run(
        [*command, "--trace", str(trace), "--compress", "1", "--report", str(report)],
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
        env={**os.environ, "NO_COLOR": "1", **first_look},
    )


def command_lines() -> list[str]:
    """Return the command line of every process of this machine."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return lines
