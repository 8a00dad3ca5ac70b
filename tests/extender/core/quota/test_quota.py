"""Pods that are not train stay within their project's quota, as the ledger counts it; train may exceed it."""

from __future__ import annotations

from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Ask
from extender.core.quota.kinds import Kind, Kinds
from extender.core.quota.over import OverQuota
from extender.core.quota.projects import Projects, Unauthorised
from extender.core.quota.quota import Quota, Standing
from kube.gpus import MiB, MilliGpu, Share
from tests.extender.core.quota.asking import TRAIN, configure, hold, ledger, mib, part, quota, whole


def test_without_projects_nothing_is_refused() -> None:
    found = Quota(ledger())
    assert found.refusal(Ask("search", "any", "", Share(64, MilliGpu(1000)))) is None
    assert found.closed_models(whole()) == ()
    assert found.project_of(whole()) == ""


def test_what_is_held_and_what_is_asked_are_at_most_the_quota_to_the_thousandth() -> None:
    book = ledger()
    found = quota(book, 2500)
    hold(book, "a", whole(2), "0 1")
    assert found.refusal(part(500)) is None
    over = found.refusal(part(501))
    assert isinstance(over, OverQuota)
    assert (over.quota, over.used, over.asked, over.missing) == (2500, 2000, 501, 1)
    assert [user.pod.name for user in over.users] == ["a"]


def test_train_may_exceed_the_quota_and_takes_nothing_of_it_from_others() -> None:
    book = ledger()
    found = quota(book, 1000)
    hold(book, "t", whole(4, by=TRAIN), "0 1 2 3")
    assert found.refusal(whole(4, by=TRAIN)) is None
    assert found.refusal(whole(1)) is None
    assert found.room("search") == 1000
    assert (found.usage("search").held, found.usage("search").of(Kind.TRAIN)) == (4000, 4000)


def test_pods_of_no_mapped_class_stay_within_the_quota_too() -> None:
    assert isinstance(quota(ledger(), 1000).refusal(whole(2, by="other")), OverQuota)


def test_a_namespace_that_no_project_authorises_has_no_quota() -> None:
    assert quota(ledger(), 0).refusal(whole(64, of="elsewhere")) is None


def test_what_a_project_holds_is_nothing_to_another() -> None:
    book = ledger()
    found = quota(book, 1000)
    hold(book, "a", whole(1), "0")
    assert found.refusal(whole(1, of="vision")) is None


def test_a_whole_list_of_pods_is_asked_about_at_once() -> None:
    book = ledger()
    found = quota(book, 11_000)
    hold(book, "a", whole(3), "0 1 2")
    assert found.over("search", [whole(1)] * 8) is None
    configure(found, 10_000)
    over = found.over("search", [whole(1)] * 8)
    assert over is not None
    assert (over.asked, over.used, over.missing) == (8000, 3000, 1000)
    assert found.over("search", [whole(1, by=TRAIN)] * 50) is None


def test_a_lowered_quota_leaves_what_is_held_and_room_below_zero() -> None:
    book = ledger()
    found = quota(book, 4000)
    hold(book, "a", whole(4), "0 1 2 3")
    configure(found, 1000)
    assert (found.room("search"), found.usage("search").within) == (-3000, 4000)


def test_mib_are_charged_at_most_until_the_pod_has_its_place_and_then_as_they_are() -> None:
    book = ledger()
    found = quota(book, 250)
    assert found.refusal(mib(4096)) is None
    hold(book, "a", mib(4096), "0", node="l4", milli=167)
    assert found.room("search") == 83
    assert isinstance(found.refusal(mib(4096)), OverQuota)


def test_models_of_which_too_little_is_left_are_closed() -> None:
    book = ledger()
    found = quota(book, 10_000, {"L4": 1000})
    assert found.closed_models(whole(1)) == ()
    hold(book, "a", whole(1), "0", node="l4")
    assert [one.model for one in found.closed_models(whole(1))] == ["L4"]
    assert [one.model for one in found.closed_models(part(1))] == ["L4"]
    assert found.closed_models(whole(1, models=("T4",))) == ()
    assert found.closed_models(whole(1, by=TRAIN)) == ()
    assert (found.room("search", "L4"), found.room("search", "T4")) == (0, None)


def test_a_pod_on_a_node_that_is_gone_counts_for_its_model_until_it_is_gone_too() -> None:
    book = ledger()
    found = quota(book, 10_000, {"L4": 1000})
    hold(book, "a", whole(1), "0", node="l4")
    book.drop_node("l4")
    assert found.room("search", "L4") == 0
    book.release("uid-a")
    assert found.room("search", "L4") == 1000
    assert book.model_of("l4") == ""


