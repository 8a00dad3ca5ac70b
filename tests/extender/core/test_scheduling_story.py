"""Whatever happens, in whatever order, no device is given twice: a cluster played by hypothesis.

`truth` is what the API server holds; the extender hears of it late, twice, or not at all. A Binding whose answer is
lost may still be carried out, at any later moment, as long as the API server works on it. A pod deleted by force
runs on for a while; a pod that was deleted with its kubelet's word does not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from extender.core.answers import BindTo, Refused
from extender.core.binding import SETTLING_S
from extender.core.ledger.holding import State
from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.packing.choice import Misfit
from extender.core.scheduling import Scheduling
from extender.core.settings import Settings
from kube.gpus import MiB, MilliGpu, Share

NODES = (
    GpuNode("a", alike(1, MiB(16384))),
    GpuNode("b", (Device("GPU-b0", MiB(16384)), Device("GPU-b1", MiB(16384)))),
)
NAMES = [node.name for node in NODES]
WORKED_ON_S = 60.0  # the API server's --request-timeout: no Binding is carried out later
OUTCOMES = ("accepted", "accepted", "accepted", "lost", "lands", "refused", "no bind", "unanswered")
ONE, ALL = Settings(), Settings(one_node=False)


@dataclass
class UnderWay:
    """A Binding whose answer was lost: carried out by the API server at most until `until`, or never."""

    to: BindTo
    until: float


class Story(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.truth: dict[str, SeenPod] = {}
        self.sights: list[SeenPod] = []
        self.under_way: list[UnderWay] = []
        self.unanswered: list[BindTo] = []
        self.ghosts: list[tuple[SeenPod, float]] = []
        self.offered = set(NAMES)
        self.created = 0
        self.now = 0.0
        self.scheduling = self.started()

    def started(self) -> Scheduling:
        scheduling = Scheduling()
        scheduling.nodes_are(node for node in NODES if node.name in self.offered)
        return scheduling

    def some(self, choice: int) -> SeenPod | None:
        pods = sorted(self.truth.values(), key=lambda pod: pod.key.uid)
        return pods[choice % len(pods)] if pods else None

    def put(self, pod: SeenPod) -> None:
        self.truth[pod.key.uid] = pod
        self.sights.append(pod)

    def carry_out(self, to: BindTo) -> bool:
        """Do as the API server: refuse a Binding of a pod that is gone or has a node."""
        pod = self.truth.get(to.pod.uid)
        if pod is None or pod.node:
            return False
        self.put(replace(pod, node=to.node, placed=to.placed))
        return True

    # --- people and controllers ---

    @rule(milli=st.sampled_from([250, 500, 1000]), devices=st.sampled_from([1, 1, 1, 2]), pods=st.integers(1, 3))
    def pods_are_created(self, milli: int, devices: int, pods: int) -> None:
        for _ in range(pods):
            self.created += 1
            key = PodKey(f"p{self.created}", "default", f"p{self.created % 5}")
            self.put(SeenPod(key, Share(devices, MilliGpu(milli)), cpu=100))

    @rule(choice=st.integers(0, 99))
    def a_pod_ends_and_is_deleted(self, choice: int) -> None:
        pod = self.some(choice)
        if pod is not None:
            del self.truth[pod.key.uid]
            if pod.node:
                self.scheduling.pod_seen(replace(pod, ended=True))
            self.scheduling.pod_gone(pod.key.uid, self.now, ended=bool(pod.node))

    @rule(choice=st.integers(0, 99))
    def a_pod_is_deleted_by_force(self, choice: int) -> None:
        pod = self.some(choice)
        if pod is not None:
            del self.truth[pod.key.uid]
            if pod.node:
                self.ghosts.append((pod, self.now + ONE.quarantine_s))
            self.scheduling.pod_gone(pod.key.uid, self.now)

    # --- kube-scheduler ---

    @rule(outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=4), node=st.integers(0, 9))
    def pods_are_scheduled(self, outcomes: list[str], node: int) -> None:
        waiting = [pod for pod in self.truth.values() if not pod.node]
        for pod, outcome in zip(waiting, outcomes, strict=False):
            self.schedule(pod, outcome, node)

    def schedule(self, pod: SeenPod, outcome: str, node: int) -> None:
        offered = sorted(self.offered)
        if not offered:
            return
        answer = self.scheduling.filter(pod, offered, self.now)
        if isinstance(answer, Refused) or outcome == "no bind":
            return
        to = self.scheduling.bind(pod.key.uid, answer.nodes[node % len(answer.nodes)], self.now)
        assert isinstance(to, BindTo)
        if outcome == "unanswered":
            self.unanswered.append(to)
        elif outcome == "refused":
            self.scheduling.not_bound(to)
        elif outcome == "accepted" and self.carry_out(to):
            self.scheduling.bound(pod.key.uid)
        else:
            if outcome != "lands" or not self.carry_out(to):
                self.under_way.append(UnderWay(to, self.now + WORKED_ON_S))
            self.scheduling.unknown(to)

    @precondition(lambda self: self.unanswered)
    @rule(choice=st.integers(0, 99), refused=st.booleans())
    def a_binding_is_answered_after_others_were_asked_for(self, choice: int, refused: bool) -> None:  # noqa: FBT001  drawn
        to = self.unanswered.pop(choice % len(self.unanswered))
        if refused:
            self.scheduling.not_bound(to)
        elif self.carry_out(to):
            self.scheduling.bound(to.pod.uid)
        else:
            self.scheduling.unknown(to)

    @precondition(lambda self: self.under_way)
    @rule(choice=st.integers(0, 99))
    def a_binding_lands_late(self, choice: int) -> None:
        late = self.under_way.pop(choice % len(self.under_way))
        if self.now <= late.until:
            self.carry_out(late.to)

    # --- what the extender hears ---

    @precondition(lambda self: self.sights)
    @rule(choice=st.integers(0, 999))
    def the_watch_shows_an_old_sight(self, choice: int) -> None:
        """Show what was true once: of a pod that is gone the extender was told before."""
        self.scheduling.pod_seen(self.sights[choice % len(self.sights)])

    @rule(choice=st.integers(0, 99))
    def the_watch_shows_a_pod(self, choice: int) -> None:
        pod = self.some(choice)
        if pod is not None:
            self.scheduling.pod_seen(pod)

    @rule()
    def everything_is_listed(self) -> None:
        for key in self.scheduling.pods_are(self.truth.values(), self.now):
            self.scheduling.pod_read(key, self.truth.get(key.uid), self.now)

    @rule()
    def unknown_outcomes_are_read(self) -> None:
        for key in self.scheduling.to_read():
            self.scheduling.pod_read(key, self.truth.get(key.uid), self.now)

    @rule(seconds=st.sampled_from([0.5, 5.0, ONE.reservation_s, SETTLING_S + 1.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def the_extender_restarts(self) -> None:
        """Start anew, after as long as any Binding that was sent before may still be worked on."""
        tuned = self.scheduling.settings
        self.under_way += [UnderWay(to, self.now + WORKED_ON_S) for to in self.unanswered]
        self.unanswered.clear()
        self.now += WORKED_ON_S + 1.0
        self.sights = list(self.truth.values())
        self.scheduling = self.started()
        self.scheduling.tune(tuned)
        self.scheduling.pods_are(self.truth.values(), self.now)

    @rule(node=st.sampled_from(NODES), comes=st.booleans())
    def a_node_goes_or_comes_back(self, node: GpuNode, comes: bool) -> None:  # noqa: FBT001  hypothesis draws it
        if comes:
            self.offered.add(node.name)
            self.scheduling.node_seen(node)
        else:
            self.offered.discard(node.name)
            self.scheduling.node_gone(node.name)

    @rule(one_node=st.booleans())
    def the_operator_tunes(self, one_node: bool) -> None:  # noqa: FBT001  hypothesis draws it
        self.scheduling.tune(ONE if one_node else ALL)

    # --- what holds at every moment ---

    @invariant()
    def no_device_is_promised_twice(self) -> None:
        assert list(self.scheduling.ledger.overfull()) == []

    @invariant()
    def no_device_is_given_twice(self) -> None:
        running = [*self.truth.values(), *(pod for pod, until in self.ghosts if self.now < until)]
        given: Counter[tuple[str, str]] = Counter()
        for pod in running:
            if pod.placed is not None:
                given.update({(pod.node, device): int(pod.placed.milli) for device in pod.placed.devices})
        assert max(given.values(), default=0) <= 1000

    @invariant()
    def what_is_kicked_waits(self) -> None:
        for key in self.scheduling.to_kick(self.now):
            assert not self.truth[key.uid].node or self.scheduling.ledger.holding(key.uid) is not None

    @invariant()
    def what_fits_is_not_refused(self) -> None:
        """Ask for the smallest share on every node: refused where a count of the holdings says there is none left."""
        asked = SeenPod(PodKey("asked", "default", "asked"), Share(1, MilliGpu(100))).shape()
        for node in NODES:
            if node.name in self.offered:
                held = Counter[str]()
                for holding in self.scheduling.ledger.holdings_on(node.name):
                    held.update(dict.fromkeys(holding.devices or (), int(holding.milli)))
                fits = any(held[device.name] <= 900 for device in node.devices)
                assert fits != isinstance(self.scheduling.packer.placement(asked, node.name), Misfit)

    def teardown(self) -> None:
        """Let everything settle: what is held then is what is bound, and nothing else."""
        self.now += WORKED_ON_S + 1.0
        self.under_way.clear()
        for to in self.unanswered:
            self.scheduling.unknown(to)
        for _ in range(2):
            self.everything_is_listed()
            self.unknown_outcomes_are_read()
            self.now += SETTLING_S + 1.0
        self.scheduling.ledger.expire(self.now)
        held = {holding.pod.uid: holding for holding in self.scheduling.ledger.holdings()}
        assert set(held) == {pod.key.uid for pod in self.truth.values() if pod.node}
        assert all(holding.state is State.BOUND for holding in held.values())


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
