from __future__ import annotations

from extender.core.answers import BindTo
from extender.core.explaining import NOT_ASKED, Holder, UnknownPod, Waiter, explain
from extender.core.ledger.holding import State
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.quota.projects import Project, Projects
from extender.core.scheduling import Scheduling
from kube.gpus import Malformed, MiB, MilliGpu, Placement, Share, Unmapped
from tests.extender.core.gang.playing import Cluster

HALF, WHOLE = Share(1, MilliGpu(500)), Share(1, MilliGpu(1000))


def key(name: str, namespace: str = "chat", uid: str = "") -> PodKey:
    return PodKey(uid or f"uid-{name}", namespace, name)


def scheduling(nodes: int = 1) -> Scheduling:
    result = Scheduling()
    result.nodes_are(GpuNode(f"n{number}", alike(1, MiB(16_384)), "T4") for number in range(nodes))
    return result


def place(on: Scheduling, pod: SeenPod, nodes: list[str], now: float = 0.0) -> None:
    on.filter(pod, nodes, now)
    held = on.ledger.holding(pod.key.uid)
    assert held is not None
    assert isinstance(on.bind(pod.key.uid, held.node, now), BindTo)
    on.bound(pod.key.uid)


def test_a_pod_that_was_refused_says_why() -> None:
    s = scheduling()
    place(s, SeenPod(key("p"), WHOLE), ["n0"])
    s.filter(SeenPod(key("q"), HALF), ["n0"], 1.0)
    found = explain(s, "chat", "q")
    assert isinstance(found, Waiter)
    assert (found.asks, found.reason) == ("0.5 of a GPU", "1 node: no device with 500 milli-GPU free")
    assert found.waits is not None
    assert found.waits.last_at == 1.0


def test_a_pod_that_nobody_asked_about_says_where_the_reason_stands() -> None:
    s = scheduling()
    s.pod_seen(SeenPod(key("p"), HALF))
    s.pod_seen(SeenPod(key("gated"), HALF, gated=True))
    s.pod_seen(SeenPod(key("bad"), Malformed("gpu-fraction", "2", "a decimal, 0 < x < 1")))
    assert explain(s, "chat", "p") == Waiter(key("p"), "0.5 of a GPU", NOT_ASKED, kind="foreign")
    for name, word in (("gated", "spec.schedulingGates"), ("bad", 'gpu-fraction: "2" must be a decimal')):
        found = explain(s, "chat", name)
        assert isinstance(found, Waiter)
        assert word in found.reason


def test_a_pod_whose_gpus_the_kubelet_would_pick_says_why_it_gets_none_here() -> None:
    s = scheduling()
    s.filter(SeenPod(key("p"), Unmapped()), ["n0"], 1.0)
    found = explain(s, "chat", "p")
    assert isinstance(found, Waiter)
    assert found.reason.startswith("1 node: its GPUs are given by Plimsoll alone")


def test_a_placed_pod_says_what_it_holds_and_what_was_weighed() -> None:
    s = scheduling(3)
    place(s, SeenPod(key("first"), HALF), ["n1"])
    place(s, SeenPod(key("p"), HALF), ["n0", "n1", "n2"], 7.0)
    found = explain(s, "chat", "p")
    assert isinstance(found, Holder)
    assert (found.holding.node, found.holding.devices, found.holding.state) == ("n1", ("0",), State.BOUND)
    assert (found.model, found.asks) == ("T4", "0.5 of a GPU")
    assert found.weighed is not None
    assert (found.weighed.at, found.weighed.offered, found.weighed.choice.fitting) == (7.0, 3, 3)
    assert [other.node for other in found.weighed.others] == ["n0"], "the one that would have been next"
    assert all(other.score < found.weighed.choice.score for other in found.weighed.others)


def test_a_place_that_another_chose_has_no_score() -> None:
    s = scheduling()
    s.pod_seen(SeenPod(key("p"), HALF, "n0", Placement(("0",), MilliGpu(500))))
    found = explain(s, "chat", "p")
    assert isinstance(found, Holder)
    assert found.weighed is None


def test_a_promise_that_ended_is_said() -> None:
    s = scheduling()
    s.filter(SeenPod(key("p"), HALF), ["n0"], 0.0)
    s.to_kick(s.settings.reservation_s)
    found = explain(s, "chat", "p")
    assert isinstance(found, Waiter)
    assert found.reason == "its place on node n0 was not bound in time: kube-scheduler asks again"