def test_a_node_that_turns_out_to_be_of_another_model_moves_what_is_held_there() -> None:
    book = ledger()
    found = quota(book, 10_000, {"L4": 4000, "T4": 4000})
    hold(book, "a", whole(1), "0", node="l4")
    assert found.room("search", "L4") == 3000
    book.put_node(GpuNode("l4", alike(4, MiB(16_384)), "T4"))
    assert (found.room("search", "L4"), found.room("search", "T4")) == (4000, 3000)


def test_what_unknown_devices_cost_in_mib_follows_the_gpus_that_there_are() -> None:
    book = ledger()
    found = quota(book)
    hold(book, "a", mib(4096), None)
    assert found.usage("search").held == 250
    book.put_node(GpuNode("small", alike(1, MiB(8192)), "P4"))
    assert found.usage("search").held == 500


def test_a_pod_that_has_a_place_and_a_label_that_nothing_authorises_is_charged_all_the_same() -> None:
    book = ledger()
    found = quota(book)
    hold(book, "a", Ask("search", "vision", "", Share(1, MilliGpu(1000))))
    assert found.usage("search").held == 1000
    assert isinstance(found.refusal(Ask("search", "vision", "", Share(1, MilliGpu(1000)))), Unauthorised)


def test_labels_of_namespaces_and_other_kinds_change_what_is_counted_already() -> None:
    book = ledger()
    found = quota(book)
    hold(book, "a", whole(1, by="other"))
    found.configure(found.projects, Kinds(train=("other",)))
    assert (found.usage("search").within, found.usage("search").held) == (0, 1000)
    found.label_namespaces({"search": "vision"})
    assert isinstance(found.standing(whole(1)), Unauthorised)
    found.label_namespaces({})
    standing = found.standing(whole(1))
    assert isinstance(standing, Standing)
    assert (standing.limited, found.project_of(whole(1))) == (True, "search")


def test_every_change_that_may_have_made_room_in_a_project_is_noted() -> None:
    book = ledger()
    found = quota(book)
    hold(book, "a", whole(1))
    found.usage("search")

    def noted() -> bool:
        before = found.freed
        found.usage("search")
        return found.freed > before

    freed = found.freed
    configure(found, 20_000)
    assert found.freed > freed
    freed = found.freed
    found.label_namespaces({"x": "y"})
    assert found.freed > freed
    found.usage("search")
    assert not noted()
    hold(book, "a", whole(1, of="vision"))  # its label was changed: nothing is freed in the ledger
    assert noted()


def test_a_copy_keeps_its_projects_when_those_that_it_was_made_of_change() -> None:
    book = ledger()
    found = quota(book, 1000)
    found.standing(whole(1))
    copied = found.copy(book.copy())
    found.configure(Projects(), Kinds())
    assert found.refusal(whole(2)) is None
    assert found.project_of(whole(1)) == ""
    assert isinstance(copied.refusal(whole(2)), OverQuota)
    assert copied.project_of(whole(1)) == "search"


def test_a_copy_follows_the_gpus_of_its_own_ledger() -> None:
    book = ledger()
    found = quota(book, 1000)
    assert found.asked(mib(4096)) == 250
    other = book.copy()
    copied = found.copy(other)
    other.put_node(GpuNode("small", alike(1, MiB(8192)), "P4"))
    assert (copied.asked(mib(4096)), found.asked(mib(4096))) == (500, 250)


def test_a_copy_of_a_ledger_is_counted_on_by_itself() -> None:
    book = ledger()
    found = quota(book, 2000)
    hold(book, "a", whole(1))
    other = book.copy()
    copied = found.copy(other)
    hold(other, "b", whole(1), "1")
    assert (found.room("search"), copied.room("search")) == (1000, 0)
    assert isinstance(copied.refusal(whole(1)), OverQuota)
    other.release("uid-b")
    assert copied.room("search") == 1000


def test_without_projects_any_more_nothing_is_counted_against_anybody() -> None:
    book = ledger()
    found = quota(book, 0)
    assert found.refusal(whole(1)) is not None
    found.configure(Projects(), Kinds())
    assert found.refusal(whole(1)) is None


def test_nothing_is_kept_of_pods_that_name_thousands_of_models() -> None:
    found, long = quota(ledger(), 1000), tuple(f"model-{number}" for number in range(1000))
    short = Ask("search", "any", "", Share(1, MilliGpu(1000)), 0, long[:10])
    for ask in (Ask("search", "any", "", Share(1, MilliGpu(1000)), 0, long), short):
        assert found.standing(ask) == found.standing(ask)
    assert list(found._standings) == [short]
