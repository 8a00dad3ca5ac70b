"""No kube-scheduler that is configured as we say binds a GPU pod past the extender, or hides a node from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

OWN = Path("deploy/programs/scheduler.yaml")
SHARED = Path("deploy/overlays/shared-scheduler/kube-scheduler.yaml")
DIRECT = Path("deploy/overlays/shared-scheduler/kube-scheduler-direct.yaml")


@pytest.mark.parametrize("file", [OWN, SHARED, DIRECT], ids=lambda file: file.stem)
def test_an_extender_that_is_away_lets_no_pod_pass(file: Path) -> None:
    shipped = yaml.safe_load(file.read_text())
    (extender,) = shipped["extenders"]
    assert not extender.get("ignorable", False), "its pods would be bound without a device"
    assert extender["bindVerb"] == "bind", "the default binder writes no devices"
    assert extender["preemptVerb"] == "preempt", "pods would be evicted whose leaving frees no device"
    assert extender["nodeCacheCapable"] is True
    assert extender["httpTimeout"] == "1s", "no Binding is sent later than 0.8 s after it was asked for"
    (profile,) = (each for each in shipped["profiles"] if each["schedulerName"] == "plimsoll")
    assert (shipped | profile)["percentageOfNodesToScore"] == 100


def test_pods_that_need_no_gpu_are_nobodys_business() -> None:
    own = yaml.safe_load(OWN.read_text())["extenders"][0]["managedResources"]
    for file in (SHARED, DIRECT):
        shipped = yaml.safe_load(file.read_text())
        (extender,) = shipped["extenders"]
        assert extender["managedResources"] == own
        assert "percentageOfNodesToScore" not in shipped, "they keep what they had"


def test_with_and_without_the_relay_differ_in_how_the_extender_is_reached_alone() -> None:
    shared, direct = (yaml.safe_load(file.read_text()) for file in (SHARED, DIRECT))
    (relayed,), (reached,) = shared.pop("extenders"), direct.pop("extenders")
    assert shared == direct
    assert relayed.pop("urlPrefix") == "http://127.0.0.1:8905"
    assert reached.pop("urlPrefix") == "https://CLUSTER-IP:8900"
    assert reached.pop("enableHTTPS") is True
    assert set(reached.pop("tlsConfig")) == {"caFile", "certFile", "keyFile", "serverName"}, "anybody is believed else"
    assert relayed == reached
