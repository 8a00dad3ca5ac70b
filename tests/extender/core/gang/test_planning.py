"""A plan places all that is needed or nothing, and leaves the room that it was made on as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extender.core.gang.keeping import ever
from extender.core.gang.planning import Plan, Room, Shortfall, plan
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import Membership, PodKey, SeenPod
from extender.core.quota.projects import Project, Projects
from extender.core.scheduling import Scheduling
from kube.gpus import MemoryShare, MiB, MilliGpu, Share
from tests.extender.core.gang.playing import Anywhere

if TYPE_CHECKING:
    from numpy.typing import NDArray

REQUESTS = st.one_of(
    st.builds(Share, st.integers(1, 2), st.sampled_from([MilliGpu(250), MilliGpu(500), MilliGpu(1000)])),
    st.builds(MemoryShare, st.integers(1, 2), st.sampled_from([MiB(4096), MiB(16384)])),
)


def member(number: int, request: Share | MemoryShare, project: str = "") -> SeenPod:
    name = f"p{number:03}"
    key = PodKey(name, "default", name)
    return SeenPod(key, request, gated=True, cpu=100, created=f"{number:03}", project=project, gang=Membership("g", 1))


def room(nodes: int, gpus: int) -> Room:
    scheduling = Scheduling()
    scheduling.nodes_are(GpuNode(f"n{number}", alike(gpus, MiB(16384))) for number in range(nodes))
    return Room(scheduling.ledger, scheduling.packer, Anywhere(scheduling.ledger), scheduling.quota, {})


def said(of: Room) -> tuple[object, ...]:
    ledger = of.ledger
    arrays = (ledger.free, ledger.cpu_free, ledger.memory_free, ledger.changed)
    return (tuple(array.tobytes() for array in arrays), tuple(ledger.holdings()), ledger.version, ledger.freed)


@given(
    nodes=st.integers(1, 4),
    gpus=st.integers(1, 3),
    needed=st.lists(REQUESTS, min_size=1, max_size=8),
    more=st.lists(REQUESTS, max_size=3),
)
def test_all_that_is_needed_is_placed_or_nothing_and_the_room_stays(
    nodes: int, gpus: int, needed: list[Share | MemoryShare], more: list[Share | MemoryShare]
) -> None:
    on = room(nodes, gpus)
    before = said(on)
    pods = [member(number, request) for number, request in enumerate((*needed, *more))]
    made = plan(pods[: len(needed)], pods[len(needed) :], on, {})
    assert said(on) == before
    if isinstance(made, Plan):
        assert {pod.key for pod in pods[: len(needed)]} <= {holding.pod for holding in made.holdings}
        held = np.zeros((nodes, gpus), dtype=np.int64)
        for holding in made.holdings:
            for device in holding.devices or ():
                held[int(holding.node[1:]), int(device)] += holding.milli
        assert held.max() <= 1000


def test_large_pods_go_before_small_ones_that_would_be_in_their_way() -> None:
    on = room(2, 2)
    pods = [member(number, Share(1, MilliGpu(500))) for number in range(4)]
    wide = member(9, Share(2, MilliGpu(1000)))
    assert isinstance(plan([*pods, wide], [], on, {}), Plan)


def test_a_shortfall_tells_how_many_fit_and_why_no_more() -> None:
    made = plan([member(number, Share(1, MilliGpu(1000))) for number in range(3)], [], room(2, 1), {})
    assert made == Shortfall(2, "2 nodes: no whole GPU free")


def test_barred_nodes_are_told_with_their_reasons() -> None:
    made = plan([member(0, Share(1, MilliGpu(1000)))], [], room(2, 1), {"n0": "kept", "n1": "kept"})
    assert made == Shortfall(0, "2 nodes: kept")


def with_quota(gpus: int) -> Room:
    on = room(10, 1)
    on.quota.configure(Projects((Project("search", gpus * 1000, namespaces=("default",)),)), on.quota.kinds)
    return on


def test_a_gang_within_its_projects_quota_is_planned() -> None:
    assert isinstance(
        plan([member(number, Share(1, MilliGpu(1000))) for number in range(8)], [], with_quota(8), {}), Plan
    )


def test_a_gang_over_its_projects_quota_holds_nothing_and_says_what_is_missing() -> None:
    made = plan([member(number, Share(1, MilliGpu(1000))) for number in range(8)], [], with_quota(7), {})
    assert isinstance(made, Shortfall)
    assert made.over_quota
    assert made.reason.startswith("needs 8, free 7: project search: over quota")


def test_members_beyond_the_minimum_stay_within_the_quota() -> None:
    pods = [member(number, Share(1, MilliGpu(1000))) for number in range(8)]
    made = plan(pods[:4], pods[4:], with_quota(6), {})
    assert isinstance(made, Plan)
    assert len(made.holdings) == 6


def test_a_project_that_cannot_be_told_is_told_with_the_member() -> None:
    made = plan([member(0, Share(1, MilliGpu(1000)), project="other")], [], with_quota(6), {})
    assert isinstance(made, Shortfall)
    assert made.reason.startswith("pod p000: ")


class OfModels(Anywhere):
    """Checks by which a pod goes where a model is that it accepts."""

    def fits(self, pod: SeenPod) -> NDArray[np.bool_]:
        fits = super().fits(pod)
        others = [node.name for node in self.ledger.nodes() if pod.models and node.model not in pod.models]
        fits[[self.ledger.columns[name] for name in others]] = False
        return fits


@pytest.mark.parametrize("models", [("A", "B"), ("B", "A")])
@pytest.mark.parametrize("choosy", [Share(1, MilliGpu(1000)), Share(1, MilliGpu(500))])
def test_who_accepts_one_model_alone_is_not_kept_out_by_members_that_accept_any(
    models: tuple[str, str], choosy: Share
) -> None:
    scheduling = Scheduling()
    scheduling.nodes_are(GpuNode(f"n{number}", alike(1, MiB(16384)), model) for number, model in enumerate(models))
    on = Room(scheduling.ledger, scheduling.packer, OfModels(scheduling.ledger), scheduling.quota, {})
    pods = [member(0, Share(1, MilliGpu(1000))), replace(member(1, choosy), models=("A",))]
    assert isinstance(plan(pods, [], on, {}), Plan)
    assert ever(pods, on)


def test_a_gang_that_a_plan_holds_is_one_that_empty_nodes_hold() -> None:
    on = room(2, 2)
    pods = [member(number, Share(1, MilliGpu(500))) for number in range(4)]
    assert ever([*pods, member(9, Share(2, MilliGpu(1000)))], on)


def test_who_is_not_needed_and_has_no_room_is_told_why() -> None:
    made = plan([], [member(0, Share(2, MilliGpu(1000)))], room(2, 1), {})
    assert isinstance(made, Shortfall)
    assert made.reason.startswith("2 nodes: ")
