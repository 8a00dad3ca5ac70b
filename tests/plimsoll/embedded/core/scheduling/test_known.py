"""What the watches show decides what counts where, and who is tried again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.scheduling.fitting import EXTENDER
from plimsoll.embedded.core.scheduling.known import Known
from tests.plimsoll.embedded.scheduling import node_view, pod_view

if TYPE_CHECKING:
    from plimsoll.embedded.core.scheduling.requests import Amounts
    from plimsoll.embedded.core.scheduling.views import PodView

T = 1000.0


def _known() -> Known:
    known = Known(("plimsoll",), T)
    known.node_seen(node_view("node"), T)
    return known


def _with_rejected(*others: PodView) -> Known:
    """Return one that knows of `others`, and of a pod that an extender has rejected since."""
    known = _known()
    for other in others:
        known.pod_seen(other, T)
    known.pod_seen(pod_view("rejected"), T)
    tried = known.queue.pop(T)
    assert tried is not None
    known.queue.failed(tried, tried.pod, frozenset((EXTENDER,)), T)
    return known


def _taken(known: Known) -> Amounts:
    place = known.occupancy.place("node")
    assert place is not None
    return {resource: count for resource, count in place.taken.items() if count}


def _is_tried_again(known: Known) -> bool:
    return known.queue.pop(T + 0.1) is not None


def test_a_bound_pod_counts_until_it_is_gone_or_has_ended() -> None:
    known = _known()
    bound: dict[str, Any] = {"node": "node", "requests": {"cpu": "2"}}
    known.pod_seen(pod_view("a", **bound), T)
    known.pod_seen(pod_view("b", **bound), T)
    assert _taken(known) == {"cpu": 4000}
    known.pod_seen(pod_view("a", **bound, status={"phase": "Succeeded"}), T)
    known.pod_gone("uid-b", T)
    assert _taken(known) == {}


def test_pods_of_other_schedulers_count_but_are_not_queued() -> None:
    known = _known()
    known.pod_seen(pod_view("other", schedulerName="other"), T)
    assert not known.queue.busy
    known.pod_seen(pod_view("other", schedulerName="other", node="node", requests={"cpu": "1"}), T)
    assert _taken(known) == {"cpu": 1000}


def test_an_assumed_pod_counts_and_is_not_queued_again_before_its_binding_has_failed() -> None:
    known = _known()
    pod = pod_view("pod", requests={"cpu": "1"})
    known.pod_seen(pod, T)
    tried = known.queue.pop(T)
    assert tried is not None
    known.assume(pod, "node")
    known.queue.done(tried)
    known.pod_seen(pod_view("pod", requests={"cpu": "1"}), T)
    assert not known.queue.busy
    assert _taken(known) == {"cpu": 1000}
    assert known.forget(pod, T)
    assert _taken(known) == {}


def test_a_pod_that_is_seen_bound_is_no_longer_merely_assumed() -> None:
    known = _known()
    pod = pod_view("pod", requests={"cpu": "1"})
    known.pod_seen(pod, T)
    known.assume(pod, "node")
    known.pod_seen(pod_view("pod", node="node", requests={"cpu": "1"}), T)
    assert not known.occupancy.assuming
    assert not known.forget(pod, T)
    assert _taken(known) == {"cpu": 1000}


def test_an_assumed_pod_that_is_deleted_gives_its_room_back_at_once() -> None:
    known = _with_rejected()
    pod = pod_view("pod", requests={"cpu": "1"})
    known.pod_seen(pod, T)
    tried = known.queue.pop(T)
    assert tried is not None
    known.assume(pod, "node")
    known.queue.done(tried)
    known.pod_seen(pod_view("pod", meta={"deletionTimestamp": "x"}), T)
    assert _taken(known) == {}
    assert _is_tried_again(known)


def test_a_rejected_pod_is_tried_again_when_another_is_bound() -> None:
    known = _with_rejected()
    known.pod_seen(pod_view("other", node="node"), T)
    assert _is_tried_again(known)


def test_a_rejected_pod_is_tried_again_when_a_bound_one_is_changed() -> None:
    known = _with_rejected(pod_view("other", node="node"))
    known.pod_seen(pod_view("other", node="node", meta={"labels": {"a": "b"}}), T)
    assert _is_tried_again(known)


def test_a_rejected_pod_is_tried_again_when_a_bound_one_is_gone() -> None:
    known = _with_rejected(pod_view("other", node="node"))
    known.pod_gone("uid-other", T)
    assert _is_tried_again(known)


def test_a_rejected_pod_is_tried_again_when_another_is_promised_another_node_or_none() -> None:
    for nominated in ("", "elsewhere"):
        known = _with_rejected(pod_view("other", nominated="node", schedulingGates=[{"name": "x"}]))
        known.pod_seen(pod_view("other", nominated=nominated, schedulingGates=[{"name": "x"}]), T)
        assert _is_tried_again(known)


def test_a_rejected_pod_is_not_tried_again_when_another_keeps_what_it_is_promised() -> None:
    known = _with_rejected(pod_view("other", nominated="node", schedulingGates=[{"name": "x"}]))
    known.pod_seen(pod_view("other", nominated="node", schedulingGates=[{"name": "x"}]), T)
    assert not _is_tried_again(known)


def test_unbound_pods_that_come_and_go_help_nobody() -> None:
    known = _with_rejected()
    known.pod_seen(pod_view("gated", schedulingGates=[{"name": "x"}]), T)
    known.pod_gone("uid-gated", T)
    assert not _is_tried_again(known)


def test_a_pods_own_change_has_it_tried_again() -> None:
    known = _with_rejected()
    known.pod_seen(pod_view("rejected", meta={"annotations": {"kick": "1"}}), T)
    assert _is_tried_again(known)


def test_a_version_that_was_seen_already_is_no_news() -> None:
    known = _known()
    pod = pod_view("rejected")
    known.pod_seen(pod, T)
    tried = known.queue.pop(T)
    assert tried is not None
    known.queue.failed(tried, pod, frozenset((EXTENDER,)), T)
    known.pods_are([pod], T)
    assert not _is_tried_again(known)


def test_a_list_shows_what_is_gone() -> None:
    known = _known()
    known.pod_seen(pod_view("bound", node="node", requests={"cpu": "1"}), T)
    known.pod_seen(pod_view("queued"), T)
    known.pods_are([], T)
    known.nodes_are([node_view("new")], T)
    assert not known.queue.busy
    assert known.occupancy.names() == ("new",)
    assert known.occupancy.place("node") is None


def test_pods_of_a_node_that_comes_back_still_count() -> None:
    known = _known()
    known.pod_seen(pod_view("bound", node="node", requests={"cpu": "1"}), T)
    known.node_gone("node", T)
    known.node_seen(node_view("node"), T)
    assert _taken(known) == {"cpu": 1000}


def test_sums_kept_as_pods_come_and_go_are_those_of_the_pods_there() -> None:
    choose = random.Random(1)  # noqa: S311  a story, no secret
    known = _known()
    bound: dict[str, PodView] = {}
    for _ in range(400):
        name = f"pod-{choose.randrange(12)}"
        if choose.random() < 0.3:
            known.pod_gone(f"uid-{name}", T)
            bound.pop(name, None)
        else:
            cpu = str(choose.randrange(5))
            bound[name] = pod_view(name, node="node", requests={"cpu": cpu})
            known.pod_seen(bound[name], T)
        assert _taken(known).get("cpu", 0) == sum(pod.requests.get("cpu", 0) for pod in bound.values())
