"""Which processes did we start, and how do they end? Only those, also after a crash of ours.

A process is known by its pid and the moment the kernel started it: a pid alone may have been given to another program
since.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from deploy.local.problem import LocalProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_POLL_S = 0.02
_GRACE_S = 10.0
_LAST_LINES = 12


class Process(msgspec.Struct, frozen=True):
    """One process of ours: `born` is the kernel's boot and the clock tick at which it started."""

    pid: int
    born: str


class Processes:
    """The processes of one cluster, by name, recorded in a file as they start and end."""

    def __init__(self, record: Path, logs: Path) -> None:
        self._record = record
        self._logs = logs
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._known = _read(record)

    def log(self, name: str) -> Path:
        """Return the path of a process's log file."""
        return self._logs / f"{name}.log"

    def names(self) -> list[str]:
        """Return the names of all recorded processes, in the order of their start."""
        return list(self._known)

    def pid(self, name: str) -> int | None:
        """Return the pid of a process that runs, else None."""
        known = self._known.get(name)
        return known.pid if known is not None and self._runs(known) else None

    def start(self, name: str, command: Sequence[str], *, directory: Path, environment: Mapping[str, str]) -> None:
        """Start `command` in a session of its own, so that the terminal's Ctrl-C reaches only us.

        Raises:
            LocalProblem: it runs already, or cannot be started.
        """
        if self.pid(name) is not None:
            raise LocalProblem(f"{name} runs already (pid {self.pid(name)}): stop it first")
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            with self.log(name).open("ab") as log:
                child = subprocess.Popen(
                    command,
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise LocalProblem(f"{name} cannot be started: {error}") from error
        self._children[child.pid] = child
        # A process that is gone already leaves no birth to read; "" matches no process.
        self._known[name] = Process(child.pid, _born(child.pid) or "")
        self._write()

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and the processes that it started; nothing happens where it is gone."""
        known = self._known.get(name)
        if known is not None and self._runs(known):
            os.killpg(known.pid, number)

    def stop(self, *names: str, grace_s: float = _GRACE_S) -> None:
        """End processes: SIGTERM to all, SIGKILL to those that are still there after `grace_s` seconds."""
        for name in names:
            self.send(name, signal.SIGTERM)
            self.send(name, signal.SIGCONT)  # a stopped process takes no SIGTERM
        if not self._gone(names, grace_s):
            for name in names:
                self.send(name, signal.SIGKILL)
            if not self._gone(names, _GRACE_S):
                left = ", ".join(f"{name} (pid {pid})" for name in names if (pid := self.pid(name)) is not None)
                raise LocalProblem(f"these processes do not end, even killed; look at the machine's disks: {left}")
        for name in names:
            self._known.pop(name, None)
        self._write()

    def kill(self, name: str, number: signal.Signals) -> None:
        """Send an ending signal and wait until the process is gone."""
        self.send(name, number)
        if not self._gone([name], _GRACE_S):
            raise LocalProblem(f"{name} (pid {self.pid(name)}) is still there {_GRACE_S:.0f} s after {number.name}")

    def wait_ready(self, name: str, ready: Callable[[], str | None], *, timeout_s: float) -> None:
        """Wait until `ready` returns None; what it returns before is why it is not ready yet.

        Raises:
            LocalProblem: the process ended, or was not ready in time; with the last lines of its log.
        """
        deadline = time.monotonic() + timeout_s
        while (why := ready()) is not None:
            if self.pid(name) is None:
                raise LocalProblem(f"{name} ended while starting.\n{self._ending(name)}")
            if time.monotonic() > deadline:
                raise LocalProblem(f"{name} was not ready within {timeout_s:.0f} s: {why}.\n{self._ending(name)}")
            time.sleep(_POLL_S)

    def _ending(self, name: str) -> str:
        lines = "".join(f"  {line}\n" for line in last_lines(self.log(name), _LAST_LINES))
        return f"The last lines of {self.log(name)}:\n{lines}" if lines else f"Its log {self.log(name)} is empty."

    def _gone(self, names: Sequence[str], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while any(self.pid(name) is not None for name in names):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def _runs(self, known: Process) -> bool:
        child = self._children.get(known.pid)
        if child is not None:
            return child.poll() is None  # also reaps it
        return _born(known.pid) == known.born

    def _write(self) -> None:
        write_whole(self._record, msgspec.json.encode(self._known))


def _read(record: Path) -> dict[str, Process]:
    try:
        return msgspec.json.decode(record.read_bytes(), type=dict[str, Process])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise LocalProblem(
            f"the record of processes {record} is damaged ({error}): end the programs of that cluster by hand, "
            "then delete the file"
        ) from error


def _born(pid: int) -> str | None:
    """Return when the kernel started `pid`; None where there is no such process or only its exit status is left."""
    try:
        # proc(5): the second field is the name in parentheses and may itself hold blanks; state is the third field,
        # the start in clock ticks since boot the twenty-second.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else f"{boot}/{fields[19]}"


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a text file; none where it does not exist."""
    try:
        with path.open(errors="replace") as lines:
            return [line.rstrip("\n") for line in deque(lines, maxlen=count)]
    except FileNotFoundError:
        return []


def write_whole(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=mode)
    draft.write_bytes(content)
    draft.replace(path)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, whole; YAML readers take it too."""
    write_whole(path, json.dumps(value, indent=2).encode())
