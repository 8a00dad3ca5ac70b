"""Each verb keeps its law: promises are kept, nothing is promised twice, and what is held is held until it is gone."""

import tracemalloc
from itertools import pairwise

from msgspec.structs import replace

from extender.core.answers import BindRefused, BindTo, Chosen, Refused
from extender.core.binding import SETTLING_S
from extender.core.ledger.names import UnevenNames, packed
from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.scheduling import Scheduling
from extender.core.settings import Settings
from kube.gpus import Malformed, MiB, MilliGpu, Placement, Share, Unmapped
from tests.extender.core.answered import reasons_of

RESERVED_S = Settings().reservation_s
QUARANTINE_S = Settings().quarantine_s

QUARTER = Share(1, MilliGpu(250))
WHOLE = Share(1, MilliGpu(1000))


def pod(uid: str, request: object = QUARTER, node: str = "", placed: Placement | None = None) -> SeenPod:
    return SeenPod(PodKey(uid, "default", uid), request, node, placed)  # type: ignore[arg-type]


def scheduling(**nodes: int) -> Scheduling:
    result = Scheduling()
    result.nodes_are(GpuNode(name, alike(devices, MiB(16384))) for name, devices in nodes.items())
    return result


def place(on: Scheduling, wanted: SeenPod, nodes: list[str], now: float = 0.0) -> BindTo:
    """Filter and bind, as kube-scheduler does."""
    answer = on.filter(wanted, nodes, now)
    assert isinstance(answer, Chosen)
    to = on.bind(wanted.key.uid, answer.nodes[0], now)
    assert isinstance(to, BindTo)
    on.bound(wanted.key.uid)
    return to


def test_four_quarters_share_a_device_and_the_fifth_opens_another() -> None:
    s = scheduling(a=2, b=2)
    placed = [place(s, pod(f"p{i}"), ["a", "b"]).placed for i in range(5)]
    assert [p.devices for p in placed if p] == [("0",), ("0",), ("0",), ("0",), ("1",)]


def test_two_pods_filtered_before_either_is_bound_get_different_room() -> None:
    s = scheduling(a=1)
    assert s.filter(pod("p", WHOLE), ["a"], 0.0) == Chosen(("a",))
    assert reasons_of(s.filter(pod("q", WHOLE), ["a"], 0.0)) == {"a": "no whole GPU free"}


def test_a_repeated_filter_replaces_the_reservation() -> None:
    s = scheduling(a=1, b=1)
    assert s.filter(pod("p", WHOLE), ["a"], 0.0) == Chosen(("a",))
    assert s.filter(pod("p", WHOLE), ["b"], 0.0) == Chosen(("b",))
    assert s.filter(pod("q", WHOLE), ["a"], 0.0) == Chosen(("a",))


def test_a_reservation_without_bind_ends() -> None:
    s = scheduling(a=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], RESERVED_S - 1), Refused)
    assert s.filter(pod("q", WHOLE), ["a"], RESERVED_S) == Chosen(("a",))


