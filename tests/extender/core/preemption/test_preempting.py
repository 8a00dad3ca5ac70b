"""kube-scheduler evicts for a pod that needs GPUs only whose leaving gives it devices, and never whom we spare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extender.core.ledger.holding import Holding, State
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import Backend, Device, GpuNode, alike
from extender.core.model import Ask, Membership, PodKey, SeenPod
from extender.core.preemption.preempting import Situation, answer, made_room_for, nominated
from extender.core.quota.kinds import Kinds
from extender.core.quota.projects import Project, Projects
from extender.core.quota.quota import Quota
from kube.gpus import FRACTION, Malformed, MemoryShare, MiB, MilliGpu, Share, Unmapped

if TYPE_CHECKING:
    from collections.abc import Collection

    from kube.gpus import GpuRequest

INFERENCE, BUILD, TRAIN, FOREIGN = "plimsoll-inference", "plimsoll-build", "plimsoll-train", "others"
WHOLE, HALF = Share(1, MilliGpu(1000)), Share(1, MilliGpu(500))


def pod(name: str = "p", request: GpuRequest | Malformed | None = WHOLE, of: str = FOREIGN) -> SeenPod:
    return SeenPod(PodKey(name, "default", name), request, priority_class=of)


class Story:
    """Nodes a and b with two devices each."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.put_node(GpuNode("a", alike(2, MiB(16384)), "H100"))
        self.ledger.put_node(GpuNode("b", alike(2, MiB(16384)), "A100"))
        self.quota = Quota(self.ledger)

    def runs(
        self, name: str, node: str, device: str = "", milli: int = 1000, of: str = TRAIN, *, leaving: bool = False
    ) -> None:
        """Have a pod hold a device; "": it holds none."""
        request = Share(1, MilliGpu(milli))
        ask = Ask("default", "", of, request) if device else None
        devices = (device,) if device else ()
        key, held = PodKey(name, "default", name), MilliGpu(milli)
        self.ledger.hold(Holding(key, node, devices, held, State.BOUND, ask=ask, leaving=leaving))

    def promised(self, pod: SeenPod, node: str, *, planned: bool, state: State = State.RESERVED) -> None:
        self.ledger.hold(Holding(pod.key, node, ("0",), MilliGpu(1000), state, ask=pod.ask(), planned=planned))

    def projects(self, quota: int, *models: tuple[str, int]) -> None:
        self.quota.configure(Projects((Project("p", quota, models, ("default",)),)), Kinds())

    def full(self, of: str = TRAIN) -> None:
        for node in ("a", "b"):
            for device in ("0", "1"):
                self.runs(f"{node}{device}", node, device, of=of)

    def asked(
        self,
        pod: SeenPod,
        proposed: dict[str, tuple[str, ...]],
        kept: Collection[str] = (),
        offered: Collection[str] = (),
    ) -> dict[str, tuple[str, ...]]:
        before = sorted(self.ledger.holdings(), key=lambda held: held.pod.uid), self.ledger.version
        answered = answer(pod, proposed, Situation(self.ledger, self.quota, 10.0, kept, offered))
        assert (sorted(self.ledger.holdings(), key=lambda held: held.pod.uid), self.ledger.version) == before
        return answered


def test_where_a_device_comes_free_the_victims_go_and_where_none_does_nobody() -> None:
    story = Story()
    story.full()
    story.runs("cpu", "b")
    assert story.asked(pod(), {"a": ("a0",), "b": ("cpu",)}) == {"a": ("a0",)}


def test_halves_of_two_devices_are_no_whole_one() -> None:
    story = Story()
    for name, node, device in (("a0", "a", "0"), ("a1", "a", "1"), ("b0", "b", "0"), ("b1", "b", "1")):
        story.runs(name, node, device, 500)
        story.runs(f"{name}-stays", node, device, 500)
    assert story.asked(pod(), {"a": ("a0", "a1"), "b": ("b0", "b0-stays")}) == {"b": ("b0", "b0-stays")}
    assert story.asked(pod(request=HALF), {"a": ("a0",)}) == {"a": ("a0",)}


def test_victims_without_gpus_go_where_devices_are_free_already() -> None:
    story = Story()
    story.runs("a0", "a", "0")
    story.runs("cpu", "a")
    assert story.asked(pod(), {"a": ("cpu", "unheard-of")}) == {"a": ("cpu", "unheard-of")}


def test_each_victim_is_named_once_and_in_its_order() -> None:
    story = Story()
    story.full()
    assert story.asked(pod(), {"a": ("a1", "a0", "a1")}) == {"a": ("a1", "a0")}
    assert story.asked(pod(request=None), {"x": ("q", "p", "q")}) == {"x": ("q", "p")}


def test_who_is_on_another_node_frees_nothing_here() -> None:
    story = Story()
    story.full()
    assert story.asked(pod(), {"a": ("b0", "b1")}) == {}


