"""Filter and bind promise nothing beyond a project's quota, say so in words that stay, and wake who waits for it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from extender.core.answers import BindRefused, BindTo, Chosen, Refused
from extender.core.explanations import Cause
from extender.core.ledger.holding import State
from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.quota.kinds import Kinds
from extender.core.quota.projects import Project, Projects
from extender.core.scheduling import Scheduling
from extender.core.settings import Settings
from kube.gpus import MemoryShare, MiB, MilliGpu, Placement, Share, Unmapped
from tests.extender.core.answered import reasons_of

WHOLE = Share(1, MilliGpu(1000))
NODES = ["a", "b", "kubelets"]
BRIEF = "project search: asks 1 GPU, more than is left of its quota"
LATER = 100.0


def pod(name: str, request: object = WHOLE, kind: str = "inference", **more: object) -> SeenPod:
    found = SeenPod(PodKey(name, "search", name), request, priority_class=f"plimsoll-{kind}")  # type: ignore[arg-type]
    return replace(found, **more)


def bound(name: str, request: Share = WHOLE, kind: str = "inference", *, node: str = "a", at: int = 0) -> SeenPod:
    """Return a pod that was bound to the devices of a node from `at` on."""
    devices = tuple(str(at + number) for number in range(request.devices))
    return pod(name, request, kind, node=node, placed=Placement(devices, request.milli))


def scheduling(quota: int = 1000, models: tuple[tuple[str, int], ...] = (), *, one_node: bool = True) -> Scheduling:
    """Two nodes of four GPUs: T4 on `a`, L4 on `b`."""
    result = Scheduling()
    result.nodes_are([GpuNode("a", alike(4, MiB(16_384)), "T4"), GpuNode("b", alike(4, MiB(24_576)), "L4")])
    result.tune(Settings(one_node=one_node))
    configure(result, quota, models)
    return result


def configure(on: Scheduling, quota: int, models: tuple[tuple[str, int], ...] = ()) -> None:
    vision = Project("vision", 1000, (), ("vision",))
    on.projects_are(Projects((Project("search", quota, models, ("search",)), vision)))


def test_what_is_promised_counts_before_it_is_bound() -> None:
    s = scheduling()
    assert isinstance(s.filter(pod("p"), NODES, 0.0), Chosen)
    assert reasons_of(s.filter(pod("q"), NODES, 0.0)) == dict.fromkeys(NODES, BRIEF)


def test_a_pod_does_not_stand_in_its_own_way_when_it_is_filtered_again() -> None:
    s = scheduling()
    s.filter(pod("p"), NODES, 0.0)
    assert isinstance(s.filter(pod("p"), NODES, 1.0), Chosen)


def test_a_promise_that_ended_counts_no_more() -> None:
    s = scheduling()
    s.filter(pod("p"), NODES, 0.0)
    assert isinstance(s.filter(pod("q"), NODES, Settings().reservation_s), Chosen)


def test_a_binding_of_unknown_outcome_counts_and_so_does_a_pod_that_left_without_a_word() -> None:
    s = scheduling()
    answer = s.filter(pod("p"), NODES, 0.0)
    assert isinstance(answer, Chosen)
    to = s.bind("p", answer.nodes[0], 0.0)
    assert isinstance(to, BindTo)
    s.unknown(to)
    assert isinstance(s.filter(pod("q"), NODES, 1000.0), Refused)
    s.bound("p")
    s.pod_gone("p", 1000.0)
    assert isinstance(s.filter(pod("q"), NODES, 1001.0), Refused)
    assert isinstance(s.filter(pod("q"), NODES, 1000.0 + Settings().quarantine_s), Chosen)


def test_a_promise_stands_when_the_quota_is_lowered_before_it_is_bound() -> None:
    s = scheduling()
    answer = s.filter(pod("p"), NODES, 0.0)
    assert isinstance(answer, Chosen)
    configure(s, 0)
    assert isinstance(s.bind("p", answer.nodes[0], 0.0), BindTo)


def test_bind_asks_again_where_it_chooses_itself() -> None:
    s = scheduling(one_node=False)
    for name in ("p", "q"):
        assert s.filter(pod(name), ["a", "b"], 0.0) == Chosen(("a", "b"))
    assert isinstance(s.bind("p", "a", 0.0), BindTo)
    assert s.bind("q", "b", 0.0) == BindRefused(BRIEF)


def test_whole_gpus_of_the_kubelet_count_from_the_moment_that_their_binding_is_sent() -> None:
    s = scheduling(3000)
    for name in ("p", "q"):
        assert s.filter(pod(name, Unmapped(), gpus=2), NODES, 0.0) == Chosen(("kubelets",))
    to = s.bind("p", "kubelets", 0.0)
    assert isinstance(to, BindTo)
    assert to.placed is None
    assert isinstance(s.bind("q", "kubelets", 0.0), BindRefused)
    again = s.bind("p", "kubelets", 1.0)
    assert isinstance(again, BindTo)
    assert again.again
    s.bound("p")
    held = s.ledger.holding("p")
    assert held is not None
    assert held.state is State.BOUND
    assert reasons_of(s.filter(pod("q", Unmapped(), gpus=2), NODES, 0.0))["kubelets"] == BRIEF.replace(
        "1 GPU", "2 GPUs"
    )


def test_a_refused_binding_of_whole_gpus_of_the_kubelet_gives_them_back() -> None:
    s = scheduling(2000)
    s.filter(pod("p", Unmapped(), gpus=2), NODES, 0.0)
    to = s.bind("p", "kubelets", 0.0)
    assert isinstance(to, BindTo)
    s.not_bound(to)
    assert s.ledger.holding("p") is None
    assert isinstance(s.filter(pod("q", Unmapped(), gpus=2), NODES, 0.0), Chosen)


@pytest.mark.parametrize("one_node", [True, False])
def test_nodes_of_a_model_whose_quota_is_used_up_are_no_candidates(one_node: bool) -> None:  # noqa: FBT001
    s = scheduling(4000, (("T4", 1000),), one_node=one_node)
    s.pod_seen(bound("there"))
    assert s.filter(pod("p"), ["a", "b"], 0.0) == Chosen(("b",))
    refused = s.filter(pod("q"), ["a", "elsewhere"], 0.0)
    assert reasons_of(refused)["a"] == f"{BRIEF} of T4"
    assert reasons_of(refused)["elsewhere"].startswith("its GPUs are not Plimsoll's")
    waits = s.explanations.waits("q")
    assert waits is not None
    assert waits.cause is Cause.QUOTA
    told = "project search: over quota of T4: asks 1 GPU, 1 of 1 are used (1 by search/there), 1 missing"
    assert waits.reason.endswith(told)
    assert s.explanations.waiting_since() == []
    assert s.bind("q", "a", 0.0) == BindRefused(f"{BRIEF} of T4")


def test_an_event_tells_the_use_as_it_is_and_kube_scheduler_the_same_words_each_time() -> None:
    s = scheduling(2000)
    for name in ("p", "q"):
        s.filter(pod(name), NODES, 0.0)
    first = s.filter(pod("r"), NODES, 0.0)
    assert s.explanations.to_tell("r", 0.0) == (
        "project search: over quota: asks 1 GPU, 2 of 2 are used (1 by search/p, 1 by search/q), 1 missing"
    )
    s.pod_gone("q", 1.0)
    s.filter(pod("bigger", Share(1, MilliGpu(700)), kind="build"), NODES, 1.0)
    assert reasons_of(s.filter(pod("r"), NODES, 1.0)) == reasons_of(first)
    assert "1.7 of 2" in s.explanations.to_tell("r", 20.0)


def test_a_label_that_nothing_authorises_is_a_reason_and_no_place_is_promised() -> None:
    s = scheduling()
    refused = s.filter(pod("p", project="vision"), NODES, 0.0)
    said = (
        'label plimsoll.dev/project of the pod: "vision" must be a project that config-projects authorises for '
        "namespace search (search)"
    )
    assert reasons_of(refused) == dict.fromkeys(NODES, said)
    waits = s.explanations.waits("p")
    assert waits is not None
    assert (waits.cause, waits.reason) == (Cause.PROJECT, said)
    assert s.ledger.holding("p") is None


def kicked(s: Scheduling, now: float = LATER) -> list[str]:
    return [key.uid for key in s.to_kick(now)]


def test_who_waits_for_quota_is_woken_when_it_is_raised_and_no_more_than_there_is_room_for() -> None:
    s = scheduling()
    s.filter(pod("p"), NODES, 0.0)
    s.bind("p", "a", 0.0)
    for at, name in enumerate(("q", "r", "t")):
        s.filter(pod(name), NODES, float(at))
    assert kicked(s) == []
    configure(s, 2000)
    assert kicked(s) == ["q"]
    configure(s, 4000)
    assert kicked(s, LATER + 1) == ["q", "r", "t"]


def test_who_was_not_woken_for_others_before_it_is_tried_when_those_do_not_take_the_room() -> None:
    s = scheduling(0)
    for at, name in enumerate(("q", "r")):
        s.filter(pod(name), NODES, float(at))
    configure(s, 1000)
    assert kicked(s) == ["q"]
    assert kicked(s, LATER + 0.5) == ["r"]


def test_who_waits_for_quota_is_woken_when_a_pod_of_its_project_goes() -> None:
    s = scheduling()
    s.pod_seen(bound("p"))
    s.filter(pod("q"), NODES, 0.0)
    assert kicked(s) == []
    s.pod_gone("p", LATER, ended=True)
    assert kicked(s) == ["q"]


@pytest.mark.parametrize("full", [False, True])
def test_a_closed_device_beside_room_is_not_what_keeps_a_pod_off_a_model_whose_quota_is_used_up(full: bool) -> None:  # noqa: FBT001
    s = scheduling(8000, (("T4", 500),))
    sick = Device("0", MiB(16_384), "unhealthy")
    s.nodes_are([GpuNode("a", (sick, *alike(4, MiB(16_384))[1:]), "T4")])
    if full:
        s.pod_seen(bound("on-the-sick-one", kind="train"))
    assert reasons_of(s.filter(pod("p"), ["a"], 0.0)) == {"a": f"{BRIEF} of T4"}


def test_who_waits_for_a_model_is_woken_when_its_quota_has_room() -> None:
    s = scheduling(4000, (("T4", 1000),))
    s.pod_seen(bound("p"))
    s.filter(pod("q"), ["a"], 0.0)
    assert kicked(s) == []
    configure(s, 4000, (("T4", 2000),))
    assert kicked(s) == ["q"]


def test_who_waits_for_the_right_label_is_woken_when_namespace_or_configuration_give_it_a_project() -> None:
    s = scheduling()
    s.quota.label_namespaces({"search": "vision"})
    s.filter(pod("p"), NODES, 0.0)
    assert kicked(s) == []
    s.quota.label_namespaces({"search": "search"})
    assert kicked(s) == ["p"]
    s.projects_are(Projects((Project("vision", 1000, (), ("search",)),)))
    s.filter(pod("p"), NODES, LATER)
    s.quota.label_namespaces({})
    assert kicked(s, 2 * LATER) == ["p"]


def test_whole_gpus_of_the_kubelet_that_wait_for_quota_are_woken_too() -> None:
    s = scheduling(1000)
    s.filter(pod("p", Unmapped(), gpus=2), NODES, 0.0)
    configure(s, 2000)
    assert kicked(s) == ["p"]


def test_kinds_that_are_mapped_anew_wake_who_is_train_now() -> None:
    s = scheduling(0)
    s.filter(pod("p", kind="batch"), NODES, 0.0)
    s.tune(Settings(kinds=Kinds(train=("plimsoll-batch",))))
    assert kicked(s) == ["p"]


def test_mib_are_charged_at_most_at_filter_and_as_they_are_once_promised() -> None:
    s = scheduling(333)
    eight = MemoryShare(1, MiB(4096))
    assert isinstance(s.filter(pod("p", eight, models=("L4",)), ["b"], 0.0), Chosen)
    assert s.quota.room("search") == 333 - 167
    assert isinstance(s.filter(pod("q", eight), ["b"], 0.0), Refused)
    assert isinstance(s.filter(pod("q", eight, models=("L4",)), ["b"], 0.0), Refused)
    configure(s, 334)
    assert isinstance(s.filter(pod("q", eight, models=("L4",)), ["b"], 0.0), Chosen)


def test_who_corrects_its_own_label_is_tried_again() -> None:
    s = scheduling()
    s.filter(pod("p", project="vision", version="1"), NODES, 0.0)
    s.pod_seen(pod("p", project="vision", version="2"))
    assert kicked(s) == []
    s.pod_seen(pod("p", project="search", version="3"))
    assert kicked(s) == ["p"]


def test_bindings_of_whole_gpus_of_the_kubelet_are_fenced_off_where_they_would_cost_a_project() -> None:
    s = scheduling()
    s.pod_seen(pod("p", Unmapped(), gpus=2))
    s.pod_seen(pod("gated", Unmapped(), gated=True))
    assert [key.uid for key in s.to_fence()] == ["p"]
    s.projects_are(Projects())
    assert s.to_fence() == ()