def test_a_late_bind_finds_its_room_taken_and_is_refused() -> None:
    s = scheduling(a=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    s.filter(pod("q", WHOLE), ["a"], RESERVED_S)
    assert s.bind("p", "a", RESERVED_S) == BindRefused("no whole GPU free")


def test_bind_without_filter_chooses_from_what_the_watch_showed() -> None:
    s = scheduling(a=1)
    s.pod_seen(pod("p"))
    assert s.bind("p", "a", 0.0) == BindTo(PodKey("p", "default", "p"), "a", Placement(("0",), MilliGpu(250)))


def test_bind_of_an_unknown_pod_is_refused() -> None:
    assert isinstance(scheduling(a=1).bind("p", "a", 0.0), BindRefused)


def test_a_pod_that_asks_for_something_else_since_it_was_filtered_is_filtered_again() -> None:
    s = scheduling(a=1)
    s.filter(replace(pod("p"), version="10"), ["a"], 0.0)
    s.pod_seen(replace(pod("p", WHOLE), version="11"))
    assert isinstance(s.bind("p", "a", 0.0), BindRefused)
    assert s.filter(pod("q", WHOLE), ["a"], 0.0) == Chosen(("a",))


def test_an_older_sight_of_a_pod_does_not_pass_for_the_newest() -> None:
    s = scheduling(a=1)
    s.pod_seen(replace(pod("p", WHOLE), version="11"))
    s.filter(replace(pod("p"), version="10"), ["a"], 0.0)
    assert isinstance(s.bind("p", "a", 0.0), BindRefused)


def test_bind_to_another_node_than_reserved_takes_room_there() -> None:
    s = scheduling(a=1, b=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    assert isinstance(s.bind("p", "b", 0.0), BindTo)
    assert s.filter(pod("q", WHOLE), ["a", "b"], 0.0) == Chosen(("a",))


def test_a_binding_of_unknown_outcome_holds_its_room_for_ever() -> None:
    s = scheduling(a=1, b=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    s.bind("p", "a", 0.0)
    s.pod_seen(pod("p", WHOLE))
    assert reasons_of(s.filter(pod("q", WHOLE), ["a"], 1e9)) == {"a": "no whole GPU free"}


def test_a_pod_whose_binding_may_arrive_is_sent_to_the_same_node_again() -> None:
    s = scheduling(a=1, b=1)
    s.filter(pod("p", WHOLE), ["b"], 0.0)
    first = s.bind("p", "b", 0.0)
    assert s.filter(pod("p", WHOLE), ["a", "b"], 1.0) == Chosen(("b",))
    assert isinstance(s.filter(pod("p", WHOLE), ["a"], 1.0), Refused)
    assert isinstance(s.bind("p", "a", 1.0), BindRefused)
    again = s.bind("p", "b", 1.0)
    assert isinstance(first, BindTo)
    assert isinstance(again, BindTo)
    assert (first.placed, first.again, again.placed, again.again) == (again.placed, False, first.placed, True)


def test_a_refused_binding_gives_its_room_back_unless_an_earlier_one_may_arrive() -> None:
    s = scheduling(a=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    first = s.bind("p", "a", 0.0)
    again = s.bind("p", "a", 0.0)
    assert isinstance(first, BindTo)
    assert isinstance(again, BindTo)
    s.not_bound(again)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 0.0), Refused)
    s.not_bound(first)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 0.0), Chosen)


def test_a_refused_binding_keeps_its_room_while_a_later_one_of_the_same_pod_is_under_way() -> None:
    s = scheduling(a=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    first = s.bind("p", "a", 0.0)
    assert s.filter(pod("p", WHOLE), ["a"], 1.0) == Chosen(("a",))
    second = s.bind("p", "a", 1.5)
    assert isinstance(first, BindTo)
    assert isinstance(second, BindTo)
    s.not_bound(first)  # a busy API server refuses one (429) and carries the other out
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 2.0), Refused)
    s.bound("p")
    s.pod_seen(pod("p", WHOLE, "a", second.placed))
    assert not list(s.ledger.overfull())


def test_a_stale_sight_of_an_unbound_pod_ends_no_holding() -> None:
    s = scheduling(a=1)
    place(s, pod("p", WHOLE), ["a"])
    s.pod_seen(pod("p", WHOLE))
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 0.0), Refused)


def test_the_pods_annotation_is_the_truth() -> None:
    s = scheduling(a=2)
    s.filter(pod("p"), ["a"], 0.0)
    assert isinstance(s.bind("p", "a", 0.0), BindTo), "an earlier program of ours may have sent another"
    s.pod_seen(pod("p", node="a", placed=Placement(("1",), MilliGpu(500))))
    assert [int(free) for free in s.ledger.room("a")] == [1000, 500]


