"""When the leader of two autoscalers goes, nothing happens to fifty workloads: no count changes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e import pods
from tests.e2e.fifty import DOUBLE, WORKLOADS, Fifty
from tests.e2e.standby import TAKE_OVER_S, Misfortune, Pair, Standby, suffering, wait
from tests.e2e.test_many_workloads import scale_writes
from tests.integration.scraping import Exporter, serving_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.local import LocalCluster

ROUNDS = 2
SETTLED_S = 5.0  # two ticks and more


@pytest.fixture
def page(cluster: LocalCluster) -> Iterator[Exporter]:
    with serving_pages() as exporter:
        exporter.pages["/metrics"] = ""
        cluster.scrape_targets.write_text(json.dumps([{"targets": [f"127.0.0.1:{exporter.port}"]}]))
        yield exporter
        cluster.scrape_targets.write_text("[]")


@pytest.fixture
def pair(cluster: LocalCluster, tmp_path: Path) -> Iterator[Pair[Standby]]:
    """Two autoscalers, and no third."""
    if cluster.pid("autoscaler") is not None:
        cluster.stop("autoscaler")
    with Pair((Standby(cluster, "one", tmp_path), Standby(cluster, "two", tmp_path))) as running:
        yield running


@pytest.fixture
def fifty(cluster: LocalCluster, plain_namespace: str, page: Exporter, pair: Pair[Standby]) -> Fifty:
    """Fifty workloads, on which both have decided."""
    workloads = Fifty(cluster, plain_namespace, page)
    for each in pair.both:
        wait("every workload is decided on", lambda each=each: each.decided(plain_namespace) == WORKLOADS, 60.0)  # type: ignore[misc]
    return workloads


def test_no_misfortune_of_the_leader_changes_a_count_and_the_other_takes_over_in_time(
    cluster: LocalCluster, pair: Pair[Standby], fifty: Fifty
) -> None:
    before, writes = fifty.counts(), scale_writes(cluster)
    for misfortune in Misfortune:
        for _ in range(ROUNDS):
            with suffering(pair, misfortune) as (leading, taken_s):
                assert taken_s is None or taken_s < TAKE_OVER_S
                time.sleep(SETTLED_S)
                assert leading.leads()
            time.sleep(SETTLED_S)
            assert fifty.counts() == before
            assert scale_writes(cluster) == writes
    assert set(before.values()) == {1}
    assert set(fifty.changes().values()) == {0}


def test_a_change_that_is_due_while_the_leader_is_stopped_is_made_once_by_the_other(
    cluster: LocalCluster, pair: Pair[Standby], fifty: Fifty
) -> None:
    writes, written = scale_writes(cluster), sum(each.written() for each in pair.both)
    with suffering(pair, Misfortune.STOPPED) as (leading, _):
        fifty.load = DOUBLE
        pods.wait_until("two pods each", lambda: fifty.show() == 2 * WORKLOADS, seconds=120.0)
        assert scale_writes(cluster) == writes + WORKLOADS
        pods.wait_until("all are its own", lambda: leading.written() >= WORKLOADS)
    time.sleep(SETTLED_S)
    assert set(fifty.counts().values()) == {2}
    assert scale_writes(cluster) == writes + WORKLOADS
    assert set(fifty.changes().values()) == {1}
    assert sum(each.written() for each in pair.both) == written + WORKLOADS


def test_a_leader_that_is_stopped_in_the_midst_of_its_writes_leaves_none_undone_and_none_is_made_twice(
    cluster: LocalCluster, pair: Pair[Standby], fifty: Fifty
) -> None:
    before, writes, leader = fifty.counts(), scale_writes(cluster), pair.leader()
    wire = leader.wires[0]
    wire.slow_s = 0.3  # so that some writes are done, some are under way, and some have not begun
    fifty.load = DOUBLE
    fifty.show()
    wait("the first write is made", lambda: fifty.counts() != before, 60.0)
    wire.cut()  # what is under way arrives once the leader is stopped
    with suffering(pair, Misfortune.STOPPED, wire.mend) as (other, _):
        pods.wait_until("two pods each", lambda: fifty.show() == 2 * WORKLOADS, seconds=120.0)
        pods.wait_until("some were left to the other", lambda: other.written() > 0)
        assert other.written() < WORKLOADS
    time.sleep(SETTLED_S)
    assert set(fifty.counts().values()) == {2}
    assert set(fifty.changes().values()) == {1}
    assert scale_writes(cluster) == writes + WORKLOADS


def test_an_orderly_end_hands_over_at_once(pair: Pair[Standby], fifty: Fifty) -> None:
    assert fifty.counts()
    leader = pair.leader()
    leader.processes[0].terminate()
    assert leader.processes[0].wait(60.0) == 0
    assert "gave the lease back" in leader.log.read_text(), "else it would run out after 8 s"
    wait("the other leads", pair.other(leader).leads, 60.0)
