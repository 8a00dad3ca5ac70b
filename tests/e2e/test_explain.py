"""The real autoscaler explains the real changes that it made, and its records are decided again to the same."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods
from tests.e2e.load import Load
from tests.e2e.test_autoscaling import NAME, create_workload

if TYPE_CHECKING:
    from deploy.local import LocalCluster


@pytest.fixture(autouse=True)
def running_programs(cluster: LocalCluster) -> None:
    """Run both programs."""
    for name, start in (("extender", cluster.start_extender), ("autoscaler", cluster.start_autoscaler)):
        if cluster.pid(name) is None:
            start()


def plimsoll(*arguments: str, given: str | None = None) -> str:
    """Return what a command of ours prints."""
    command = [sys.executable, "-m", "plimsoll", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "gRPC's own log lines have no place here"
    return done.stdout


def test_a_change_is_explained_and_decided_again(cluster: LocalCluster, managed_namespace: str) -> None:
    workload, asked = f"{managed_namespace}/{NAME}", ("--server", cluster.decisions_address)
    create_workload(cluster, managed_namespace)
    with Load(cluster, managed_namespace) as load:
        load.total = 40.0
        pods.wait_until("4 replicas", lambda: pods.replicas(cluster, managed_namespace, NAME) == 4)

        told: dict[str, Any] = {}
        said = listed = ""

        def all_told() -> bool:
            nonlocal told, said, listed
            told = json.loads(plimsoll("explain", workload, *asked, "-o", "json"))
            said = plimsoll("explain", workload, *asked, "-v")
            listed = plimsoll("workloads", *asked, "-n", managed_namespace)
            # While new replicas take their part of the load it may be seen twice for a tick: not what is asked here.
            return bool(told["changes"]) and said.startswith(f"{workload} (Deployment): 4 replicas, ")

        pods.wait_until("the change in the book", all_told)
    assert told["changes"][0]["decision"]["inputs"]["current"] == 1
    assert "from another version" not in said
    assert listed.splitlines()[1].startswith(workload)
    again = plimsoll("explain", "--replay", "-", given=json.dumps(told))
    assert all("the same again" in line for line in again.splitlines())
    assert len(again.splitlines()) == len(told["changes"]) + 1