def test_a_changed_annotation_moves_and_frees_nothing_of_a_running_pod() -> None:
    s = scheduling(a=2)
    place(s, pod("p", WHOLE), ["a"])
    s.pod_seen(pod("p", WHOLE, node="a", placed=Placement(("1",), MilliGpu(1))))
    assert [int(free) for free in s.ledger.room("a")] == [0, 1000]


def test_a_removed_annotation_does_not_free_a_running_pods_device() -> None:
    s = scheduling(a=2)
    place(s, pod("p"), ["a"])
    s.pod_seen(pod("p", node="a", placed=None))
    assert [int(free) for free in s.ledger.room("a")] == [750, 1000]


def test_a_gpu_pod_that_others_bound_closes_its_node_until_it_is_gone() -> None:
    s = scheduling(a=2)
    s.pod_seen(pod("x", Unmapped(), node="a"))
    assert isinstance(s.filter(pod("p"), ["a"], 0.0), Refused)
    s.pod_gone("x", 0.0, ended=True)
    assert isinstance(s.filter(pod("p"), ["a"], 0.0), Chosen)


def test_a_pod_that_ended_holds_nothing() -> None:
    s = scheduling(a=1)
    s.pod_seen(pod("p", WHOLE, node="a", placed=Placement(("0",), MilliGpu(1000))))
    s.pod_seen(SeenPod(PodKey("p", "default", "p"), WHOLE, "a", Placement(("0",), MilliGpu(1000)), ended=True))
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 0.0), Chosen)


def test_a_list_without_a_holding_pod_asks_for_a_read_of_it() -> None:
    s = scheduling(a=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    s.bind("p", "a", 0.0)
    assert s.pods_are([], 0.0) == (PodKey("p", "default", "p"),)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 0.0), Refused)


def test_a_list_without_a_waiting_pod_asks_for_a_read_of_it_and_nothing_stays_once_it_is_gone() -> None:
    s = scheduling(a=1)
    place(s, pod("p", WHOLE), ["a"])
    s.filter(pod("q", WHOLE), ["a"], 0.0)
    p = pod("p", WHOLE, "a", Placement(("0",), MilliGpu(1000)))
    assert s.pods_are([p], 1.0) == (PodKey("q", "default", "q"),)
    s.pod_read(PodKey("q", "default", "q"), None, 2.0)
    assert s.explanations.waits("q") is None
    s.pod_gone("p", 3.0, ended=True)
    assert s.to_kick(100.0) == ()


def test_a_malformed_pod_is_refused_everywhere_with_its_rule() -> None:
    bad = Malformed("gpu-fraction", "1.5", "a decimal")
    assert reasons_of(scheduling(a=1).filter(pod("p", bad), ["a", "b"], 0.0)) == {"a": str(bad), "b": str(bad)}


def test_pods_that_want_the_kubelets_choice_go_to_nodes_that_are_not_ours() -> None:
    s = scheduling(a=1)
    assert s.filter(pod("p", Unmapped()), ["a", "other"], 0.0) == Chosen(("other",))
    assert isinstance(s.filter(pod("p", Unmapped()), ["a"], 0.0), Refused)
    assert s.bind("p", "other", 0.0) == BindTo(PodKey("p", "default", "p"), "other", None)


def test_scores_are_integers_from_0_to_10_and_follow_the_order_of_fit() -> None:
    s = scheduling(a=1, b=1, c=1)
    s.pod_seen(pod("x", node="b", placed=Placement(("0",), MilliGpu(500))))
    s.pod_seen(pod("y", node="c", placed=Placement(("0",), MilliGpu(900))))
    assert s.prioritize(pod("p"), ["a", "b", "c", "unknown"]) == (9, 10, 0, 0)


def test_scores_keep_a_reservation() -> None:
    s = scheduling(a=1, b=1)
    s.filter(pod("p"), ["b"], 0.0)
    assert s.prioritize(pod("p"), ["a", "b"]) == (0, 10)


