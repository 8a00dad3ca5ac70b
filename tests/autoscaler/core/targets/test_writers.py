"""Others who write a workload's replicas are found out, told of once, and left alone for as long as is right."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.model import WorkloadKey
from autoscaler.core.targets.writers import MANAGER, Autoscaler, Writers, identity

KEY = WorkloadKey("uid", "team", "chat")
WINDOW_S = 60
HPA = Autoscaler("h", "chat-hpa", ("team", "apps", "Deployment", "chat"))


@dataclass
class Story:
    """One workload and its writers, told second by second."""

    writers: Writers = field(default_factory=Writers)
    second: int = 1000
    version: int = 10
    window_s: int = WINDOW_S

    def now_ms(self) -> int:
        return self.second * 1000

    def after(self, seconds: int) -> Story:
        self.second += seconds
        return self

    def seen(self, replicas: int, manager: str = "") -> Story:
        self.version += 1
        self.writers.seen(KEY, replicas, str(self.version), manager=manager, now_ms=self.now_ms())
        return self

    def writes(self, replicas: int) -> Story:
        """We write, hear of it, and see it by the watch."""
        self.version += 1
        self.writers.writing(KEY.uid, replicas, now_ms=self.now_ms())
        self.writers.wrote(KEY.uid, replicas, str(self.version))
        self.writers.seen(KEY, replicas, str(self.version), manager=MANAGER, now_ms=self.now_ms())
        return self

    def hold(self) -> str:
        return self.writers.hold(KEY.uid, now_ms=self.now_ms(), stable_window_s=self.window_s)

    def said(self) -> list[tuple[str, str]]:
        self.hold()
        return [(said.reason, said.message) for said in self.writers.said()]


def test_the_first_sight_is_nobodys_change() -> None:
    assert Story().seen(7, "kubectl-scale").hold() == ""


def test_what_we_wrote_is_no_others_change() -> None:
    assert Story().seen(4).writes(7).hold() == ""


@pytest.mark.parametrize(
    ("manager", "told"),
    [("kubectl-scale", "another (kubectl-scale)"), ("", "another")],
)
def test_what_another_wrote_is_said_once_and_respected_for_one_stable_window(manager: str, told: str) -> None:
    story = Story().seen(4).after(5).seen(7, manager)
    hold = f"replicas 4 -> 7 were set by {told}; respected for 60s"
    assert story.hold() == hold
    assert story.said() == [("ReplicasSetByAnother", hold)]
    assert story.after(59).hold() == hold
    assert story.said() == []
    assert story.after(1).hold() == ""
    assert story.said() == []


def test_each_change_by_another_is_said() -> None:
    story = Story().seen(4).seen(7, "kubectl-scale")
    assert len(story.said()) == 1
    assert story.after(10).seen(8, "kubectl-scale").said() == [
        ("ReplicasSetByAnother", "replicas 7 -> 8 were set by another (kubectl-scale); respected for 60s")
    ]
    assert story.after(59).hold() != ""


def test_an_autoscaler_that_scales_it_too_has_it_as_long_as_it_is_there() -> None:
    story = Story().seen(4)
    story.writers.put_autoscaler(HPA)
    hold = "HorizontalPodAutoscaler chat-hpa scales it too: remove one of both; replicas are left to it"
    assert story.after(10_000).hold() == hold
    assert story.said() == [("ScaledByAnotherAutoscaler", hold)]
    assert story.seen(9, "kube-controller-manager").said() == []
    story.writers.drop_autoscaler("h")
    assert story.hold() == ""


@pytest.mark.parametrize(
    "scales",
    [
        ("other", "apps", "Deployment", "chat"),
        ("team", "example.com", "Deployment", "chat"),
        ("team", "apps", "StatefulSet", "chat"),
        ("team", "apps", "Deployment", "other"),
    ],
    ids=["another namespace", "another group", "another kind", "another name"],
)
def test_an_autoscaler_of_something_else_is_none(scales: tuple[str, str, str, str]) -> None:
    story = Story().seen(4)
    story.writers.put_autoscaler(Autoscaler("h", "x", scales))
    assert story.hold() == ""


def test_an_autoscaler_that_turns_to_something_else_lets_go() -> None:
    story = Story().seen(4)
    story.writers.put_autoscaler(HPA)
    story.writers.put_autoscaler(Autoscaler("h", "chat-hpa", ("team", "apps", "Deployment", "other")))
    assert story.hold() == ""


def test_a_list_of_autoscalers_is_all_of_them() -> None:
    story = Story().seen(4)
    story.writers.put_autoscaler(HPA)
    story.writers.only_autoscalers([Autoscaler("i", "new", HPA.scales)])
    assert "HorizontalPodAutoscaler new scales" in story.hold()
    story.writers.only_autoscalers([])
    assert story.hold() == ""


def fight(story: Story, rounds: int, every_s: int) -> Story:
    for _ in range(rounds):
        story.after(every_s - 1).writes(8).after(1).seen(3, "argocd")
    return story


def test_who_undoes_us_again_and_again_is_left_alone_until_he_rests() -> None:
    story = fight(Story().seen(3), 3, every_s=61)
    hold = (
        "another writer undid 3 changes of its replicas within 10m "
        "(last: replicas 8 -> 3 were set by another (argocd)): left alone until it rests for as long"
    )
    assert story.hold() == hold
    assert story.said() == [("ReplicasContested", hold)]
    # What he does meanwhile is known already, and keeps us away for longer.
    assert story.after(500).seen(5, "argocd").hold() == hold
    assert story.said() == []
    assert story.after(599).hold() == hold
    assert story.after(1).hold() == ""


def test_two_changes_against_us_are_no_fight() -> None:
    assert "respected" in fight(Story().seen(3), 2, every_s=61).hold()


def test_changes_that_undo_nothing_of_ours_are_no_fight() -> None:
    story = Story().seen(3)
    for replicas in (4, 5, 6, 7):
        story.after(60).seen(replicas, "kubectl-scale")
    assert "respected" in story.hold()


def test_rare_changes_are_no_fight() -> None:
    assert "respected" in fight(Story().seen(3), 3, every_s=301).hold()


def test_a_long_window_makes_the_rounds_of_a_fight_longer() -> None:
    story = fight(Story(window_s=300).seen(3), 3, every_s=310)
    assert "within 20m" in story.hold()


def test_after_a_rest_a_fight_begins_anew() -> None:
    story = fight(Story().seen(3), 3, every_s=61)
    story.hold()
    assert story.after(600).hold() == ""
    assert "respected" in story.writes(8).after(1).seen(3, "argocd").hold()


def test_the_watch_may_show_our_write_before_we_have_an_answer() -> None:
    story = Story().seen(4)
    story.writers.writing(KEY.uid, 7, now_ms=story.now_ms())
    assert story.seen(7).hold() == ""


def test_a_write_without_an_answer_may_have_been_ours_for_a_minute() -> None:
    story = Story().seen(4)
    story.writers.writing(KEY.uid, 7, now_ms=story.now_ms())
    assert story.after(59).seen(7).hold() == ""
    story.writers.writing(KEY.uid, 9, now_ms=story.now_ms())
    assert "7 -> 9" in story.after(60).seen(9).hold()


def test_a_write_that_was_refused_was_not_ours() -> None:
    story = Story().seen(4)
    story.writers.writing(KEY.uid, 7, now_ms=story.now_ms())
    story.writers.not_written(KEY.uid, 7)
    assert "4 -> 7" in story.seen(7).hold()


def test_whoever_wrote_the_count_that_we_were_about_to_write_is_told_by_his_name() -> None:
    story = Story().seen(4)
    story.writers.writing(KEY.uid, 7, now_ms=story.now_ms())
    assert "kubectl-scale" in story.seen(7, "kubectl-scale").hold()


def test_another_instance_of_ours_is_no_other() -> None:
    assert Story().seen(4).seen(7, MANAGER).hold() == ""


def test_a_watch_that_is_behind_our_writes_blames_nobody() -> None:
    story = Story().seen(4)
    for replicas, version in ((5, "20"), (8, "22")):
        story.writers.wrote(KEY.uid, replicas, version)
    for replicas, version in ((4, "15"), (5, "20"), (5, "21"), (8, "22"), (8, "23")):
        story.writers.seen(KEY, replicas, version, manager="", now_ms=story.now_ms())
    assert story.hold() == ""
    story.writers.seen(KEY, 5, "24", manager="", now_ms=story.now_ms())
    assert "8 -> 5" in story.hold()


def test_an_answer_that_comes_after_the_watch_blames_nobody_twice() -> None:
    story = Story().seen(4)
    story.writers.seen(KEY, 8, "20", manager=MANAGER, now_ms=story.now_ms())
    story.writers.seen(KEY, 3, "21", manager="kubectl-scale", now_ms=story.now_ms())
    assert len(story.said()) == 1
    story.writers.wrote(KEY.uid, 8, "20")
    story.writers.seen(KEY, 3, "22", manager="kubectl-scale", now_ms=story.now_ms())
    assert story.said() == []


def test_versions_that_are_no_numbers_are_still_known_as_ours() -> None:
    story = Story()
    for replicas, version in ((4, "a"), (5, "c"), (8, "b")):
        if version == "a":
            story.writers.seen(KEY, replicas, version, manager="", now_ms=story.now_ms())
        else:
            story.writers.wrote(KEY.uid, replicas, version)
    for replicas, version in ((5, "c"), (8, "b")):
        story.writers.seen(KEY, replicas, version, manager="", now_ms=story.now_ms())
    assert story.hold() == ""


def test_a_clock_that_is_set_back_does_not_hold_for_ever() -> None:
    story = Story().seen(4).seen(7, "kubectl-scale")
    assert story.after(-500).hold() != ""
    assert story.after(60).hold() == ""


def test_a_workload_that_is_gone_is_forgotten() -> None:
    story = Story().seen(4).seen(7, "kubectl-scale")
    story.writers.forget(KEY.uid)
    assert story.hold() == ""
    assert story.seen(9, "kubectl-scale").hold() == ""


def test_only_workloads_that_are_held_are_named() -> None:
    writers = Writers()
    keys = [WorkloadKey(name, "team", name) for name in ("calm", "changed", "scaled")]
    for key in keys:
        writers.seen(key, 4, "1", manager="", now_ms=0)
    writers.seen(keys[1], 5, "2", manager="", now_ms=0)
    writers.put_autoscaler(Autoscaler("h", "x", identity(keys[2])))
    writers.put_autoscaler(Autoscaler("i", "x", ("team", "apps", "Deployment", "unknown")))
    assert set(writers.holds(now_ms=0, stable_window_s=lambda _: 60)) == {"changed", "scaled"}
    assert set(writers.holds(now_ms=10**9, stable_window_s=lambda _: 60)) == {"scaled"}


def test_of_what_is_observed_nothing_is_held_or_said_until_it_is_scaled() -> None:
    writers = Writers()
    writers.seen(KEY, 4, "1", manager="", now_ms=0)
    assert writers.setter(KEY.uid) == ""
    writers.seen(KEY, 5, "2", manager="kubectl-scale", now_ms=0)
    assert writers.setter(KEY.uid) == "replicas 4 -> 5 were set by another (kubectl-scale)"
    writers.put_autoscaler(HPA)
    assert writers.setter(KEY.uid) == "HorizontalPodAutoscaler chat-hpa scales it"
    assert writers.holds(now_ms=1, stable_window_s=lambda _: 60, observed=lambda _: True) == {}
    assert writers.said() == ()
    assert set(writers.holds(now_ms=1, stable_window_s=lambda _: 60)) == {KEY.uid}
    assert [said.reason for said in writers.said()] == ["ScaledByAnotherAutoscaler"]


def test_nobody_is_known_to_set_the_replicas_of_what_is_not_known() -> None:
    assert Writers().setter("nobody") == ""


# --- the plain twin: it knows who wrote each version ---


@dataclass
class Truth:
    """The object as the API server has it: its versions in order, each with its count and who set that count."""

    versions: list[tuple[int, str]] = field(default_factory=lambda: [(1, "")])

    def commit(self, replicas: int, who: str) -> int:
        count, manager = self.versions[-1]
        self.versions.append((replicas, manager if replicas == count else who))
        return len(self.versions)

    def status(self) -> None:
        self.versions.append(self.versions[-1])


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ours"), st.integers(1, 4).map(lambda n: 2 * n)),
        st.tuples(st.just("another"), st.integers(0, 3).map(lambda n: 2 * n + 1)),
        st.just(("status",)),
        st.tuples(st.just("watch"), st.integers(1, 3)),
        st.just(("answer",)),
        st.just(("lost",)),
    ),
    max_size=25,
)


@dataclass
class Twin:
    """The detector beside the truth: the watch may lag and skip, our answers may come late or never."""

    managers: bool
    writers: Writers = field(default_factory=Writers)
    truth: Truth = field(default_factory=Truth)
    shown: int = 1
    known: int = 1
    pending: tuple[int, int] | None = None
    now_ms: int = 0
    blamed: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def step(self, name: str, *arguments: int) -> None:
        self.now_ms += 1
        getattr(self, f"_{name}")(*arguments)

    def _ours(self, replicas: int) -> None:
        # One write at a time, each over the count that we know.
        if self.pending is None and self.truth.versions[-1][0] == self.truth.versions[self.known - 1][0]:
            self.writers.writing(KEY.uid, replicas, now_ms=self.now_ms)
            self.pending = replicas, self.truth.commit(replicas, MANAGER)

    def _another(self, replicas: int) -> None:
        self.truth.commit(replicas, "kubectl")

    def _status(self) -> None:
        self.truth.status()

    def _answer(self) -> None:
        if self.pending is not None:
            replicas, version = self.pending
            self.writers.wrote(KEY.uid, replicas, str(version))
            self.known, self.pending = max(self.known, version), None

    def _lost(self) -> None:
        self.pending = None

    def _watch(self, by: int) -> None:
        self.shown = min(self.shown + by, len(self.truth.versions))
        count, manager = self.truth.versions[self.shown - 1]
        before = self.truth.versions[self.known - 1][0]
        if self.shown > self.known and count != before and manager != MANAGER:
            self.expected.append(f"replicas {before} -> {count}")
        self.known = max(self.known, self.shown)
        self.writers.seen(KEY, count, str(self.shown), manager=manager if self.managers else "", now_ms=self.now_ms)
        hold = self.writers.hold(KEY.uid, now_ms=self.now_ms, stable_window_s=60)
        self.writers._records[KEY.uid].contested.clear()  # a fight would not say the single changes
        if self.writers.said():
            self.blamed.append(hold.partition(" were")[0])


@settings(max_examples=600)
@given(_STEPS, st.booleans())
def test_others_are_blamed_for_what_they_wrote_and_for_nothing_else(
    steps: list[tuple[str, int]],
    managers: bool,  # noqa: FBT001
) -> None:
    twin = Twin(managers)
    twin.writers.seen(KEY, 1, "1", manager="", now_ms=0)
    for step in steps:
        twin.step(*step)
    assert twin.blamed == twin.expected
