"""Fractions share devices, whole GPUs do not, and no device is ever overfilled: on a real kube-scheduler."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.e2e import pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster


@pytest.fixture(autouse=True)
def running_extender(cluster: LocalCluster, managed_namespace: str) -> Iterator[None]:
    """Run the extender, and look after each test, before its pods go, that no device holds more than it has."""
    del managed_namespace  # asked for so that it is torn down after the look
    if cluster.pid("extender") is None:
        cluster.start_extender()
    yield
    assert max(pods.used(cluster).values(), default=0) <= 1000


def test_four_quarter_pods_share_one_device_of_one_node(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.forget_what_ran(cluster)
    pods.create(cluster, managed_namespace, [pods.fraction(f"q{i}", "0.25") for i in range(4)])
    devices = pods.wait_bound(cluster, managed_namespace, 4)
    assert len(set(devices.values())) == 1


def test_a_fifth_quarter_pod_opens_another_device(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.forget_what_ran(cluster)
    pods.create(cluster, managed_namespace, [pods.fraction(f"q{i}", "0.25") for i in range(4)])
    first = set(pods.wait_bound(cluster, managed_namespace, 4).values())
    pods.create(cluster, managed_namespace, [pods.fraction("fifth", "0.25")])
    devices = pods.wait_bound(cluster, managed_namespace, 5)
    assert devices["fifth"] not in first


def test_half_pods_never_overfill_a_device(cluster: LocalCluster, managed_namespace: str) -> None:
    shares = ["0.5", "0.7", "0.5", "0.3", "0.5", "0.25", "0.5", "0.6"]
    pods.create(cluster, managed_namespace, [pods.fraction(f"p{i}", share) for i, share in enumerate(shares)])
    pods.wait_bound(cluster, managed_namespace, len(shares))
    assert max(pods.used(cluster).values()) <= 1000


def test_whole_gpu_pods_never_share(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.create(
        cluster,
        managed_namespace,
        [pods.pod("w1", gpus=1), pods.fraction("f1", "0.25"), pods.pod("w2", gpus=2), pods.fraction("f2", "0.5")],
    )
    devices = pods.wait_bound(cluster, managed_namespace, 4)
    assert len(devices["w2"]) == 2
    whole = [*devices["w1"], *devices["w2"]]
    shared = [*devices["f1"], *devices["f2"]]
    assert len(set(whole)) == 3
    assert not set(whole) & set(shared)


def test_several_devices_of_one_node_are_different_ones(cluster: LocalCluster, managed_namespace: str) -> None:
    wanted = pods.pod("wide", {"gpu-fraction": "0.5", "gpu-fraction-num-devices": "2"})
    pods.create(cluster, managed_namespace, [wanted])
    devices = pods.wait_bound(cluster, managed_namespace, 1)["wide"]
    assert len({device for _, device in devices}) == 2
    assert len({node for node, _ in devices}) == 1


def test_memory_is_counted_in_the_models_own_share(cluster: LocalCluster, managed_namespace: str) -> None:
    pods.forget_what_ran(cluster)
    pods.create(cluster, managed_namespace, [pods.pod(f"m{i}", {"gpu-memory": "20480"}) for i in range(4)])
    devices = pods.wait_bound(cluster, managed_namespace, 4)
    assert len(set(devices.values())) == 1
    found = pods.pods_of(cluster, managed_namespace)[0].metadata.annotations or {}
    assert found["plimsoll.dev/gpu-milli"] == "250"


@pytest.mark.parametrize("value", ["1.5", "abc"])
def test_a_malformed_fraction_gets_an_event_and_stays_pending_while_others_go_on(
    cluster: LocalCluster, managed_namespace: str, value: str
) -> None:
    pods.create(cluster, managed_namespace, [pods.fraction("bad", value), pods.fraction("good", "0.25")])
    assert set(pods.wait_bound(cluster, managed_namespace, 1)) == {"good"}

    def told() -> bool:
        events = pods.events_about(cluster, managed_namespace, "bad")
        return any(
            event.reason == "MalformedGPURequest" and f'gpu-fraction: "{value}" must be a decimal' in event.message
            for event in events
        )

    pods.wait_until("an Event that names key, value and rule", told)
    corrected = {"metadata": {"annotations": {"gpu-fraction": "0.5"}}}
    pods.patch(cluster, f"/api/v1/namespaces/{managed_namespace}/pods/bad", corrected)
    assert set(pods.wait_bound(cluster, managed_namespace, 2)) == {"bad", "good"}


def test_a_pod_that_fits_nowhere_waits_and_is_placed_when_room_is_free(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    pods.create(cluster, managed_namespace, [pods.pod(f"w{i}", gpus=4) for i in range(5)])
    first = pods.wait_bound(cluster, managed_namespace, 4)
    pods.delete(cluster, managed_namespace, next(iter(first)))
    waiting = ({f"w{i}" for i in range(5)} - set(first)).pop()
    assert waiting in pods.wait_bound(cluster, managed_namespace, 4)


@pytest.mark.parametrize("body", [b"", b"{", b'{"Pod": 7}', b"\x00"])
def test_a_malformed_request_is_400_and_the_extender_goes_on(
    cluster: LocalCluster, managed_namespace: str, body: bytes
) -> None:
    for verb in ("filter", "prioritize", "bind"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{cluster.extender_url}/{verb}", body)  # noqa: S310  our own loopback address
        assert refused.value.code == 400
        assert json.loads(refused.value.read())["Error"].startswith(f"{verb}: ")
    pods.create(cluster, managed_namespace, [pods.fraction("good", "0.25")])
    pods.wait_bound(cluster, managed_namespace, 1)


def test_an_extender_killed_between_two_placements_forgets_nothing(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    pods.create(cluster, managed_namespace, [pods.fraction(f"before{i}", "0.6") for i in range(6)])
    before = pods.wait_bound(cluster, managed_namespace, 6)
    cluster.kill("extender", signal.SIGKILL)
    pods.create(cluster, managed_namespace, [pods.fraction(f"after{i}", "0.6") for i in range(6)])
    cluster.start_extender()
    after = pods.wait_bound(cluster, managed_namespace, 12, seconds=120.0)
    assert {name: after[name] for name in before} == before
    assert max(pods.used(cluster).values()) <= 1000


def test_an_extender_killed_in_the_middle_of_a_burst_overfills_nothing(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    wanted = [pods.fraction(f"p{i:02}", "0.3") for i in range(40)]
    with pods.creating(cluster, managed_namespace, wanted, held_back=20):
        pods.wait_until("the first is placed", lambda: pods.holdings(cluster)["bound"] > 0, every_s=0.01)
        cluster.kill("extender", signal.SIGKILL)
        assert 0 < len(pods.placed(pods.pods_of(cluster, managed_namespace))) < 40
    cluster.start_extender()
    pods.wait_bound(cluster, managed_namespace, 40, seconds=180.0)
    assert max(pods.used(cluster).values()) <= 1000


def test_an_api_server_that_stalls_in_the_middle_of_a_burst_overfills_nothing(
    cluster: LocalCluster, managed_namespace: str
) -> None:
    """Bindings of unknown outcome: kube-scheduler has given them up, and they may arrive all the same."""
    try:
        pods.stall_midway(cluster, managed_namespace, [pods.fraction(f"p{i:02}", "0.3") for i in range(30)], first=5)
        time.sleep(8.0)  # longer than kube-scheduler waits for a bind, and longer than the extender waits for an answer
    finally:
        cluster.resume("kube-apiserver")
    pods.wait_bound(cluster, managed_namespace, 30, seconds=120.0)
    assert max(pods.used(cluster).values()) <= 1000

    def settled() -> bool:
        return 'plimsoll_extender_holdings{state="binding"} 0.0' in metrics(cluster)

    pods.wait_until("no binding left whose outcome is unknown", settled, seconds=120.0)


def metrics(cluster: LocalCluster) -> str:
    with urllib.request.urlopen(f"{cluster.extender_url}/metrics") as answer:  # noqa: S310  our own loopback address
        return str(answer.read().decode())