def unknown_binding(on: Scheduling, uid: str) -> BindTo:
    """Filter and bind to node a, and hear nothing of what became of it."""
    on.filter(pod(uid, WHOLE), ["a"], 0.0)
    to = on.bind(uid, "a", 0.0)
    assert isinstance(to, BindTo)
    on.unknown(to)
    return to


def test_an_unknown_outcome_is_given_up_when_it_can_no_longer_arrive() -> None:
    s = scheduling(a=1, b=1)
    to = unknown_binding(s, "p")
    assert s.to_read() == (to.pod,)
    s.pod_read(to.pod, pod("p", WHOLE), 10.0)
    s.pod_read(to.pod, pod("p", WHOLE), 10.0 + SETTLING_S - 1)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 80.0), Refused)
    s.pod_read(to.pod, pod("p", WHOLE), 10.0 + SETTLING_S)
    assert s.to_read() == ()
    assert s.filter(pod("q", WHOLE), ["a"], 80.0) == Chosen(("a",))
    assert s.filter(pod("p", WHOLE), ["b"], 80.0) == Chosen(("b",))


def test_an_unknown_outcome_that_a_read_shows_bound_is_bound() -> None:
    s = scheduling(a=1)
    to = unknown_binding(s, "p")
    s.pod_read(to.pod, pod("p", WHOLE, node="a", placed=to.placed), 5.0)
    assert s.to_read() == ()
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 1e9), Refused)


def test_a_new_try_begins_the_settling_anew() -> None:
    s = scheduling(a=1)
    to = unknown_binding(s, "p")
    s.pod_read(to.pod, pod("p", WHOLE), 10.0)
    again = s.bind("p", "a", 60.0)
    assert isinstance(again, BindTo)
    s.unknown(again)
    s.pod_read(to.pod, pod("p", WHOLE), 81.0)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 82.0), Refused)


def test_devices_of_a_pod_deleted_by_force_stay_taken_while_its_process_may_run() -> None:
    s = scheduling(a=1)
    place(s, pod("p", WHOLE), ["a"])
    s.pod_gone("p", 10.0)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 10.0 + QUARANTINE_S - 1), Refused)
    assert s.pods_are([pod("q", WHOLE)], 11.0) == (), "it is known to be gone: nothing is to be read"
    s.pod_gone("p", 12.0)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 10.0 + QUARANTINE_S), Chosen), "told again it lasts no longer"


def test_an_answer_heard_after_the_pod_is_gone_does_not_hold_its_devices_for_ever() -> None:
    s = scheduling(a=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    s.bind("p", "a", 0.0)
    s.pod_gone("p", 1.0)
    s.bound("p")
    assert s.filter(pod("q", WHOLE), ["a"], 1.0 + QUARANTINE_S) == Chosen(("a",))


def test_of_a_pod_deleted_by_force_no_explanation_stays() -> None:
    s = scheduling(a=1)
    place(s, pod("p", WHOLE), ["a"])
    s.pod_gone("p", 1.0)
    assert s.explanations.weighed("p") is None


def test_a_promise_to_a_pod_that_is_deleted_ends_at_once() -> None:
    s = scheduling(a=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    s.pod_gone("p", 1.0)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 1.0), Chosen)


def test_told_later_that_its_containers_had_ended_a_pod_gives_its_devices_back() -> None:
    s = scheduling(a=1)
    place(s, pod("p", WHOLE), ["a"])
    s.pod_gone("p", 1.0)
    s.pod_gone("p", 2.0, ended=True)
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 2.0), Chosen)


def test_asked_for_all_nodes_filter_names_each_that_fits_and_reserves_nothing() -> None:
    s = scheduling(a=1, b=1, c=1)
    s.tune(Settings(one_node=False))
    place(s, pod("x", WHOLE), ["b"])
    assert s.filter(pod("p", WHOLE), ["a", "b", "c"], 0.0) == Chosen(("a", "c"))
    assert s.filter(pod("q", WHOLE), ["a", "b", "c"], 0.0) == Chosen(("a", "c"))
    assert isinstance(s.bind("p", "a", 0.0), BindTo)
    assert s.bind("q", "a", 0.0) == BindRefused("no whole GPU free")
    assert isinstance(s.bind("q", "c", 0.0), BindTo)


