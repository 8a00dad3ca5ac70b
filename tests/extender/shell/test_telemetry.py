"""What /metrics says is what the ledger holds, and the operators' page lists all of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from extender.core.gang.progress import Stage
from extender.core.ledger.holding import State
from extender.core.quota.projects import Project, Projects
from extender.core.settings import Settings
from extender.shell.telemetry import Telemetry
from kube.gpus import MilliGpu, Share
from tests.extender.core.gang.playing import Cluster
from tests.plimsoll.gpus.telling import WHOLE, place, pod, scheduling

if TYPE_CHECKING:
    from extender.core.scheduling import Scheduling

_PAGE = Path(__file__).parents[3] / "docs" / "operating" / "README.md"
_PREFIX = "plimsoll_extender_"
TWO = Share(2, MilliGpu(1000))  # of devices that no node of one has


def telemetry(of: Scheduling, *, problems: int = 0, now: float = 0.0) -> Telemetry:
    return Telemetry(of, lambda: problems, lambda: now)


def told(telemetry: Telemetry) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return every sample, by family and labels."""
    families = text_string_to_metric_families(telemetry.exposition().decode())
    return {
        family.name: {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples}
        for family in families
    }


def test_gpus_of_each_model_are_told_as_held_and_free() -> None:
    s = scheduling(3)
    place(s, pod("p"), "n0")
    place(s, pod("q", WHOLE), "n1")
    said = told(telemetry(s))
    t4 = (("model", "T4"),)
    assert said[f"{_PREFIX}devices"] == {t4: 3.0}
    assert said[f"{_PREFIX}allocated_gpus"] == {t4: 1.5}
    assert said[f"{_PREFIX}free_gpus"] == {t4: 1.5}
    assert said[f"{_PREFIX}closed_devices"] == {t4: 0.0}


def test_holdings_are_told_by_every_state() -> None:
    s = scheduling(3)
    place(s, pod("p"), "n0")
    s.filter(pod("q"), ["n1"], 0.0)
    said = told(telemetry(s))[f"{_PREFIX}holdings"]
    assert {labels[0][1] for labels in said} == {state.value for state in State}
    assert said[(("state", "bound"),)] == 1.0
    assert said[(("state", "reserved"),)] == 1.0


def test_fragmentation_is_told_in_gpus() -> None:
    s = scheduling(3)
    place(s, pod("p"), "n0")  # of half a GPU, the typical pod by now: what is free suits it
    assert told(telemetry(s))[f"{_PREFIX}fragmented_gpus"] == {(): s.packer.fragmentation() / 1000}


def test_a_node_that_is_left_out_is_told() -> None:
    s = scheduling(1)
    s.node_gone("n0", "split by MIG")
    assert told(telemetry(s))[f"{_PREFIX}left_out_nodes"] == {(): 1.0}


def test_pods_that_wait_are_told_with_the_longest_wait() -> None:
    s = scheduling(1)
    for at, name in ((10.0, "p"), (30.0, "q")):
        s.filter(pod(name, TWO), ["n0"], at)
    s.filter(pod("p", TWO), ["n0"], 50.0)
    said = told(telemetry(s, now=70.0))
    assert said[f"{_PREFIX}waiting_pods"] == {(): 2.0}
    assert said[f"{_PREFIX}longest_wait_seconds"] == {(): 60.0}


def test_nobody_waits_for_no_time() -> None:
    assert told(telemetry(scheduling(1), now=70.0))[f"{_PREFIX}longest_wait_seconds"] == {(): 0.0}


def test_a_refused_configuration_is_told() -> None:
    assert told(telemetry(scheduling(1), problems=2))[f"{_PREFIX}configuration_problems"] == {(): 2.0}


def test_the_shortest_decisions_are_told_apart() -> None:
    page = telemetry(scheduling(0))
    page.decision_seconds.labels("filter").observe(0.00004)
    buckets = {
        labels: value
        for labels, value in told(page)[f"{_PREFIX}decision_duration_seconds"].items()
        if dict(labels).get("le") == "5e-05"
    }
    assert list(buckets.values()) == [1.0]


