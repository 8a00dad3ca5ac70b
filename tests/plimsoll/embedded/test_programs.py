"""The real programs beside an embedded cluster: they come up, and nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import msgspec
import pytest

from deploy.local import ClusterSpec, LocalProblem
from kube.objects import Node, ObjectList
from plimsoll.embedded import EmbeddedCluster, programs
from plimsoll.embedded.programs import EmbeddedPrograms

if TYPE_CHECKING:
    from kube.client import Api

SPEC = ClusterSpec(name="unit", nodes=2, gpus_per_node=3)


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory of our own, and no Prometheus."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(programs, "found_prometheus", lambda: None)


def quiet(_line: str) -> None:
    pass


async def nodes(api: Api) -> list[Node]:
    return msgspec.json.decode(await api.request("GET", "/api/v1/nodes"), type=ObjectList[Node]).items or []


def test_a_cluster_comes_up_as_asked_for_and_is_gone_after_the_block() -> None:
    with EmbeddedPrograms.start(SPEC, progress=quiet) as running:
        found = running.call(nodes)
        assert [node.metadata.name for node in found] == ["gpu-00", "gpu-01"]
        assert (found[0].status.allocatable or {})["nvidia.com/gpu"] == "3"
        assert running.scrape_targets.read_text() == "[]"
        assert running.log("demo").parent.is_dir(), "who plays on it writes a log of their own"
        assert running.ended() == []
    assert not running.files.run.exists()


def test_a_program_that_ends_by_itself_is_noticed_and_the_log_kept() -> None:
    with EmbeddedPrograms.start(SPEC, progress=quiet) as running:
        running.launch("extender", ["sleep", "600"])
        pid = running.pid("extender")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 5.0
        while running.ended() != ["extender"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert running.log("extender").exists()


def test_a_second_cluster_of_the_same_name_is_refused_and_the_first_goes_on() -> None:
    with EmbeddedPrograms.start(SPEC, progress=quiet) as running:
        with pytest.raises(LocalProblem, match="unit"):
            EmbeddedPrograms.start(SPEC, progress=quiet)
        assert len(running.call(nodes)) == 2


def test_what_does_not_come_up_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "found_prometheus", lambda: Path("/nowhere/prometheus"))
    with pytest.raises(LocalProblem, match="prometheus cannot be started"):
        EmbeddedPrograms.start(SPEC, progress=quiet)
    monkeypatch.setattr(programs, "found_prometheus", lambda: None)
    with EmbeddedPrograms.start(SPEC, progress=quiet) as running:
        assert len(running.call(nodes)) == 2


def test_who_is_interrupted_on_the_way_up_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    coming_up, undone = Event(), Event()

    async def slow(*_: object) -> None:
        coming_up.set()
        try:
            await asyncio.sleep(60.0)
        finally:
            undone.set()

    ready = EmbeddedCluster._until_nodes_are_ready
    monkeypatch.setattr(EmbeddedCluster, "_until_nodes_are_ready", slow)
    main = threading.main_thread().ident
    assert main is not None

    def interrupt(thread: int) -> None:
        coming_up.wait()
        signal.pthread_kill(thread, signal.SIGINT)

    impatient = Thread(target=interrupt, args=(main,))
    impatient.start()
    with pytest.raises(KeyboardInterrupt):
        EmbeddedPrograms.start(SPEC, progress=quiet)
    impatient.join()
    assert undone.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "embedded cluster"]
    monkeypatch.setattr(EmbeddedCluster, "_until_nodes_are_ready", ready)
    with EmbeddedPrograms.start(SPEC, progress=quiet) as running:
        assert len(running.call(nodes)) == 2
