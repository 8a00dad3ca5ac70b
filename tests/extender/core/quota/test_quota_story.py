"""Whatever happens, in whatever order, nothing is promised beyond a quota, and the sums are a count of what is held.

Filter, bind, lost answers, pods that go, reservations that end, quotas, labels, kinds and nodes that change. The twin
counts every holding anew, in the plainest way.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from extender.core.answers import BindTo, Chosen
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Ask, PodKey, SeenPod
from extender.core.quota.kinds import Kinds
from extender.core.quota.projects import Project, Projects
from extender.core.scheduling import Scheduling
from extender.core.settings import Settings
from kube.gpus import WHOLE, MemoryShare, MiB, MilliGpu, Share, Unmapped

if TYPE_CHECKING:
    from extender.core.ledger.holding import Holding

NODES = (
    GpuNode("a", alike(3, MiB(16_384)), "T4"),
    GpuNode("b", alike(2, MiB(24_576)), "L4"),
    GpuNode("c", alike(2, MiB(8192)), "P4"),
)
NAMES = [*(node.name for node in NODES), "kubelets"]
NAMESPACES = ("search", "search", "shared", "free")
CLASSES = ("plimsoll-inference", "plimsoll-inference", "plimsoll-build", "plimsoll-train", "other")
OUTCOMES = ("accepted", "accepted", "lost", "refused", "unanswered", "no bind")
QUOTAS = (0, 300, 1000, 1300, 2000, 3000)
REQUESTS = (
    Share(1, MilliGpu(1000)),
    Share(2, MilliGpu(1000)),
    Share(1, MilliGpu(300)),
    MemoryShare(1, MiB(6000)),
    MemoryShare(2, MiB(10_000)),
    Unmapped(),
)
KINDS = (Kinds(), Kinds(train=("plimsoll-train", "other")), Kinds(inference=(), build=()))


class Story(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.created = 0
        self.truth: dict[str, SeenPod] = {}
        self.labels = {"shared": "vision"}
        self.unanswered: list[BindTo] = []
        self.scheduling = Scheduling()
        self.scheduling.nodes_are(NODES)
        self.scheduling.quota.label_namespaces(self.labels)
        self.configured(3000, 1000, 700)
        for request in (Unmapped(), *[REQUESTS[2]] * 4, REQUESTS[0], REQUESTS[3], REQUESTS[3]):
            self.pods_are_created(request, "search", "", CLASSES[0], 1)

    def some(self, choice: int) -> SeenPod | None:
        pods = sorted(self.truth.values(), key=lambda pod: pod.key.uid)
        return pods[choice % len(pods)] if pods else None

    # --- what is there ---

    @rule(
        request=st.sampled_from(REQUESTS),
        namespace=st.sampled_from(NAMESPACES),
        label=st.sampled_from(["", "", "", "search", "vision"]),
        priority_class=st.sampled_from(CLASSES),
        pods=st.integers(1, 4),
    )
    def pods_are_created(self, request: Share, namespace: str, label: str, priority_class: str, pods: int) -> None:
        for _ in range(pods):
            self.created += 1
            key = PodKey(f"p{self.created}", namespace, f"p{self.created}")
            gpus = 2 if isinstance(request, Unmapped) else 0
            version = str(self.created)
            pod = SeenPod(key, request, project=label, priority_class=priority_class, gpus=gpus, version=version)
            self.truth[key.uid] = pod
            self.scheduling.pod_seen(pod)

    @rule(choice=st.integers(0, 99), node=st.sampled_from(NAMES))
    def another_binds_a_pod(self, choice: int, node: str) -> None:
        pod = self.some(choice)
        if pod is not None and not pod.node:
            self.truth[pod.key.uid] = replace(pod, node=node)
            self.scheduling.pod_seen(self.truth[pod.key.uid])

    @rule(choice=st.integers(0, 99), ended=st.booleans())
    def a_pod_goes(self, choice: int, ended: bool) -> None:  # noqa: FBT001
        pod = self.some(choice)
        if pod is not None:
            del self.truth[pod.key.uid]
            self.scheduling.pod_gone(pod.key.uid, self.now, ended=ended)

    @rule(choice=st.integers(0, 99), label=st.sampled_from(["", "search", "vision", "none"]))
    def a_pod_is_labelled(self, choice: int, label: str) -> None:
        pod = self.some(choice)
        if pod is not None:
            self.created += 1
            self.truth[pod.key.uid] = replace(pod, project=label, version=str(self.created))
            self.scheduling.pod_seen(self.truth[pod.key.uid])

    @rule(seconds=st.sampled_from([1.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(node=st.sampled_from(NODES), model=st.sampled_from(["T4", "L4", ""]), there=st.booleans())
    def a_node_changes(self, node: GpuNode, model: str, there: bool) -> None:  # noqa: FBT001
        if there:
            self.scheduling.node_seen(GpuNode(node.name, node.devices, model or node.model))
        else:
            self.scheduling.node_gone(node.name)

    # --- what it goes by ---

    @rule(
        search=st.sampled_from([None, *QUOTAS]), vision=st.sampled_from(QUOTAS), model=st.sampled_from([None, *QUOTAS])
    )
    def configured(self, search: int | None, vision: int, model: int | None) -> None:
        """`search` None: all projects are given up."""
        if search is None:
            self.scheduling.projects_are(Projects())
            return
        models = () if model is None else (("T4", model),)
        self.scheduling.projects_are(
            Projects(
                (Project("search", search, models, ("search", "shared")), Project("vision", vision, (), ("shared",)))
            )
        )

    @rule(label=st.sampled_from(["", "search", "vision", "none"]))
    def a_namespace_is_labelled(self, label: str) -> None:
        self.labels = {"shared": label} if label else {}
        self.scheduling.quota.label_namespaces(self.labels)

    @rule(kinds=st.sampled_from(KINDS), one_node=st.booleans())
    def kinds_are_mapped(self, kinds: Kinds, one_node: bool) -> None:  # noqa: FBT001
        self.scheduling.tune(Settings(kinds=kinds, one_node=one_node))

    # --- kube-scheduler ---

    @rule(outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=5), node=st.integers(0, 9))
    def a_few_pods_are_scheduled(self, outcomes: list[str], node: int) -> None:
        self.pods_are_scheduled(outcomes, node)

    @rule(outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=5, max_size=15), node=st.integers(0, 9))
    def pods_are_scheduled(self, outcomes: list[str], node: int) -> None:
        """Filter them all before any is bound: bindings run beside the next filters."""
        waiting = sorted((pod for pod in self.truth.values() if not pod.node), key=lambda pod: pod.key.uid)
        chosen = [(pod, outcome, self.filtered(pod)) for pod, outcome in zip(waiting, outcomes, strict=False)]
        for pod, outcome, nodes in chosen:
            if nodes and outcome != "no bind":
                self.bind(pod, nodes[node % len(nodes)], outcome)

    def filtered(self, pod: SeenPod) -> tuple[str, ...]:
        held = self.scheduling.ledger.holding(pod.key.uid)
        answer = self.scheduling.filter(pod, NAMES, self.now)
        now = self.scheduling.ledger.holding(pod.key.uid)
        if now is not None and (held is None or held.expires):
            self.is_within(pod)
        return answer.nodes if isinstance(answer, Chosen) else ()

    def bind(self, pod: SeenPod, node: str, outcome: str) -> None:
        held = self.scheduling.ledger.holding(pod.key.uid)
        to = self.scheduling.bind(pod.key.uid, node, self.now)
        if not isinstance(to, BindTo):
            return
        if held is None:
            self.is_within(pod)
        match outcome:
            case "accepted" | "lost":
                (self.scheduling.bound(pod.key.uid) if outcome == "accepted" else self.scheduling.unknown(to))
                self.truth[pod.key.uid] = replace(pod, node=to.node, placed=to.placed)
            case "refused":
                self.scheduling.not_bound(to)
            case _:
                self.unanswered.append(to)

    @rule(choice=st.integers(0, 99))
    def a_pod_is_heard_of(self, choice: int) -> None:
        pod = self.some(choice)
        if pod is not None:
            self.scheduling.pod_seen(pod)

    @rule(in_vain=st.booleans())
    def pods_are_kicked(self, in_vain: bool) -> None:  # noqa: FBT001
        for key in self.scheduling.to_kick(self.now):
            if not in_vain and key.uid in self.truth:
                self.scheduling.filter(self.truth[key.uid], NAMES, self.now)

    # --- what holds ---

    def is_within(self, pod: SeenPod) -> None:
        """Assert that what was promised just now keeps the quota that is in force."""
        project, ask = self.scheduling.quota.project_of(pod.ask()), pod.ask()
        if project and self.kind(ask) != "train":
            quota = next(one for one in self.scheduling.quota.projects.every if one.name == project)
            held = self.scheduling.ledger.holding(pod.key.uid)
            assert held is not None
            within, by_model = self.counted()
            assert within[project] <= quota.quota
            model = self.scheduling.ledger.model_of(held.node)
            if model in quota.by_model and held.devices is not None:
                assert by_model[project, model] <= quota.by_model[model]

    def counted(self) -> tuple[Counter[str], Counter[tuple[str, str]]]:
        """Count what the pods hold that are not train: of each project, and of each model of it."""
        within, by_model = Counter[str](), Counter[tuple[str, str]]()
        for holding in self.scheduling.ledger.holdings():
            if holding.ask is not None and self.kind(holding.ask) != "train":
                project = self.charged(holding.ask)
                milli = self.milli(holding)
                within[project] += milli
                by_model[project, self.scheduling.ledger.model_of(holding.node)] += milli
        return within, by_model

    def kind(self, ask: Ask) -> str:
        return self.scheduling.settings.kinds.of(ask.priority_class).value

    def charged(self, ask: Ask) -> str:
        authorised = [one.name for one in self.scheduling.quota.projects.every if ask.namespace in one.namespaces]
        chosen = ask.project or self.labels.get(ask.namespace, "")
        return chosen if chosen in authorised else min(authorised, default="")

    def milli(self, holding: Holding) -> int:
        if holding.devices is not None:
            return len(holding.devices) * holding.milli
        assert holding.ask is not None
        request = holding.ask.request
        if isinstance(request, Share):
            return request.devices * request.milli
        if isinstance(request, MemoryShare):
            every = [memory for node in self.scheduling.ledger.nodes() for memory in node.memories]
            least = min((one for one in every if one >= request.memory), default=0)
            return request.devices * -(-request.memory * WHOLE // least) if least else WHOLE
        return holding.ask.gpus * WHOLE

    @invariant()
    def the_sums_are_a_count_of_what_is_held(self) -> None:
        within, by_model = self.counted()
        for project in self.scheduling.quota.projects.every:
            usage = self.scheduling.quota.usage(project.name)
            assert usage.within == within[project.name]
            for model in ("T4", "L4", "P4", ""):
                assert usage.within_of(model) == by_model[project.name, model]

    @rule()
    def a_copy_counts_the_same(self) -> None:
        copied = self.scheduling.quota.copy(self.scheduling.ledger.copy())
        for project in self.scheduling.quota.projects.every:
            assert copied.room(project.name) == self.scheduling.quota.room(project.name)

    def teardown(self) -> None:
        for to in self.unanswered:
            self.scheduling.unknown(to)


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
