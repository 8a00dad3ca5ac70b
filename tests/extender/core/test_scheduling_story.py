"""Whatever happens, in whatever order, no device is given twice: a cluster played by hypothesis."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from extender.core.answers import BindTo, Refused
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.scheduling import Scheduling
from kube.gpus import MiB, MilliGpu, Share

NODES = (GpuNode("a", alike(2, MiB(16384))), GpuNode("b", alike(3, MiB(16384))))
NAMES = [node.name for node in NODES]


class Story(RuleBasedStateMachine):
    """`truth` is what the API server holds: the pods there are, and where and on which devices they are bound."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduling = self.started()
        self.truth: dict[str, SeenPod] = {}
        self.created = 0
        self.now = 0.0

    def started(self) -> Scheduling:
        scheduling = Scheduling()
        scheduling.nodes_are(NODES)
        return scheduling

    def some(self, choice: int) -> SeenPod | None:
        return (
            sorted(self.truth.values(), key=lambda pod: pod.key.uid)[choice % len(self.truth)] if self.truth else None
        )

    @rule(milli=st.sampled_from([100, 250, 500, 1000]), devices=st.sampled_from([1, 1, 1, 2]))
    def a_pod_is_created(self, milli: int, devices: int) -> None:
        self.created += 1
        key = PodKey(f"p{self.created}", "default", f"p{self.created}")
        self.truth[key.uid] = SeenPod(key, Share(devices, MilliGpu(milli)))

    @rule(choice=st.integers(0, 99), outcome=st.sampled_from(["accepted", "lost", "lands", "refused", "no bind"]))
    def a_pod_is_scheduled(self, choice: int, outcome: str) -> None:
        pod = self.some(choice)
        if pod is None or pod.node:
            return
        answer = self.scheduling.filter(pod, NAMES, self.now)
        if isinstance(answer, Refused) or outcome == "no bind":
            return
        to = self.scheduling.bind(pod.key.uid, answer.nodes[0], self.now)
        assert isinstance(to, BindTo)
        if outcome in ("accepted", "lands"):
            self.truth[pod.key.uid] = SeenPod(pod.key, pod.request, to.node, to.placed)
        if outcome == "accepted":
            self.scheduling.bound(pod.key.uid)
        elif outcome == "refused":
            self.scheduling.not_bound(to)
        else:
            self.scheduling.unknown(to)

    @rule(choice=st.integers(0, 99), ended=st.booleans())
    def a_pod_is_deleted(self, choice: int, ended: bool) -> None:  # noqa: FBT001  hypothesis draws it
        pod = self.some(choice)
        if pod is not None:
            del self.truth[pod.key.uid]
            self.scheduling.pod_gone(pod.key.uid, self.now, ended=ended)

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

    @rule(seconds=st.sampled_from([0.5, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def the_extender_restarts(self) -> None:
        self.scheduling = self.started()
        self.scheduling.pods_are(self.truth.values(), self.now)

    @rule(node=st.sampled_from(NODES))
    def a_node_goes_and_comes_back(self, node: GpuNode) -> None:
        self.scheduling.node_gone(node.name)
        self.scheduling.node_seen(node)

    @invariant()
    def no_device_is_promised_twice(self) -> None:
        assert list(self.scheduling.ledger.overfull()) == []

    @invariant()
    def no_device_is_given_twice(self) -> None:
        given: Counter[tuple[str, str]] = Counter()
        for pod in self.truth.values():
            if pod.placed is not None:
                given.update({(pod.node, device): int(pod.placed.milli) for device in pod.placed.devices})
        assert max(given.values(), default=0) <= 1000

    @invariant()
    def what_is_kicked_waits(self) -> None:
        for key in self.scheduling.to_kick(self.now):
            assert not self.truth[key.uid].node or self.scheduling.ledger.holding(key.uid) is not None


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
