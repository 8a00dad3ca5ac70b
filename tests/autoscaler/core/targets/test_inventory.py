"""Every target is seen with its ready pods, whatever came in whatever order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.model import WorkloadKey
from autoscaler.core.targets.inventory import Inventory
from autoscaler.core.targets.pods import OwnedPod
from autoscaler.core.targets.selection import Selector, selector
from autoscaler.core.targets.target import Sight, Target

if TYPE_CHECKING:
    from collections.abc import Mapping


def target(uid: str, replicas: int = 1, version: str = "1", chosen: str = "", refused: str = "") -> Target:
    key = WorkloadKey(uid, "ns", f"name-of-{uid}")
    return Target(key, replicas, {}, 0, version, selector(chosen) if chosen else None, refused)


def pod(uid: str, owner: str, *, ready: bool = True, **labels: str) -> OwnedPod:
    return OwnedPod(uid, owner, f"pod-{uid}", ready, "ns", labels)


def ready(inventory: Inventory, uid: str) -> tuple[str, ...]:
    return inventory.sights()[uid].ready


def test_pods_are_a_deployments_through_its_replica_set() -> None:
    inventory = Inventory()
    inventory.put_target(target("deployment", 3))
    inventory.put_pod(pod("b", "set"))
    inventory.put_pod(pod("a", "set"))
    inventory.put_pod(pod("c", "set", ready=False))
    inventory.put_owner("set", "deployment")
    assert inventory.sights() == {"deployment": Sight("ns", "name-of-deployment", 3, ("pod-a", "pod-b"))}


def test_the_pods_of_a_target_are_all_that_are_not_on_their_way_out() -> None:
    inventory = Inventory()
    inventory.put_target(target("deployment", 3))
    inventory.put_target(target("custom", chosen="app=x"))
    inventory.put_owner("set", "deployment")
    starting = replace(pod("a", "set", ready=False), starting=True)
    for one in (pod("b", "set"), starting, pod("c", "set", ready=False), pod("d", "other", app="x")):
        inventory.put_pod(one)
    assert inventory.pods_of("deployment") == [starting, pod("b", "set")]
    assert inventory.pods_of("custom") == [pod("d", "other", app="x")]
    assert inventory.pods_of("nobody") == []
    assert (inventory.is_replica_set("set"), inventory.is_replica_set("other")) == (True, False)


def test_the_pods_with_a_cost_of_ours_are_known_as_long_as_it_is_ours() -> None:
    inventory, plain = Inventory(), pod("a", "set")
    ours, anothers = replace(plain, cost="-1", our_cost="-1"), replace(plain, cost="5", our_cost="-1")
    for shown, known in ((plain, []), (ours, [ours]), (anothers, []), (ours, [ours])):
        inventory.put_pod(shown)
        assert inventory.pods_with_our_cost() == known
        assert inventory.pod("a") == shown
    inventory.drop_pod("a")
    assert inventory.pods_with_our_cost() == []
    assert inventory.pod("a") is None


def test_a_set_that_is_shown_after_its_pods_brings_them() -> None:
    inventory = Inventory()
    inventory.put_target(target("deployment"))
    inventory.put_pod(pod("a", "set"))
    assert ready(inventory, "deployment") == ()
    inventory.put_owner("set", "deployment")
    assert ready(inventory, "deployment") == ("pod-a",)
    inventory.put_owner("set", "")
    assert ready(inventory, "deployment") == ()


def test_pods_of_a_set_without_controller_are_its_own() -> None:
    inventory = Inventory()
    inventory.put_owner("set", "")
    inventory.put_target(target("set"))
    inventory.put_pod(pod("a", "set"))
    assert ready(inventory, "set") == ("pod-a",)


def test_a_selector_chooses_pods_whoever_owns_them() -> None:
    inventory = Inventory()
    inventory.put_pod(pod("a", "somebody", app="chat"))
    inventory.put_target(target("custom", chosen="app=chat"))
    assert ready(inventory, "custom") == ("pod-a",)
    inventory.put_pod(pod("b", "", app="chat"))
    inventory.put_pod(pod("c", "custom", app="other"))
    inventory.put_pod(OwnedPod("d", "", "pod-d", ready=True, namespace="elsewhere", labels={"app": "chat"}))
    assert ready(inventory, "custom") == ("pod-a", "pod-b")
    inventory.put_pod(pod("a", "somebody", app="other"))
    assert ready(inventory, "custom") == ("pod-b",)
    inventory.put_target(target("custom", chosen="app in (other)"))
    assert ready(inventory, "custom") == ("pod-a", "pod-c")


def test_what_is_refused_is_not_seen() -> None:
    inventory = Inventory()
    inventory.put_target(target("a", refused="because"))
    assert not inventory.sights()
    assert inventory.targets["a"].refused == "because"


def test_what_did_not_change_is_the_same_sight() -> None:
    inventory = Inventory()
    for uid in "ab":
        inventory.put_target(target(uid))
    before = dict(inventory.sights())
    inventory.put_pod(pod("1", "a"))
    inventory.put_target(target("b", version="2"))
    after = inventory.sights()
    assert after["b"] is before["b"]
    assert after["a"] is not before["a"]


def test_a_watch_that_is_late_does_not_undo_our_own_write() -> None:
    inventory = Inventory()
    inventory.put_target(target("a", 3, "10"))
    inventory.counted("a", 8, "14")
    assert inventory.put_target(target("a", 5, "12")).replicas == 8
    assert inventory.sights()["a"].current == 8
    inventory.put_target(target("a", 5, "15"))
    assert inventory.sights()["a"].current == 5


def test_our_own_write_does_not_undo_what_the_watch_showed_after_it() -> None:
    inventory = Inventory()
    inventory.put_target(target("a", 5, "15"))
    inventory.counted("a", 8, "14")
    assert inventory.sights()["a"].current == 5


# --- the plain twin: everything looked at anew ---

_TARGETS, _SETS, _PODS = "AB", "xy", "123"
_SELECTORS = ["", "l=1", "l in (1,2)", "!l", "l=2,m=1"]
_OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("target"), st.sampled_from(_TARGETS), st.sampled_from(_SELECTORS), st.integers(0, 3)),
        st.tuples(st.just("refuse"), st.sampled_from(_TARGETS)),
        st.tuples(st.just("untarget"), st.sampled_from(_TARGETS)),
        st.tuples(st.just("set"), st.sampled_from(_SETS), st.sampled_from([*_TARGETS, ""])),
        st.tuples(st.just("unset"), st.sampled_from(_SETS)),
        st.tuples(
            st.just("pod"),
            st.sampled_from(_PODS),
            st.sampled_from([*_TARGETS, *_SETS, ""]),
            st.booleans(),
            st.dictionaries(st.sampled_from("lm"), st.sampled_from("12")),
        ),
        st.tuples(st.just("unpod"), st.sampled_from(_PODS)),
        st.tuples(st.just("list")),
        st.tuples(st.just("look")),
    ),
    max_size=30,
)


class Twin:
    """Knows the tables alone, and joins them at each look; what is done to it is done to an inventory too."""

    def __init__(self) -> None:
        self.inventory = Inventory()
        self.targets: dict[str, Target] = {}
        self.sets: dict[str, str] = {}
        self.pods: dict[str, OwnedPod] = {}

    def target(self, uid: str, chosen: str, replicas: int) -> None:
        self.targets[uid] = self.inventory.put_target(target(uid, replicas, chosen=chosen))

    def refuse(self, uid: str) -> None:
        self.targets[uid] = self.inventory.put_target(target(uid, refused="no"))

    def untarget(self, uid: str) -> None:
        self.targets.pop(uid, None)
        self.inventory.drop_target(uid)

    def set(self, uid: str, controller: str) -> None:
        self.sets[uid] = controller
        self.inventory.put_owner(uid, controller)

    def unset(self, uid: str) -> None:
        self.sets.pop(uid, None)
        self.inventory.drop_owner(uid)

    def pod(self, uid: str, owner: str, ready: bool, labels: dict[str, str]) -> None:  # noqa: FBT001
        self.pods[uid] = pod(uid, owner, ready=ready, **labels)
        self.inventory.put_pod(self.pods[uid])

    def unpod(self, uid: str) -> None:
        self.pods.pop(uid, None)
        self.inventory.drop_pod(uid)

    def list(self) -> None:
        self.pods = dict(tuple(self.pods.items())[1:])
        self.sets = dict(tuple(self.sets.items())[1:])
        self.inventory.only_pods(self.pods.values())
        self.inventory.only_owners(self.sets)

    def look(self) -> None:
        assert self.inventory.sights() == {
            uid: Sight("ns", one.key.name, one.replicas, self._ready(one))
            for uid, one in self.targets.items()
            if not one.refused
        }

    def _ready(self, one: Target) -> tuple[str, ...]:
        return tuple(sorted(found.name for found in self.pods.values() if found.ready and self._is_of(one, found)))

    def _is_of(self, one: Target, found: OwnedPod) -> bool:
        if one.selector is not None:
            return one.selector.matches(found.labels)
        return one.key.uid in (found.owner, self.sets.get(found.owner))


@settings(max_examples=600)
@given(_OPERATIONS)
def test_what_is_kept_is_what_would_be_joined_anew(operations: list[tuple[str, ...]]) -> None:
    twin = Twin()
    for name, *arguments in [*operations, ("look",)]:
        getattr(twin, name)(*arguments)
    _nothing_is_left(twin.inventory, twin)


def _nothing_is_left(inventory: Inventory, twin: Twin) -> None:
    """What is gone leaves no trace: a program that runs for months must not grow."""
    for uid in list(twin.targets):
        inventory.drop_target(uid)
    inventory.only_pods(())
    inventory.only_owners({})
    inventory.sights()
    tables: list[Mapping[str, object] | set[str]] = [
        value for value in vars(inventory).values() if isinstance(value, dict | set)
    ]
    assert len(tables) >= 10
    assert not any(tables)


def test_a_selector_with_no_label_of_its_own_is_asked_of_every_pod() -> None:
    chosen = selector("!l")
    assert isinstance(chosen, Selector)
    assert chosen.equality() is None


def test_a_pod_that_is_not_ready_is_starting_or_has_failed_to() -> None:
    inventory = Inventory()
    inventory.put_target(target("deployment", 4))
    inventory.put_owner("rs", "deployment")
    starting = OwnedPod("a", "rs", "pod-a", ready=False, namespace="ns", starting=True, created_s=7)
    for pod in (
        starting,
        OwnedPod("b", "rs", "pod-b", ready=False, namespace="ns", failed=True, created_s=3),
        OwnedPod("c", "rs", "pod-c", ready=True, namespace="ns", created_s=2),
        OwnedPod("d", "rs", "pod-d", ready=False, namespace="ns"),
    ):
        inventory.put_pod(pod)
    assert inventory.sights()["deployment"] == Sight("ns", "name-of-deployment", 4, ("pod-c",), (7,), 1)
    inventory.put_pod(replace(starting, ready=True, starting=False))
    assert inventory.sights()["deployment"] == Sight("ns", "name-of-deployment", 4, ("pod-a", "pod-c"), (), 1)