def test_the_page_for_operators_lists_every_metric_and_no_other() -> None:
    families = {
        name.removeprefix(_PREFIX).removesuffix("_total")
        for name in told(telemetry(scheduling(0)))
        if not name.endswith("_created")  # when a counter without labels began, which no person reads
    }
    page = _PAGE.read_text().partition("## What the extender says")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", page, flags=re.MULTILINE)
    listed = {
        name.removesuffix("_total")
        for row in rows
        for name in re.findall(r"`([a-z_]+)`", re.sub(r"\([^)]*\)", "", row))
    }
    assert listed == families


def test_projects_are_told_with_quota_use_and_what_waits() -> None:
    s = scheduling(2)
    s.projects_are(Projects((Project("search", 1500, (), ("chat",)),)))
    place(s, pod("p", WHOLE), "n0")
    s.pod_seen(pod("q"))
    said = told(telemetry(s))
    search = ("project", "search")
    assert said[f"{_PREFIX}project_quota_gpus"] == {(search,): 1.5}
    used = {dict(labels)["kind"]: value for labels, value in said[f"{_PREFIX}project_used_gpus"].items()}
    assert used == {"inference": 0.0, "build": 0.0, "train": 0.0, "foreign": 1.0}
    assert said[f"{_PREFIX}project_waiting_pods"] == {(search,): 1.0}
    assert said[f"{_PREFIX}project_waiting_gpus"] == {(search,): 0.5}


def test_a_pod_that_waits_for_its_quota_does_not_wait_for_a_gpu() -> None:
    s = scheduling(1)
    s.projects_are(Projects((Project("search", 0, (), ("chat",)),)))
    s.filter(pod("p"), ["n0"], 10.0)
    said = told(telemetry(s, now=70.0))
    assert (said[f"{_PREFIX}waiting_pods"], said[f"{_PREFIX}longest_wait_seconds"]) == ({(): 0.0}, {(): 0.0})


def test_gangs_are_told_by_every_stage_with_who_waits_and_how_long() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("small", 1, 2)  # with one beyond the minimum, which has room
    for gang in ("large", "later"):
        cluster.turn()
        cluster.create(gang, 2, 2)
    cluster.turn()
    said = told(telemetry(cluster.scheduling, now=70.0))
    stages = {dict(labels)["stage"]: value for labels, value in said[f"{_PREFIX}gangs"].items()}
    assert stages == {stage.value: {"waiting": 2.0, "whole": 1.0}.get(stage.value, 0.0) for stage in Stage}
    assert said[f"{_PREFIX}gang_waiting_pods"] == {(): 4.0}
    assert said[f"{_PREFIX}longest_gang_wait_seconds"] == {(): 68.0}


def test_a_gang_that_waits_for_members_waits_for_no_plan() -> None:
    cluster = Cluster(nodes=2)
    cluster.create("g", 2)
    cluster.turn()
    assert told(telemetry(cluster.scheduling, now=70.0))[f"{_PREFIX}longest_gang_wait_seconds"] == {(): 0.0}


def test_the_nodes_that_are_kept_for_a_gang_are_counted() -> None:
    cluster = Cluster(nodes=2)
    cluster.single("first")
    cluster.turn()
    cluster.create("g", 2, 2)
    cluster.turn()
    assert told(telemetry(cluster.scheduling))[f"{_PREFIX}kept_nodes"] == {(): 0.0}
    cluster.turn(Settings().gang.patience_s)
    assert told(telemetry(cluster.scheduling))[f"{_PREFIX}kept_nodes"] == {(): 2.0}


def test_both_outcomes_of_plans_are_there_from_the_start() -> None:
    said = told(telemetry(scheduling(0)))[f"{_PREFIX}gang_plans"]
    assert {dict(labels)["result"] for labels in said if "result" in dict(labels)} == {"made", "undone"}
