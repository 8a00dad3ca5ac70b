from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.local.problem import LocalProblem
from deploy.local.processes import Processes, last_lines, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLEEPER = ["sleep", "600"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


class Home:
    """The files of one cluster, and what was started there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes = self.again()

    def again(self) -> Processes:
        """Return what a later program would see."""
        return Processes(self.directory / "processes.json", self.directory / "logs")

    def start(self, name: str, command: list[str]) -> int:
        self.processes.start(name, command, directory=self.directory, environment=dict(os.environ))
        pid = self.processes.pid(name)
        assert pid is not None
        return pid


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.processes.stop(*made.processes.names(), grace_s=0)


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def says(home: Home, name: str, word: str) -> Callable[[], str | None]:
    return lambda: None if word in last_lines(home.processes.log(name), 1) else f"it has not said {word}"


def test_a_process_of_an_earlier_run_is_known_and_ended(home: Home) -> None:
    pid = home.start("one", SLEEPER)
    later = home.again()
    assert later.pid("one") == pid
    # Only a parent can collect an exit status; until then the kernel keeps the pid as a zombie, which counts as gone.
    later.stop("one")
    assert later.names() == []
    assert home.processes.pid("one") is None


def test_a_pid_that_the_kernel_gave_to_another_program_is_left_alone(home: Home) -> None:
    with subprocess.Popen(SLEEPER) as stranger:
        record = home.directory / "processes.json"
        record.write_text(f'{{"one": {{"pid": {stranger.pid}, "born": "another boot/1"}}}}')
        later = home.again()
        assert later.pid("one") is None
        later.stop("one")
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_that_ignores_sigterm_is_killed(home: Home) -> None:
    pid = home.start("deaf", DEAF)
    home.processes.wait_ready("deaf", says(home, "deaf", "deaf"), timeout_s=30)
    home.processes.stop("deaf", grace_s=0)
    assert not exists(pid)


def test_a_frozen_process_ends_in_an_orderly_way(home: Home) -> None:
    pid = home.start("one", SLEEPER)
    home.processes.send("one", signal.SIGSTOP)
    home.processes.stop("one", grace_s=30)
    assert not exists(pid)


def test_what_a_process_started_ends_with_it(home: Home) -> None:
    held_open_by_the_child = home.directory / "pipe"
    os.mkfifo(held_open_by_the_child)
    home.start("parent", ["sh", "-c", "sleep 600 > pipe & wait"])
    with held_open_by_the_child.open() as pipe:  # waits until the child has opened it
        home.processes.stop("parent")
        assert pipe.read() == ""  # waits until the child is gone


def test_a_killed_process_can_be_started_again_under_its_name(home: Home) -> None:
    first = home.start("one", SLEEPER)
    home.processes.kill("one", signal.SIGKILL)
    assert home.processes.pid("one") is None
    assert home.start("one", SLEEPER) != first


def test_a_running_process_is_not_started_twice(home: Home) -> None:
    home.start("one", SLEEPER)
    with pytest.raises(LocalProblem, match="one runs already"):
        home.start("one", SLEEPER)


def test_a_missing_program_is_named(home: Home) -> None:
    with pytest.raises(LocalProblem, match=r"one cannot be started.*no-such-program"):
        home.start("one", ["no-such-program"])


def test_a_process_that_ends_while_starting_is_told_with_its_last_words(home: Home) -> None:
    home.processes.start("one", ["sh", "-c", "echo port taken; exit 1"], directory=home.directory, environment={})
    with pytest.raises(LocalProblem, match=r"one ended while starting.(\n|.)*port taken"):
        home.processes.wait_ready("one", lambda: "no answer", timeout_s=30)


def test_a_process_that_is_never_ready_is_told_with_the_reason(home: Home) -> None:
    home.start("one", SLEEPER)
    with pytest.raises(LocalProblem, match="one was not ready within 0 s: it answers 503"):
        home.processes.wait_ready("one", lambda: "it answers 503", timeout_s=0)


def test_a_damaged_record_is_named(home: Home) -> None:
    (home.directory / "processes.json").write_text("{")
    with pytest.raises(LocalProblem, match=r"processes\.json is damaged"):
        home.again()


def test_a_written_file_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["file"]
