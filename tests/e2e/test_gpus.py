"""What people see of GPUs on a real control plane: the map while pods come and go, and of one pod why."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods
from tests.e2e.test_explain import plimsoll
from tests.e2e.test_placement import metrics

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.local import LocalCluster


@pytest.fixture(autouse=True)
def running_extender(cluster: LocalCluster) -> None:
    """Run the extender."""
    if cluster.pid("extender") is None:
        cluster.start_extender()


def asked(cluster: LocalCluster, *arguments: str) -> str:
    return plimsoll(*arguments, "--server", cluster.devices_address)


def devices(cluster: LocalCluster) -> list[dict[str, Any]]:
    """Return every device as `plimsoll gpus -o json` tells it, with the name of its node."""
    nodes = json.loads(asked(cluster, "gpus", "-o", "json"))["nodes"]
    return [{**device, "node": node["name"]} for node in nodes for device in node["devices"]]


def test_the_map_is_what_the_pods_own_annotations_say(cluster: LocalCluster, managed_namespace: str) -> None:
    shares = {"half": "0.5", "quarter": "0.25", "most": "0.8"}
    pods.create(cluster, managed_namespace, [pods.fraction(name, share) for name, share in shares.items()])
    placed = pods.wait_bound(cluster, managed_namespace, len(shares))

    def told() -> dict[str, tuple[str, str]]:
        return {
            held["name"]: (device["node"], device["name"])
            for device in devices(cluster)
            for held in device["holdings"]
            if held["namespace"] == managed_namespace and held["state"] == "bound"
        }

    expected = {name: (found[0][0], str(found[0][1])) for name, found in placed.items()}
    pods.wait_until("the map shows the pods", lambda: told() == expected)
    text = asked(cluster, "gpus", "-v")
    assert all(f"{managed_namespace}/{name} {share}" in text for name, share in shares.items())
    node = expected["half"][0]
    assert asked(cluster, "gpus", "--node", node).startswith(f"{node}  ")

    def held() -> int:
        return sum(1000 - device["free_milli"] for device in devices(cluster))

    pods.wait_until("the map holds what the pods hold", lambda: held() == sum(pods.used(cluster).values()))


def test_a_watch_hears_of_a_pod_and_ends_with_ctrl_c(
    cluster: LocalCluster, managed_namespace: str, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    command = [sys.executable, "-m", "plimsoll", "gpus", "--watch", "-o", "json", "--server", cluster.devices_address]
    with seen.open("w") as output:
        watch = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True)
    try:
        pods.wait_until("the first picture", lambda: seen.read_text().count("\n") > 0)
        pods.create(cluster, managed_namespace, [pods.fraction("watched", "0.5")])
        pods.wait_until("the pod in the picture", lambda: f'"{managed_namespace}"' in seen.read_text())
        pods.delete(cluster, managed_namespace, "watched")
        pods.wait_until(
            "the pod is gone from it", lambda: f'"{managed_namespace}"' not in seen.read_text().splitlines()[-1]
        )
        os.kill(watch.pid, signal.SIGINT)
        assert watch.wait(20) == 0
        assert watch.stderr is not None
        assert watch.stderr.read() == ""
    finally:
        watch.kill()
        watch.wait()
    assert all(json.loads(line)["nodes"] for line in seen.read_text().splitlines())


def test_why_a_pod_waits_stands_on_it_and_is_explained_until_it_has_room(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    pods.create(cluster, managed_namespace, [pods.pod("huge", {"gpu-memory": "999999"})])
    reason = "its GPUs have 81920 MiB, 999999 MiB wanted"

    def told() -> list[str]:
        events = pods.events_about(cluster, managed_namespace, "huge")
        return [event.message for event in events if event.reason == "WaitsForGPU"]

    pods.wait_until("the Event on the pod", lambda: bool(told()))
    assert told() == [f"4 nodes: {reason}"]
    explained = asked(cluster, "explain", "pod", f"{managed_namespace}/huge")
    assert explained.splitlines()[:4] == [
        f"{managed_namespace}/huge waits for 999999 MiB of a GPU",
        "  it is in no project; its kind is foreign",
        "",
        f"  4 nodes  {reason}  gpu-00, gpu-01, gpu-02 and 1 more",
    ]


def test_why_a_pod_is_where_it_is(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.create(cluster, managed_namespace, [pods.fraction("placed", "0.5")])
    placed = pods.wait_bound(cluster, managed_namespace, 1)
    node, device = placed["placed"][0]

    def explained() -> str:
        return asked(cluster, "explain", "pod", f"{managed_namespace}/placed")

    pods.wait_until("it is known as bound", lambda: " is bound to " in explained())
    lines = explained().splitlines()
    assert lines[0].startswith(f"{managed_namespace}/placed is bound to node {node}: device {device} (")
    assert "kube-scheduler asked about 4 nodes; it fitted on " in explained()
    assert any(line.split()[1:] == [node, "chosen"] for line in lines)


def test_a_node_that_nobody_may_use_is_not_asked_about_and_that_is_said(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    wanted = pods.fraction("picky", "0.5")
    wanted["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "nowhere"}
    pods.create(cluster, managed_namespace, [wanted])
    pods.wait_until(
        "kube-scheduler says why",
        lambda: any(
            event.reason == "FailedScheduling" for event in pods.events_about(cluster, managed_namespace, "picky")
        ),
    )
    assert "kube-scheduler has not asked about it" in asked(cluster, "explain", "pod", f"{managed_namespace}/picky")


def test_an_extender_that_is_away_is_one_sentence(cluster: LocalCluster) -> None:
    cluster.stop("extender")
    try:
        command = [sys.executable, "-m", "plimsoll", "gpus", "--server", cluster.devices_address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(f"plimsoll: no extender answers at {cluster.devices_address}: ")
    finally:
        cluster.start_extender()


def test_metrics_tell_allocated_and_free_of_each_model(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.create(cluster, managed_namespace, [pods.fraction("counted", "0.5")])
    pods.wait_bound(cluster, managed_namespace, 1)

    def told() -> list[float]:
        lines = metrics(cluster).splitlines()
        return [float(one.split()[-1]) for one in lines if one.startswith("plimsoll_extender_allocated_gpus{")]

    pods.wait_until("what the pods hold is told", lambda: told() == [sum(pods.used(cluster).values()) / 1000])