def test_what_is_heard_of_a_deleted_pod_afterwards_is_let_go() -> None:
    s = scheduling(a=1)
    place(s, pod("p", WHOLE), ["a"])
    s.pod_gone("p", 0.0, ended=True)
    s.pod_seen(pod("p", WHOLE, node="a", placed=Placement(("0",), MilliGpu(1000))))
    assert isinstance(s.filter(pod("p", WHOLE), ["a"], 0.0), Refused)
    assert s.filter(pod("q", WHOLE), ["a"], 0.0) == Chosen(("a",))


def test_annotations_on_a_pod_that_is_not_ours_say_nothing() -> None:
    s = scheduling(a=2)
    s.pod_seen(pod("plain", None, node="a", placed=Placement(("0",), MilliGpu(1000))))
    assert [int(free) for free in s.ledger.room("a")] == [1000, 1000]
    s.pod_seen(pod("foreign", Unmapped(), node="a", placed=Placement(("0",), MilliGpu(1))))
    assert [int(free) for free in s.ledger.room("a")] == [0, 0]
    assert s.ledger.unmapped() == 1


def test_what_another_scheduler_gave_a_pod_is_held_also_when_the_pod_is_known_before_its_node() -> None:
    s = Scheduling()
    given = (Placement(("GPU-bbbb",), MilliGpu(300)), MiB(8192))
    s.pod_seen(replace(pod("foreign", Unmapped(), node="a"), foreign=given))
    s.nodes_are([GpuNode("a", (Device("GPU-aaaa", MiB(16384)), Device("GPU-bbbb", MiB(16384))))])
    assert [int(free) for free in s.ledger.room("a")] == [1000, 500]
    assert s.ledger.unmapped() == 0


def test_a_refused_pod_is_kicked_when_its_room_is_free_and_not_before() -> None:
    s = scheduling(a=1)
    place(s, pod("p", WHOLE), ["a"])
    assert isinstance(s.filter(pod("q", WHOLE), ["a"], 0.0), Refused)
    assert s.to_kick(10.0) == ()
    s.pod_gone("p", 0.0, ended=True)
    assert s.to_kick(10.0) == (PodKey("q", "default", "q"),)
    assert s.to_kick(10.1) == ()


def test_a_refused_pod_is_kicked_when_a_reservation_ends_without_a_word() -> None:
    s = scheduling(a=1)
    s.filter(pod("p", WHOLE), ["a"], 0.0)
    s.filter(pod("q", WHOLE), ["a"], 0.0)
    assert s.to_kick(RESERVED_S - 1) == ()
    assert s.to_kick(RESERVED_S) == (PodKey("q", "default", "q"),)


def test_a_pod_is_kicked_only_for_the_nodes_that_suited_it_otherwise() -> None:
    s = scheduling(a=1, b=1)
    place(s, pod("p", WHOLE), ["a"])
    s.filter(pod("q", WHOLE), ["a"], 0.0)
    s.node_seen(GpuNode("c", alike(4, MiB(16384))))
    assert s.to_kick(10.0) == ()


def test_the_nodes_are_known_that_suited_a_refused_pod_otherwise_until_it_waits_no_more() -> None:
    s = scheduling(a=1, b=1, c=1)
    for node in ("a", "b"):
        s.pod_seen(pod(f"on-{node}", Share(1, MilliGpu(1000)), node, Placement(("0",), MilliGpu(1000))))
    assert s.offered("q") == ()
    assert isinstance(s.filter(pod("q"), ["b", "a", "unknown"], 0.0), Refused)
    assert sorted(s.offered("q")) == ["a", "b"]
    s.node_gone("a")
    assert s.offered("q") == ("b",)
    s.pod_gone("q", 1.0)
    assert s.offered("q") == ()


