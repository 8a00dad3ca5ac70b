"""A minute in which a pod held GPUs counts once and whole, for its workload and its project, whatever happens in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.model import WorkloadKey
from autoscaler.core.targets.holdings import GpuUse, Holding, Holdings
from autoscaler.core.targets.inventory import Inventory
from autoscaler.core.targets.pods import OwnedPod
from autoscaler.core.targets.selection import selector
from autoscaler.core.targets.target import Target

MINUTE_MS = 60_000
BEGIN_MS = 1_000 * MINUTE_MS + 500


@dataclass
class Story:
    """Pods of the workload "chat" (owner "chat") and of nobody, told second by second."""

    holdings: Holdings = field(
        default_factory=lambda: Holdings(lambda owner: owner if owner == "chat" else "", lambda _: "")
    )
    now_ms: int = BEGIN_MS

    def __post_init__(self) -> None:
        self.holdings.count(self.now_ms)

    def after(self, seconds: int) -> Story:
        """Let time pass, tick by tick."""
        for _ in range(0, seconds, 2):
            self.now_ms += 2000
            self.holdings.count(self.now_ms)
        return self

    def pod(self, name: str, milli: int, project: str | None = None, *, owner: str = "chat") -> Story:
        self.holdings.put(name, Holding("ml", milli, owner, project))
        return self

    def gone(self, name: str) -> Story:
        self.holdings.put(name, None)
        return self

    def spent(self) -> dict[str, int]:
        use = self.holdings.uses().get("chat")
        return {} if use is None else dict(use.spent)


def test_each_minute_of_each_pod_counts_once_it_is_over() -> None:
    story = Story().pod("a", 250).pod("b", 1000)
    assert story.after(58).spent() == {"": 0}
    assert story.after(2).spent() == {"": 1250}
    assert story.after(120).spent() == {"": 3750}


def test_a_minute_counts_whole_from_the_binding_until_the_pod_is_gone() -> None:
    story = Story().after(50).pod("late", 1000).after(60 + 20).gone("late")
    # It held GPUs at the end of one minute, in the whole of the next, and at the beginning of the third.
    assert story.after(300).spent() == {"": 3000}


def test_a_pod_that_came_and_went_within_a_minute_counts_for_it_and_only_once() -> None:
    story = Story().pod("a", 1000).after(10).gone("a").after(4).pod("a", 1000).after(4).gone("a")
    assert story.after(60).spent() == {"": 1000}


def test_what_a_pod_holds_at_the_end_of_a_minute_counts() -> None:
    story = Story().pod("a", 1000).after(20).pod("a", 500, "search")
    assert story.after(40).spent() == {"search": 500}


def test_a_pods_own_label_goes_before_its_namespaces() -> None:
    story = Story()
    story.holdings.only_projects({"ml": "research", "empty": ""})
    story.pod("a", 1000).pod("b", 300, "search").pod("c", 200, "").after(60)
    assert story.spent() == {"research": 1000, "search": 300, "": 200}
    story.holdings.put_project("ml", "")
    assert story.after(60).spent() == {"research": 1000, "search": 600, "": 1400}
    story.holdings.put_project("ml", "research")
    assert story.after(60).spent()["research"] == 2000


def test_pods_of_nobody_count_for_nobody() -> None:
    assert Story().pod("a", 1000, owner="job").after(120).spent() == {}


def test_what_is_held_now_and_by_one_replica() -> None:
    story = Story().pod("a", 500).pod("b", 2000, "search")
    assert story.holdings.uses() == {"chat": GpuUse({"": 500, "search": 2000}, {"": 0, "search": 0}, 2000)}
    story.gone("a").gone("b")
    # Of a workload without pods it is still known what one would hold.
    assert story.holdings.uses() == {"chat": GpuUse({}, {"": 0, "search": 0}, 2000)}


def test_minutes_in_which_the_program_stood_still_count_up_to_ten() -> None:
    story = Story().pod("a", 1000).pod("gone", 1000).after(30).gone("gone")
    story.now_ms += 5 * MINUTE_MS
    story.holdings.count(story.now_ms)
    assert story.spent() == {"": 5000 + 1000}
    story.now_ms += 600 * MINUTE_MS
    story.holdings.count(story.now_ms)
    assert story.spent() == {"": 6000 + 10_000}


def test_a_clock_that_is_set_back_counts_nothing_twice_and_goes_on() -> None:
    story = Story().pod("a", 1000).after(60)
    story.now_ms -= 3600_000
    story.holdings.count(story.now_ms)
    assert story.spent() == {"": 1000}
    assert story.after(60).spent() == {"": 2000}


def test_who_lets_minutes_pass_by_counts_none_of_them_afterwards() -> None:
    story = Story().pod("a", 1000).pod("b", 1000)
    story.gone("b")
    for _ in range(3):
        story.now_ms += MINUTE_MS
        story.holdings.pass_by(story.now_ms)
    assert story.spent() == {"": 0}
    assert story.after(60).spent() == {"": 1000}


def test_what_a_workload_held_is_forgotten_with_it() -> None:
    story = Story().pod("a", 1000).after(60).gone("a")
    story.holdings.retain({"other"})
    assert story.after(60).holdings.uses() == {"chat": GpuUse({}, {"": 1000}, 0)}  # the minute that it went in
    story.holdings.retain({"other"})
    assert story.after(60).holdings.uses() == {}


def test_labels_that_change_again_and_again_do_not_make_series_without_end() -> None:
    story = Story().pod("a", 1000, "stays")
    for number in range(50):
        story.pod("b", 1000, f"project-{number}").after(60)
    spent = story.spent()
    assert spent["stays"] == 50_000
    assert len(spent) <= 10
    assert "project-49" in spent


# --- whose a pod is ---


def inventory() -> Inventory:
    found = Inventory()
    found.put_target(Target(WorkloadKey("chat", "ml", "chat"), 1, {}))
    found.put_target(Target(WorkloadKey("bare", "ml", "bare", kind="StatefulSet"), 1, {}))
    found.put_target(Target(WorkloadKey("custom", "ml", "custom"), 1, {}, selector=selector("app=custom")))
    found.put_target(Target(WorkloadKey("refused", "ml", "set"), 1, {}, refused="its Deployment sets its replicas"))
    found.put_owner("set-1", "chat")
    return found


def owned(name: str, owner: str, **labels: str) -> OwnedPod:
    return OwnedPod(name, owner, name, ready=False, namespace="ml", labels=labels, holding=Holding("ml", 1000, owner))


def test_pods_count_for_what_controls_them_ready_or_not() -> None:
    found = inventory()
    found.only_pods(
        [owned("a", "set-1"), owned("b", "bare"), owned("c", "other", app="custom"), owned("d", "refused"),
         owned("e", "", app="else")]
    )  # fmt: skip
    assert {uid: dict(use.held) for uid, use in found.holdings.uses().items()} == {
        "chat": {"": 1000},
        "bare": {"": 1000},
        "custom": {"": 1000},
    }


def test_a_pod_that_goes_counts_for_whose_it_was() -> None:
    found = inventory()
    found.holdings.count(BEGIN_MS)
    found.only_pods([owned("a", "set-1"), owned("c", "other", app="custom")])
    found.only_pods([])
    found.holdings.count(BEGIN_MS + MINUTE_MS)
    assert {uid: dict(use.spent) for uid, use in found.holdings.uses().items()} == {
        "chat": {"": 1000},
        "custom": {"": 1000},
    }


def test_a_pod_that_is_seen_before_its_owner_counts_once_that_is_known() -> None:
    found = Inventory()
    found.put_pod(owned("a", "set-1"))
    assert found.holdings.uses() == {}
    found.put_target(Target(WorkloadKey("chat", "ml", "chat"), 1, {}))
    found.put_owner("set-1", "chat")
    assert dict(found.holdings.uses()["chat"].held) == {"": 1000}


# --- the plain twin: for each pod and minute, whether it held anything ---


PODS = ("a", "b", "c")
STEPS = st.lists(
    st.tuples(st.sampled_from(PODS), st.sampled_from([0, 250, 1000]), st.sampled_from([None, "x", "y"]),
              st.integers(0, 4)),
    max_size=40,
)  # fmt: skip


@given(STEPS)
def test_the_sum_is_that_of_each_pod_minute_by_minute(steps: list[tuple[str, int, str | None, int]]) -> None:
    story = Story()
    expected: dict[str, int] = {}
    last: dict[str, tuple[int, str]] = {}  # what each pod held last in this minute
    now: dict[str, tuple[int, str]] = {}
    for name, milli, project, quarters in steps:
        story.holdings.put(name, Holding("ml", milli, "chat", project) if milli else None)
        now.pop(name, None)
        if milli:
            now[name] = last[name] = milli, project or ""
        for _ in range(quarters):
            before, story.now_ms = story.now_ms, story.now_ms + 15_000
            story.holdings.count(story.now_ms)
            if story.now_ms // MINUTE_MS != before // MINUTE_MS:
                for held, whose in last.values():
                    expected[whose] = expected.get(whose, 0) + held
                last = dict(now)
    assert {project: spent for project, spent in story.spent().items() if spent} == expected
