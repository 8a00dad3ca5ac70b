"""The same events give the same ledger: told once or twice, alone or at once, in any order that a watch can have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extender.core.ledger.nodes import Device, GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.scheduling import Scheduling
from kube.gpus import MiB, MilliGpu, Placement, Share, Unmapped

if TYPE_CHECKING:
    from collections.abc import Sequence

NODES = (
    GpuNode("a", alike(2, MiB(16384)), "T4", 8000, 32768),
    GpuNode("b", (Device("GPU-b0", MiB(8192)), Device("GPU-b1", MiB(8192), closed="unhealthy")), "A10", 4000),
)
BEYOND = GpuNode("elsewhere", alike(3), cpu=100)
NEVER_TOLD = ("unbound", "bound", "ended")  # how far a pod comes

pods = st.builds(
    SeenPod,
    key=st.just(PodKey("", "default", "p")),
    request=st.sampled_from([Share(1, MilliGpu(300)), Share(2, MilliGpu(500)), Unmapped(), None]),
    node=st.sampled_from(["a", "b", "elsewhere"]),
    placed=st.sampled_from(
        [
            Placement(("0",), MilliGpu(300)),
            Placement(("1",), MilliGpu(300)),
            Placement(("GPU-b0", "GPU-b1"), MilliGpu(500)),
            Placement(("GPU-gone",), MilliGpu(500)),
            None,
        ]
    ),
    cpu=st.integers(0, 2000),
    memory=st.integers(0, 2000),
)
lives = st.lists(st.tuples(pods, st.sampled_from(NEVER_TOLD)), max_size=6)


def states(number: int, pod: SeenPod, life: str) -> list[SeenPod]:
    """Return what a watch shows of a pod, in its order."""
    key = PodKey(f"uid-{number}", "default", f"p{number}")
    bound = replace(pod, key=key)
    shown = [replace(bound, node="", placed=None), bound, replace(bound, ended=True)]
    return shown[: NEVER_TOLD.index(life) + 1]


def told(events: Sequence[SeenPod | GpuNode]) -> list[object]:
    """Return the room of every node after events."""
    scheduling = Scheduling()
    for event in events:
        if isinstance(event, GpuNode):
            scheduling.node_seen(event)
        else:
            scheduling.pod_seen(event)
    ledger = scheduling.ledger
    return [
        (
            node.name,
            ledger.room(node.name).tolist(),
            int(ledger.cpu_free[ledger.columns[node.name]]),
            int(ledger.memory_free[ledger.columns[node.name]]),
            sorted(held.pod.uid for held in ledger.holdings_on(node.name)),
        )
        for node in NODES
    ]


@given(lives, st.data())
def test_events_in_any_legal_order_told_once_or_twice_give_the_same_ledger(
    drawn: list[tuple[SeenPod, str]], data: st.DataObject
) -> None:
    of_pods = [states(number, pod, life) for number, (pod, life) in enumerate(drawn)]
    in_order: list[SeenPod | GpuNode] = [*NODES, *(event for events in of_pods for event in events)]
    queues: list[list[SeenPod | GpuNode]] = [[node] for node in NODES]
    queues += [[event for event in events for _ in range(data.draw(st.integers(1, 2)))] for events in of_pods]
    mixed: list[SeenPod | GpuNode] = []
    while queues := [queue for queue in queues if queue]:
        mixed.append(queues[data.draw(st.integers(0, len(queues) - 1))].pop(0))
    assert told(mixed) == told(in_order)
    assert told([*mixed, *in_order]) == told(in_order)


def all_of(scheduling: Scheduling) -> list[object]:
    """Return everything that pods leave behind, version and all."""
    ledger = scheduling.ledger
    columns = [(name, ledger.free[:, at].tolist(), ledger.cpu_free[at]) for name, at in ledger.columns.items()]
    memory = ledger.memory_free.tolist()
    used = [ledger.used(node.name).tolist() for node in ledger.nodes()]
    counts = (ledger.version, ledger.freed, ledger.unmapped(), ledger.barred, sorted(ledger.overfull()))
    waiting = (list(scheduling.unbound()), scheduling.to_fence(), scheduling.packer.typical)
    return [columns, memory, used, counts, list(ledger.holdings()), waiting]


@given(st.lists(lives, max_size=3))
def test_pods_of_a_list_leave_what_they_leave_one_by_one(lists: list[list[tuple[SeenPod, str]]]) -> None:
    together, alone = Scheduling(), Scheduling()
    for scheduling in (together, alone):
        scheduling.nodes_are((*NODES, BEYOND))
    for drawn in lists:  # the same UIDs in each: what is known of them already matters
        pods = [states(number, pod, life)[-1] for number, (pod, life) in enumerate(drawn)]
        together.pods_listed(pods, 0.0)
        for pod in pods:
            alone.pod_seen(pod)
        assert all_of(together) == all_of(alone)
    # Of several columns that changed at once each is told as changed: whoever read them before looks at them anew.
    before = together.ledger.generation
    together.pods_listed([SeenPod(PodKey(n, "d", n), None, n, cpu=1) for n in ("a", "b", "elsewhere")], 0.0)
    changed = [together.ledger.changed[at] > before for at in together.ledger.columns.values()]
    assert changed == [True, True, True]
