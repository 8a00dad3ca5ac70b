"""Whose a pod was, and whether it was ready, told by names, times and counts."""

from __future__ import annotations

import pytest

from autoscaler.core.model import WorkloadKey
from autoscaler.core.targets.past import Owners, PresentPod, gone_by_owner, ready_then

KEYS = [
    WorkloadKey("d", "ns", "chat"),
    WorkloadKey("e", "ns", "chat-6b8d7c5f9"),
    WorkloadKey("s", "ns", "store", "apps/v1", "StatefulSet", "statefulsets"),
    WorkloadKey("r", "ns", "bare", "apps/v1", "ReplicaSet", "replicasets"),
    WorkloadKey("c", "ns", "custom", "example.com/v1", "Model", "models"),
]


@pytest.mark.parametrize(
    ("pod", "uid"),
    [
        ("chat-6b8d7c5f9-x2x4z", "d"),
        ("chat-6b8d7c5f9-7d9f8b6c5-x2x4z", "e"),
        ("chat-x2x4z", ""),
        ("store-0", "s"),
        ("store-12", "s"),
        ("bare-x2x4z", "r"),
        ("custom-x2x4z", ""),
        ("chat-6b8d7c5f9-aeiou", ""),  # no controller makes such a suffix
        ("", ""),
    ],
)
def test_a_pod_that_is_gone_was_whose_name_it_bears(pod: str, uid: str) -> None:
    assert Owners(KEYS).of("ns", pod) == uid
    assert Owners(KEYS).of("elsewhere", pod) == ""


def test_a_pod_that_is_here_counts_from_when_it_became_ready() -> None:
    pods = [PresentPod("b", 100), PresentPod("a", 200)]
    assert [ready_then(pods, {}, at_s, None) for at_s in (99, 100, 200)] == [(), ("b",), ("a", "b")]


def test_of_those_that_are_gone_no_more_count_than_were_ready_and_the_latest_first() -> None:
    gone = {"x": 150.0, "y": 160.0, "z": 160.0}
    present = [PresentPod("a", 100)]
    assert ready_then(present, gone, 160, 3) == ("a", "y", "z")
    assert ready_then(present, gone, 160, 1) == ("a",)
    assert ready_then(present, gone, 160, 0) == ("a",)
    assert ready_then(present, gone, 160, None) == ("a", "x", "y", "z")


def test_what_told_a_load_and_is_here_is_not_gone() -> None:
    shown = {("ns", "chat-6b8d7c5f9-x2x4z"): 1.0, ("ns", "store-0"): 2.0, ("ns", "nobodys"): 3.0}
    assert gone_by_owner(shown, {("ns", "store-0")}, Owners(KEYS)) == {"d": {"chat-6b8d7c5f9-x2x4z": 1.0}}