def test_a_pod_that_waits_since_before_a_restart_is_kicked_for_room_on_any_node() -> None:
    s = scheduling(a=1)
    assert s.pods_are([pod("q", WHOLE)], 10.0) == ()
    assert s.to_kick(14.0) == (), "it may be on its way"
    assert s.to_kick(15.0) == (PodKey("q", "default", "q"),)


def test_after_a_restart_too_nobody_is_kicked_for_room_that_is_not_there() -> None:
    s = scheduling(a=1)
    s.pods_are([pod("p", WHOLE, node="a", placed=Placement(("0",), MilliGpu(1000))), pod("q", WHOLE)], 0.0)
    assert s.to_kick(15.0) == ()
    s.pod_gone("p", 0.0, ended=True)
    assert s.to_kick(15.0) == (PodKey("q", "default", "q"),)


def test_what_is_kept_of_pods_that_wait_does_not_grow_with_the_nodes_they_wait_for() -> None:
    names = [f"n{i:04d}" for i in range(2000)]
    s = scheduling(**dict.fromkeys(names, 0))
    s.filter(pod("first"), names, 0.0)
    tracemalloc.start()
    for i in range(60):
        # kube-scheduler names them in another order each time, and each request brings its own texts.
        s.filter(pod(f"p{i}"), [f"{name}" for name in (*names[i:], *names[:i])], 0.0)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / 60 < 8000, "bytes for each pod"


def test_who_is_of_higher_priority_is_kicked_first_and_of_the_same_who_waits_longer() -> None:
    s = scheduling(a=2)
    for name in ("p", "q"):
        place(s, pod(name, WHOLE), ["a"])
    for at, (name, priority) in enumerate((("train", 50), ("build", 100), ("younger", 125), ("inference", 125))):
        s.filter(replace(pod(name, WHOLE), priority=priority), ["a"], -at if name == "inference" else at)
    s.pod_gone("p", 10.0, ended=True)
    assert [key.uid for key in s.to_kick(20.0)] == ["inference", "younger", "build", "train"]


def test_a_gated_pod_is_not_kicked() -> None:
    s = scheduling(a=1)
    s.pods_are([replace(pod("q", WHOLE), gated=True)], 0.0)
    assert s.to_kick(100.0) == ()


def test_kicks_in_vain_come_ever_more_rarely() -> None:
    s = scheduling(a=1)
    place(s, pod("p", WHOLE), ["a"])
    s.filter(pod("q", WHOLE), ["a"], 0.0)
    s.pod_gone("p", 0.0, ended=True)
    kicked = [now for now in range(1, 200) if s.to_kick(float(now))]
    pauses = [later - earlier for earlier, later in pairwise(kicked)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 64


def test_a_placed_pod_is_kicked_no_more() -> None:
    s = scheduling(a=1, b=1)
    place(s, pod("p", WHOLE), ["a"])
    s.filter(pod("q", WHOLE), ["a"], 0.0)
    place(s, pod("q", WHOLE), ["b"])
    s.pod_gone("p", 0.0, ended=True)
    assert s.to_kick(100.0) == ()


class Unread(UnevenNames):
    """Names of which nobody is to make texts."""

    def __getitem__(self, place: object) -> str:  # type: ignore[override]
        raise AssertionError("the names of thousands of nodes take longer than the answer")


def unread(*names: str) -> Unread:
    found = packed(names)
    return Unread(found.text, *found.places)


def test_a_node_that_is_promised_is_found_among_packed_names() -> None:
    s = scheduling(a=1, b=1)
    place(s, pod("p"), ["b"])
    assert s.filter(pod("p"), unread("a", "b", "not-ours"), 0.0) == Chosen(("b",))
    assert isinstance(s.filter(pod("p"), packed(["a", "not-ours"]), 0.0), Refused)
    s.node_gone("b")
    assert s.filter(pod("p"), packed(["a", "b"]), 0.0) == Chosen(("b",))
    assert isinstance(s.filter(pod("p"), packed(["a"]), 0.0), Refused)