def test_a_node_without_victims_stays_only_where_the_pod_fits_now() -> None:
    story = Story()
    story.full()
    story.ledger.release("b1")
    assert story.asked(pod(), {"a": (), "b": ()}) == {"b": ()}


def test_nodes_that_are_not_ours_or_give_no_shares_or_whose_devices_are_closed_are_left_out() -> None:
    story = Story()
    story.ledger.put_node(GpuNode("c", alike(2), backend=Backend.NONE, closed_to_shares="nothing enforces them"))
    story.ledger.put_node(GpuNode("d", (Device("0", closed="it is not well"),)))
    assert story.asked(pod(request=HALF), {"theirs": ("x",), "c": ("x",), "d": ("x",)}) == {}
    assert story.asked(pod(), {"c": ("x",), "d": ("x",)}) == {"c": ("x",)}


def test_a_share_in_mib_fits_where_so_much_memory_comes_free() -> None:
    story = Story()
    story.full()
    small, large = MemoryShare(1, MiB(8192)), MemoryShare(1, MiB(32768))
    assert story.asked(pod(request=small), {"a": ("a0",)}) == {"a": ("a0",)}
    assert story.asked(pod(request=large), {"a": ("a0",)}) == {}


def test_what_the_pod_itself_was_promised_for_a_while_does_not_stand_in_its_way() -> None:
    story = Story()
    story.full()
    story.ledger.release("a0")
    asking = pod()
    story.promised(asking, "a", planned=False)
    assert story.asked(asking, {"a": ("cpu",), "b": ("cpu",)}) == {"a": ("cpu",)}


def test_what_was_held_until_a_moment_that_has_passed_is_free() -> None:
    story = Story()
    story.full()
    held = story.ledger.holding("a0")
    assert held is not None
    for until, answered in ((11.0, {}), (9.0, {"a": ("cpu",)})):
        story.ledger.hold(replace(held, state=State.QUARANTINED, expires_at=until))
        assert story.asked(pod(), {"a": ("cpu",)}) == answered


def test_what_others_were_promised_is_taken() -> None:
    story = Story()
    story.full()
    story.ledger.release("a0")
    story.promised(pod("q"), "a", planned=True)
    assert story.asked(pod(), {"a": ("cpu",)}) == {}


def test_nobody_leaves_where_room_comes_on_a_node_that_kube_scheduler_has_seen_come_free_already() -> None:
    story = Story()
    story.full()
    story.runs("a1", "a", "1", leaving=True)
    proposed: dict[str, tuple[str, ...]] = {"b": ("b0",)}
    assert story.asked(pod(), proposed, offered=("a",)) == {}
    assert story.asked(pod(), proposed, offered=("a", "b", "unknown")) == {}
    assert story.asked(pod(), proposed) == proposed, "filter was shown no such node: something else stands in its way"
    both: dict[str, tuple[str, ...]] = {"b": ("b0", "b1")}
    assert story.asked(pod(request=Share(2, WHOLE.milli)), both, offered=("a",)) == both
    assert story.asked(pod(), proposed, kept=("a",), offered=("a",)) == proposed
    here_too: dict[str, tuple[str, ...]] = {"a": ("a0",), "b": ("b0",)}
    assert story.asked(pod(), here_too, offered=("a",)) == here_too, "kube-scheduler knows a as we do"


def test_nobody_leaves_where_the_pod_fits_by_now_on_a_node_that_filter_refused_a_moment_ago() -> None:
    story = Story()
    story.full()
    story.ledger.release("a1")
    assert story.asked(pod(), {"b": ("b0",)}, offered=("a",)) == {}


def test_nodes_that_are_kept_for_others_are_left_out() -> None:
    assert Story().asked(pod(), {"a": ("x",), "b": ("x",)}, kept={"a"}) == {"b": ("x",)}


@pytest.mark.parametrize("of", [INFERENCE, BUILD, TRAIN])
@pytest.mark.parametrize("victim", [INFERENCE, BUILD])
def test_nobody_evicts_inference_or_build_for_a_pod_of_a_kind(of: str, victim: str) -> None:
    story = Story()
    story.full(victim)
    story.runs("train", "b", "0")
    story.ledger.release("b0")
    assert story.asked(pod(of=of), {"a": ("a0",), "b": ("train",)}) == {"b": ("train",)}


def test_for_a_pod_of_no_kind_the_priorities_of_kube_scheduler_stand() -> None:
    story = Story()
    story.full(INFERENCE)
    assert story.asked(pod(of=FOREIGN), {"a": ("a0",)}) == {"a": ("a0",)}


