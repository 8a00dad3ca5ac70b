"""A pod that is not scheduled is told why, in kube-scheduler's words as they were seen on 1.36."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.scheduling import verdict
from plimsoll.embedded.core.scheduling.fitting import fit
from plimsoll.embedded.core.scheduling.occupancy import Occupancy
from plimsoll.embedded.core.scheduling.verdict import Failed, Rejected
from tests.plimsoll.embedded.scheduling import node_view, pod_view

NOW, BEFORE = "2026-01-01T00:00:09Z", "2026-01-01T00:00:00Z"
NOT_HELPFUL = (
    "no new claims to deallocate, preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
)


def _four() -> Occupancy:
    occupancy = Occupancy()
    for number in range(4):
        occupancy.put_node(node_view(f"gpu-0{number}", labels={"kubernetes.io/hostname": f"gpu-0{number}"}))
    return occupancy


def _message(occupancy: Occupancy, **pod: Any) -> str:
    asking = pod_view(**pod)
    return verdict.rejected(asking, occupancy, (), fit(asking, occupancy, ())).message


def _pinned(*names: str) -> dict[str, Any]:
    fields = [{"key": "metadata.name", "operator": "In", "values": [name]} for name in names]
    return {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}
        }
    }


@pytest.mark.parametrize(
    ("pod", "first"),
    [
        ({"requests": {"cpu": "97"}}, "4 Insufficient cpu."),
        (
            {"requests": {"cpu": "97", "nvidia.com/gpu": "9"}},
            "4 Insufficient cpu, 4 Insufficient nvidia.com/gpu.",
        ),
        ({"nodeSelector": {"a": "b"}}, "4 node(s) didn't match Pod's node affinity/selector."),
        (
            {"requests": {"cpu": "97"}, "affinity": _pinned("gpu-02")},
            "1 Insufficient cpu, 3 node(s) didn't satisfy plugin(s) [NodeAffinity].",
        ),
        ({"affinity": _pinned("nowhere")}, "4 node(s) didn't satisfy plugin(s) [NodeAffinity]."),
    ],
)
def test_reasons_are_counted_and_sorted(pod: dict[str, Any], first: str) -> None:
    assert _message(_four(), **pod) == f"0/4 nodes are available: {first} {NOT_HELPFUL}"


def test_each_node_may_have_a_reason_of_its_own() -> None:
    occupancy = _four()
    occupancy.put_node(node_view("gpu-00", unschedulable=True))
    occupancy.put_node(node_view("gpu-01", taints=[{"key": "a", "value": "b", "effect": "NoSchedule"}]))
    asked = {"nodeSelector": {"kubernetes.io/hostname": "gpu-02"}, "requests": {"memory": "2Ti"}}
    assert _message(occupancy, **asked) == (
        "0/4 nodes are available: 1 Insufficient memory, 1 node(s) didn't match Pod's node affinity/selector, "
        f"1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. {NOT_HELPFUL}"
    )


def test_an_affinity_at_odds_with_itself_is_told_first() -> None:
    message = _message(_four(), affinity=_pinned("gpu-00", "gpu-01"))
    assert message == "0/4 nodes are available: pod affinity terms conflict. not found"


def test_an_extenders_reasons_stand_beside_ours_and_what_it_keeps_to_itself_is_not_told() -> None:
    occupancy, pod = _four(), pod_view()
    found = fit(pod, occupancy, ()).narrowed((), {"gpu-00": "full"}, {"gpu-01": "unfit", "gpu-02": "unfit"})
    assert verdict.rejected(pod, occupancy, (), found).message == (
        "0/4 nodes are available: 1 full, 2 unfit. no new claims to deallocate, preemption: 0/4 nodes are available: "
        "1 No preemption victims found for incoming pod, 3 Preemption is not helpful for scheduling."
    )


def test_a_pod_that_may_not_preempt_is_told_so() -> None:
    message = _message(_four(), requests={"cpu": "97"}, preemptionPolicy="Never")
    assert message.endswith("no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.")


def test_where_an_eviction_would_help_nobody_is_evicted_and_it_is_said() -> None:
    occupancy = _four()
    occupancy.bind(pod_view("low", node="gpu-00", requests={"cpu": "8"}))
    for number in (1, 2, 3):
        occupancy.bind(pod_view(f"high-{number}", node=f"gpu-0{number}", requests={"cpu": "8"}, priority=9))
    message = _message(occupancy, requests={"cpu": "1"}, priority=5)
    assert message.endswith("3 No preemption victims found for incoming pod; the embedded scheduler does not preempt")
    assert "does not preempt" not in _message(occupancy, requests={"cpu": "1"})


def test_a_verdict_becomes_a_condition_once() -> None:
    rejected = Rejected("no room", frozenset())
    patch = verdict.status_patch(pod_view(), rejected, NOW)
    assert patch is not None
    said = {
        "type": "PodScheduled",
        "observedGeneration": 1,
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": NOW,
        "reason": "Unschedulable",
        "message": "no room",
    }
    assert patch["status"] == {"conditions": [said]}
    assert verdict.status_patch(pod_view(status={"conditions": [said]}), rejected, NOW) is None


def test_a_patch_holds_for_the_version_it_was_made_for_and_keeps_other_conditions() -> None:
    before = {"type": "PodScheduled", "status": "False", "reason": "Other", "lastTransitionTime": BEFORE}
    pod = pod_view(status={"conditions": [{"type": "Mine", "status": "True"}, before]})
    patch = verdict.status_patch(pod, Failed("boom"), NOW)
    assert patch is not None
    assert patch["metadata"] == {"uid": pod.uid, "resourceVersion": pod.version}
    mine, said = patch["status"]["conditions"]
    assert mine == {"type": "Mine", "status": "True"}
    assert (said["reason"], said["message"], said["lastTransitionTime"]) == ("SchedulerError", "boom", BEFORE)


@pytest.mark.parametrize(
    ("why", "cleared"),
    [
        (Failed("boom"), True),
        (Rejected("no room", frozenset()), True),
        (Rejected("no room", frozenset(), keeps_nomination=True), False),
    ],
)
def test_a_promise_ends_with_a_failed_try(why: verdict.Unplaced, cleared: bool) -> None:  # noqa: FBT001  a column
    patch = verdict.status_patch(pod_view(nominated="gpu-00"), why, NOW)
    assert patch is not None
    assert ("nominatedNodeName" in patch["status"]) is cleared


def test_a_long_message_is_cut_for_an_event() -> None:
    assert verdict.shortened("x" * 1024) == "x" * 1024
    assert verdict.shortened("x" * 1025) == "x" * 1020 + " ..."
