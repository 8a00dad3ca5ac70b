"""Whatever happens to gangs, in whatever order, none of them stays partly placed: a cluster played by hypothesis.

Once without a quota, and once within one that is less than the cluster has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from extender.core.ledger.nodes import GpuNode, alike
from extender.core.quota.projects import Project, Projects
from extender.core.settings import Settings
from kube.gpus import MiB, MilliGpu, Share
from tests.extender.core.gang.playing import WHOLE, Cluster

if TYPE_CHECKING:
    from extender.core.model import SeenPod

NODES = 6
LONG_S = Settings().gang.start_s + Settings().gang.grace_s


class Story(RuleBasedStateMachine):
    quota: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.cluster = self.started()
        self.gangs = 0
        self.gone: set[str] = set()
        self.was_whole: set[str] = set()

    def started(self) -> Cluster:
        cluster = Cluster(nodes=NODES)
        if self.quota is not None:
            cluster.scheduling.projects_are(Projects((Project("p", self.quota, namespaces=("default",)),)))
        return cluster

    def some(self, choice: int) -> str | None:
        uids = sorted(self.cluster.pods)
        return uids[choice % len(uids)] if uids else None

    def gang_names(self) -> set[str]:
        return {pod.gang.gang for pod in self.cluster.pods.values() if pod.gang is not None}

    def least_of(self, gang: str) -> int:
        return next(
            pod.gang.least
            for pod in self.cluster.pods.values()
            if pod.gang is not None and pod.gang.gang == gang and isinstance(pod.gang.least, int)
        )

    @precondition(lambda self: self.gangs < 4)
    @rule(
        least=st.integers(1, 5),
        more=st.integers(-1, 2),
        milli=st.sampled_from([500, 1000]),
        gated=st.booleans(),
        priority=st.sampled_from([0, 125]),
    )
    def a_gang_is_created(self, least: int, more: int, milli: int, gated: bool, priority: int) -> None:  # noqa: FBT001
        self.gangs += 1
        request = Share(1, MilliGpu(milli))
        self.cluster.create(
            f"g{self.gangs}", least, max(least + more, 1), request=request, gated=gated, priority=priority
        )

    @precondition(lambda self: len(self.cluster.pods) < 24)
    @rule()
    def a_single_pod_is_created(self) -> None:
        self.cluster.created += 1
        self.cluster.single(f"s{self.cluster.created}", WHOLE)

    @rule(choice=st.integers(0, 99), again=st.booleans())
    def a_pod_is_deleted(self, choice: int, again: bool) -> None:  # noqa: FBT001
        uid = self.some(choice)
        if uid is not None:
            self.cluster.delete(uid, again=again)

    def unbound(self, choice: int) -> SeenPod | None:
        uids = sorted(uid for uid, pod in self.cluster.pods.items() if not pod.node and pod.gang is not None)
        return self.cluster.pods[uids[choice % len(uids)]] if uids else None

    @rule(choice=st.integers(0, 99), milli=st.sampled_from([300, 1000]))
    def a_member_asks_for_something_else(self, choice: int, milli: int) -> None:
        pod = self.unbound(choice)
        if pod is not None:
            self.cluster.put(replace(pod, request=Share(1, MilliGpu(milli))))

    @rule(choice=st.integers(0, 99), other=st.integers(0, 9))
    def a_member_changes_its_gang(self, choice: int, other: int) -> None:
        pod = self.unbound(choice)
        if pod is not None and pod.gang is not None:
            names = sorted(self.gang_names())
            gang = names[other % len(names)]
            self.cluster.put(replace(pod, gang=replace(pod.gang, gang=gang, least=self.least_of(gang))))

    @rule(choice=st.integers(0, 99))
    def a_member_is_deleted_and_a_finalizer_keeps_it_for_a_while(self, choice: int) -> None:
        pod = self.unbound(choice)
        if pod is not None:
            self.cluster.put(replace(pod, leaving=True))

    @rule()
    def the_same_extender_leads_again(self) -> None:
        self.cluster.scheduling.gangs.take_over()
        for gang in self.gang_names():
            if self.cluster.bound(gang):
                self.was_whole.add(gang)

    @rule(number=st.integers(0, NODES - 1))
    def a_node_goes_and_its_pods_with_it(self, number: int) -> None:
        node = f"n{number}"
        self.gone.add(node)
        self.cluster.scheduling.node_gone(node)
        for uid in [uid for uid, pod in self.cluster.pods.items() if pod.node == node]:
            self.cluster.delete(uid, again=True)

    @rule()
    def lost_nodes_come_back(self) -> None:
        for node in sorted(self.gone):
            self.cluster.scheduling.node_seen(GpuNode(node, alike(1, MiB(16384))))
        self.gone.clear()

    @rule(number=st.integers(0, NODES - 1))
    def kube_scheduler_begins_to_refuse_a_node(self, number: int) -> None:
        self.cluster.refuses.add(f"n{number}")

    @rule()
    def kube_scheduler_refuses_nothing(self) -> None:
        self.cluster.refuses.clear()

    @rule(most=st.integers(0, 3), seconds=st.sampled_from([0.5, 5.0, 40.0]))
    def a_turn(self, most: int, seconds: float) -> None:
        self.cluster.turn(seconds, most=most)

    @rule()
    def another_extender_takes_over(self) -> None:
        old = self.cluster
        cluster = self.started()
        for node in self.gone:
            cluster.scheduling.node_gone(node)
        cluster.pods, cluster.created, cluster.now, cluster.refuses = old.pods, old.created, old.now, old.refuses
        cluster.scheduling.pods_are(cluster.pods.values(), cluster.now)
        cluster.scheduling.gangs.take_over()
        self.cluster = cluster

    @invariant()
    def no_device_is_given_twice(self) -> None:
        assert max(self.cluster.held().values(), default=0) <= 1000

    @invariant()
    def the_quota_is_never_exceeded(self) -> None:
        if self.quota is not None:
            assert sum(self.cluster.held().values()) <= self.quota

    @invariant()
    def whole_gangs_are_remembered(self) -> None:
        for gang in self.gang_names():
            if len(self.cluster.bound(gang)) >= self.least_of(gang):
                self.was_whole.add(gang)
        self.was_whole &= self.gang_names()

    @invariant()
    def nothing_is_promised_to_a_part_of_a_gang_but_for_a_while(self) -> None:
        scheduling = self.cluster.scheduling
        for gang in scheduling.gangs:
            promised = [uid for uid, pod in gang.members.items() if not pod.node and scheduling.ledger.holding(uid)]
            assert not promised or all(
                (held := scheduling.ledger.holding(uid)) is not None and held.planned for uid in promised
            )

    def teardown(self) -> None:
        self.lost_nodes_come_back()
        self.cluster.refuses.clear()
        for uid in [uid for uid, pod in self.cluster.pods.items() if pod.leaving]:
            self.cluster.delete(uid, again=True)
        for _ in range(12):
            self.cluster.turn(5.0)
        for _ in range(4):
            self.cluster.turn(LONG_S)
        self.whole_gangs_are_remembered()
        for gang in self.gang_names() - self.was_whole:
            assert self.cluster.bound(gang) == [], gang
        held = {holding.pod.uid for holding in self.cluster.scheduling.ledger.holdings()}
        assert held == {uid for uid, pod in self.cluster.pods.items() if pod.node}


class StoryWithinAQuota(Story):
    quota = 3500


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestStoryWithinAQuota = StoryWithinAQuota.TestCase
TestStoryWithinAQuota.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
