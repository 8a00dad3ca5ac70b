"""How a project stands: what it holds by kind, what is beyond its quota, and what waits."""

from msgspec.structs import replace

from extender.core.accounts import Account, accounts
from extender.core.quota.kinds import Kind
from extender.core.scheduling import Scheduling
from kube.gpus import Malformed, MilliGpu, Share
from tests.extender.core.test_scheduling_within_quota import bound, pod, scheduling


def test_without_projects_there_is_none() -> None:
    assert accounts(Scheduling()) == ()


def test_what_is_held_is_told_by_kind_and_what_waits_with_what_it_asks() -> None:
    s = scheduling(2000, (("T4", 1500),))
    s.pod_seen(bound("a"))
    s.pod_seen(bound("b", Share(1, MilliGpu(500)), "build", node="b"))
    s.pod_seen(bound("c", Share(2, MilliGpu(1000)), "train", node="b", at=1))
    s.pod_seen(bound("d", Share(1, MilliGpu(100)), "other", node="b"))
    s.pod_seen(replace(pod("gated"), gated=True))
    s.pod_seen(pod("waits", Share(1, MilliGpu(250))))
    s.pod_seen(pod("malformed", Malformed("gpu-fraction", "2", "less")))
    s.filter(pod("promised", Share(1, MilliGpu(100))), ["a"], 0.0)
    search, vision = accounts(s)
    held = {Kind.INFERENCE: 1100, Kind.BUILD: 500, Kind.TRAIN: 2000, Kind.FOREIGN: 100}
    assert search == Account(search.project, held, {"T4": 1100}, 2, 1250)
    assert search.over == 1700
    assert (vision.project.name, vision.over, vision.waiting_pods) == ("vision", 0, 0)