def test_of_two_pods_of_one_name_the_one_that_waits_is_meant() -> None:
    s = scheduling()
    place(s, SeenPod(key("p", uid="old"), WHOLE), ["n0"])
    s.filter(SeenPod(key("p", uid="new"), WHOLE), ["n0"], 1.0)
    found = explain(s, "chat", "p")
    assert isinstance(found, Waiter)
    assert found.pod.uid == "new"


def test_an_unknown_pod_is_answered_with_near_names_and_one_without_gpus_is_unknown() -> None:
    s = scheduling()
    s.pod_seen(SeenPod(key("llama-0"), HALF))
    s.pod_seen(SeenPod(key("llama-1", "search"), HALF))
    s.pod_seen(SeenPod(key("web"), None, "n0"))
    assert explain(s, "chat", "lama-0") == UnknownPod((key("llama-0"),))
    assert explain(s, "chat", "llama-1") == UnknownPod((key("llama-1", "search"), key("llama-0")))
    assert explain(s, "x", "y") == UnknownPod(())
    assert explain(s, "chat", "web") == UnknownPod(())


def test_project_and_kind_are_told_of_a_pod_that_waits_and_of_one_that_has_its_place() -> None:
    s = scheduling()
    s.projects_are(Projects((Project("search", 5000, (), ("chat",)),)))
    s.pod_seen(SeenPod(key("q"), HALF, priority_class="plimsoll-train"))
    place(s, SeenPod(key("p"), HALF, priority_class="plimsoll-inference"), ["n0"])
    for name, kind in (("q", "train"), ("p", "inference")):
        found = explain(s, "chat", name)
        assert isinstance(found, Waiter | Holder)
        assert (found.project, found.kind) == ("search", kind)


def test_a_pod_over_quota_says_so() -> None:
    s = scheduling()
    s.projects_are(Projects((Project("search", 100, (), ("chat",)),)))
    s.filter(SeenPod(key("p"), HALF), ["n0"], 1.0)
    found = explain(s, "chat", "p")
    assert isinstance(found, Waiter)
    assert found.reason == "project search: over quota: asks 0.5 GPUs, 0 of 0.1 are used, 0.4 missing"


def test_a_member_of_a_gang_that_waits_says_why_its_gang_does() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 2, 2)
    cluster.turn()
    found = explain(cluster.scheduling, "default", "g-001")
    assert isinstance(found, Waiter)
    assert found.reason == "2 pods needed at once, 1 fit; the next: 1 node: no whole GPU free"
    assert found.gang is not None
    assert (found.gang.gang.name, found.gang.needed, found.gang.waiting) == ("g", 2, 2)
    assert "gate" not in found.reason, "whoever put it there is Plimsoll"


def test_a_member_without_a_gate_says_the_same_and_that_it_was_asked_about() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 2, 2, gated=False)
    cluster.turn()
    found = explain(cluster.scheduling, "default", "g-001")
    assert isinstance(found, Waiter)
    assert found.reason == "2 pods needed at once, 1 fit; the next: 1 node: no whole GPU free"
    assert found.waits is not None
    assert (found.waits.reason, found.waits.misfits, found.waits.asked) == (found.reason, (), 1)


def test_a_malformed_member_names_its_own_annotation() -> None:
    cluster = Cluster(nodes=1)
    cluster.create("g", 1, request=Malformed("gpu-fraction", "2", "a decimal, 0 < x < 1"))
    cluster.turn()
    found = explain(cluster.scheduling, "default", "g-001")
    assert isinstance(found, Waiter)
    assert found.reason.startswith('gpu-fraction: "2" must be a decimal')


def test_a_member_stands_where_its_gangs_plan_put_it_promised_and_bound() -> None:
    cluster = Cluster(nodes=1, gpus=2)
    cluster.create("g", 2, 2)
    cluster.turn(most=1)
    for name, state in (("g-001", State.BOUND), ("g-002", State.RESERVED)):
        found = explain(cluster.scheduling, "default", name)
        assert isinstance(found, Holder)
        assert (found.holding.state, found.by_plan, found.weighed) == (state, True, None)
        assert found.gang is not None
        assert (found.gang.bound, found.gang.promised) == (1, 1)


def test_a_pod_of_no_gang_stands_by_no_plan() -> None:
    s = scheduling()
    place(s, SeenPod(key("p"), HALF), ["n0"])
    found = explain(s, "chat", "p")
    assert isinstance(found, Holder)
    assert (found.gang, found.by_plan) == (None, False)