def test_inference_of_a_project_is_made_room_for_by_our_plan_alone() -> None:
    story = Story()
    story.full()
    story.projects(8000)
    asking = pod(of=INFERENCE)
    assert story.asked(asking, {"a": ("a0",), "b": ("b0",)}) == {}
    story.ledger.release("a0")
    assert story.asked(asking, {"a": (), "b": ("b0",)}) == {}, "there is no plan yet"
    story.promised(asking, "a", planned=True)
    assert story.asked(asking, {"a": (), "b": ()}) == {"a": ()}
    assert story.asked(asking, {"b": ()}) == {}
    assert story.asked(asking, {"a": ("a1",)}) == {}, "to 1.37 an empty list in its place would be an error"


def test_inference_without_a_project_is_nothing_that_we_make_room_for() -> None:
    story = Story()
    assert not made_room_for(pod(of=INFERENCE), story.quota)
    story.projects(8000)
    assert made_room_for(pod(of=INFERENCE), story.quota)
    assert not made_room_for(pod(of=BUILD), story.quota)


def test_over_quota_nobody_leaves() -> None:
    story = Story()
    story.full()
    story.projects(500)
    assert story.asked(pod(of=BUILD), {"a": ("a0",)}) == {}
    story.projects(1000)
    assert story.asked(pod(of=BUILD), {"a": ("a0",)}) == {"a": ("a0",)}


def test_what_victims_gave_back_of_the_same_quota_counts() -> None:
    story = Story()
    story.full(FOREIGN)
    story.projects(4000)
    assert story.asked(pod(), {"a": ("a0",), "b": ("cpu",)}) == {"a": ("a0",)}


def test_of_a_model_that_its_project_has_no_quota_left_of_nobody_leaves() -> None:
    story = Story()
    story.full()
    story.projects(4000, ("H100", 0))
    assert story.asked(pod(of=BUILD), {"a": ("a0",), "b": ("b0",)}) == {"b": ("b0",)}


def test_a_member_of_a_gang_goes_to_the_node_of_its_plan_or_nowhere() -> None:
    story = Story()
    story.full()
    asking = replace(pod(of=TRAIN), gang=Membership("g", 2))
    assert story.asked(asking, {"a": ("a0",), "b": ("b0",)}) == {}
    story.ledger.release("a0")
    story.promised(asking, "a", planned=True)
    assert story.asked(asking, {"a": ("a1",), "b": ("b0",)}) == {"a": ("a1",)}
    story.runs("build", "a", "0", 1, of=BUILD)
    assert story.asked(asking, {"a": ("a1", "build")}) == {}


@pytest.mark.parametrize("state", [State.BINDING, State.BOUND])
def test_for_a_pod_that_has_its_room_nobody_leaves(state: State) -> None:
    story = Story()
    asking = pod()
    story.promised(asking, "a", planned=False, state=state)
    assert story.asked(asking, {"a": ("x",), "b": ("x",)}) == {}


def test_for_a_pod_that_filter_refuses_for_its_annotations_nobody_leaves() -> None:
    assert Story().asked(pod(request=Malformed(FRACTION, "2", "less")), {"a": ("x",)}) == {}


def test_whole_gpus_of_the_kubelet_are_had_on_nodes_that_are_not_ours() -> None:
    assert Story().asked(pod(request=Unmapped()), {"a": ("x",), "theirs": ("y",)}) == {"theirs": ("y",)}


def test_a_pod_is_nominated_where_a_plan_keeps_room_until_it_is_bound() -> None:
    story, asking = Story(), pod()
    assert nominated(story.ledger, "p") == ""
    story.promised(asking, "a", planned=False)
    assert nominated(story.ledger, "p") == ""
    story.promised(asking, "a", planned=True)
    assert nominated(story.ledger, "p") == "a"
    story.promised(asking, "a", planned=True, state=State.BOUND)
    assert nominated(story.ledger, "p") == ""


def test_nothing_proposed_is_nothing_answered() -> None:
    assert Story().asked(pod(), {}) == {}


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("ab"), st.sampled_from("01"), st.integers(0, 2)), st.sampled_from((250, 300, 500))
    ),
    st.sets(st.integers(0, 12)),
    st.builds(Share, st.integers(1, 2), st.sampled_from((MilliGpu(250), MilliGpu(500), MilliGpu(1000)))),
)
def test_it_answers_as_who_counts_each_device_by_hand(
    held: dict[tuple[str, str, int], int], leave: set[int], request_: Share
) -> None:
    story = Story()
    free = {(node, device): 1000 for node in "ab" for device in "01"}
    victims: dict[str, tuple[str, ...]] = {"a": (), "b": ()}
    for number, ((node, device, _), milli) in enumerate(sorted(held.items())):
        story.runs(f"v{number}", node, device, milli)
        if number in leave:
            victims[node] += (f"v{number}",)
        else:
            free[node, device] -= milli
    helped = {
        node: uids
        for node, uids in victims.items()
        if sum(free[node, device] >= request_.milli for device in "01") >= request_.devices
    }
    assert story.asked(pod(request=request_), victims) == helped
