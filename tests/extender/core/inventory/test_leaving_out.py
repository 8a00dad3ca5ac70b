"""A node whose GPUs are not whole, not ours alone, or not known is left out; the operator reads why and what to do."""

from __future__ import annotations

import pytest

from extender.core.inventory.facts import KnownGpu, NodeFacts
from extender.core.inventory.leaving_out import left_out
from kube.gpus import MiB

GPU = "nvidia.com/gpu"
H100 = "NVIDIA-H100-80GB-HBM3"
ONE = KnownGpu("GPU-aaaa", MiB(81559))
OPT_OUT = "or remove the node's label plimsoll.dev/devices, and its GPUs are the device plugin's to give"

# What GPU feature discovery writes on a node of eight GPUs, none of them split or shared.
PLAIN = {
    "nvidia.com/gpu.count": "8",
    "nvidia.com/gpu.memory": "81559",
    "nvidia.com/gpu.product": H100,
    "nvidia.com/gpu.replicas": "1",
    "nvidia.com/gpu.sharing-strategy": "none",
    "nvidia.com/mig.capable": "true",
    "nvidia.com/mig.config": "all-disabled",
    "nvidia.com/mig.config.state": "success",
    "nvidia.com/mig.strategy": "single",
    "nvidia.com/mps.capable": "false",
}


def node(
    labels: dict[str, str] | None = None,
    capacity: dict[str, int] | None = None,
    hami: tuple[KnownGpu, ...] | None = None,
    problem: str = "",
    dra: tuple[KnownGpu, ...] = (),
) -> NodeFacts:
    return NodeFacts(
        "a",
        PLAIN | (labels or {}),
        {GPU: 8} if capacity is None else capacity,
        hami=hami,
        hami_problem=problem,
        dra=dra,
    )


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(node(), id="whole GPUs, also under a MIG strategy that splits none of them"),
        pytest.param(node(capacity={GPU: 8, "nvidia.com/mig-1g.10gb": 0, "nvidia.com/gpu.shared": 0}), id="left over"),
        pytest.param(node({"nvidia.com/gpu.replicas": "0"}), id="sharing that cannot be"),
        pytest.param(NodeFacts("a", {}, {GPU: 8}), id="a node without feature discovery"),
        pytest.param(node(capacity={GPU: 10}, hami=(ONE,)), id="HAMi's ten for each GPU"),
        pytest.param(node(capacity={}, hami=(ONE,)), id="HAMi under a resource of another name"),
        pytest.param(node({"nvidia.com/gpu.count": "1"}, {GPU: 1}, dra=(ONE,)), id="published, and the kubelet's"),
        pytest.param(node(dra=(ONE,)), id="published in part"),
    ],
)
def test_gpus_that_are_whole_and_ours_are_not_left_out(facts: NodeFacts) -> None:
    assert left_out(facts) is None


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param(
            node({"nvidia.com/gpu.product": f"{H100}-MIG-1g.10gb"}),
            f"its GPUs are split by MIG (nvidia.com/gpu.product: {H100}-MIG-1g.10gb)",
            id="the strategy single",
        ),
        pytest.param(
            node({"nvidia.com/gpu.product": f"{H100}-MIG-INVALID", "nvidia.com/gpu.count": "0"}),
            f"its GPUs are split by MIG (nvidia.com/gpu.product: {H100}-MIG-INVALID)",
            id="the strategy single where it is not met",
        ),
        pytest.param(
            node({"nvidia.com/mig.strategy": "mixed"}, {GPU: 7, "nvidia.com/mig-3g.40gb": 2}),
            "its GPUs are split by MIG (nvidia.com/mig-3g.40gb: 2)",
            id="the strategy mixed",
        ),
        pytest.param(
            node(hami=(ONE, KnownGpu("GPU-bbbb", split=True))),
            "its GPUs are split by MIG (device GPU-bbbb)",
            id="HAMi's mode",
        ),
        pytest.param(
            node(dra=(KnownGpu("MIG-cccc", split=True),)),
            "its GPUs are split by MIG (device MIG-cccc)",
            id="a part in a ResourceSlice",
        ),
        pytest.param(
            node({"nvidia.com/mig.config.state": "pending"}),
            "MIG is being set up or taken down on it (nvidia.com/mig.config.state: pending)",
            id="a MIG manager at work",
        ),
        pytest.param(
            node({"nvidia.com/gpu.replicas": "4", "nvidia.com/gpu.product": f"{H100}-SHARED"}, {GPU: 32}),
            "its device plugin gives each GPU to several pods, by time-slicing or MPS (nvidia.com/gpu.replicas: 4)",
            id="time-sliced",
        ),
        pytest.param(
            node({"nvidia.com/gpu.sharing-strategy": "mps"}),
            "its device plugin gives each GPU to several pods, by time-slicing or MPS "
            "(nvidia.com/gpu.sharing-strategy: mps)",
            id="MPS",
        ),
        pytest.param(
            node({"nvidia.com/gpu.product": f"{H100}-SHARED"}),
            "its device plugin gives each GPU to several pods, by time-slicing or MPS "
            f"(nvidia.com/gpu.product: {H100}-SHARED)",
            id="shared by the product's name",
        ),
        pytest.param(
            node(capacity={GPU: 0, "nvidia.com/gpu.shared": 32}),
            "its device plugin gives each GPU to several pods, by time-slicing or MPS (nvidia.com/gpu.shared: 32)",
            id="shared under a name of its own",
        ),
        pytest.param(
            NodeFacts("a", {"cloud.google.com/gke-gpu-sharing-strategy": "time-sharing"}, {GPU: 8}),
            "its device plugin gives each GPU to several pods, by time-slicing or MPS "
            "(cloud.google.com/gke-gpu-sharing-strategy: time-sharing)",
            id="GKE's sharing, which multiplies the capacity",
        ),
        pytest.param(
            NodeFacts("a", {"cloud.google.com/gke-gpu-partition-size": "1g.5gb"}, {GPU: 7}),
            "its GPUs are split by MIG (cloud.google.com/gke-gpu-partition-size: 1g.5gb)",
            id="GKE's partitions, which are plain GPUs to the kubelet",
        ),
        pytest.param(
            node(capacity={GPU: 32}),
            "its device plugin gives each GPU to several pods, by time-slicing or MPS "
            "(nvidia.com/gpu: 32, and nvidia.com/gpu.count: 8)",
            id="shared, and no label says so",
        ),
        pytest.param(
            node(capacity={}, dra=(ONE,)),
            "its GPUs (1) are given out by a DRA driver (it has ResourceSlices and no nvidia.com/gpu)",
            id="given out by a DRA driver",
        ),
        pytest.param(
            node(capacity={"cpu": 4}), "no GPU of it is known (status.capacity has no nvidia.com/gpu)", id="none"
        ),
        pytest.param(
            node(hami=()), "HAMi's device plugin found no GPU (hami.io/node-nvidia-register)", id="none for HAMi"
        ),
        pytest.param(
            node(problem='"x" is no name of a device'),
            'its annotation hami.io/node-nvidia-register cannot be read: "x" is no name of a device',
            id="unreadable",
        ),
        pytest.param(
            node({"nvidia.com/gpu.count": ""}, {GPU: 80}),
            "it says that it has 80 GPUs, and at most 64 of a node are named",
            id="too many",
        ),
        pytest.param(
            node(capacity={GPU: 7}),
            "which of its GPUs are meant is not known (nvidia.com/gpu: 7, and nvidia.com/gpu.count: 8)",
            id="some that the device plugin does not offer",
        ),
    ],
)
def test_other_gpus_are_left_out_with_the_reason(facts: NodeFacts, reason: str) -> None:
    found = left_out(facts)
    assert found is not None
    assert found.reason == reason


@pytest.mark.parametrize(
    "facts",
    [
        node({"nvidia.com/gpu.product": f"{H100}-MIG-1g.10gb"}),
        node({"nvidia.com/gpu.replicas": "4"}),
        node(capacity={}, dra=(ONE,)),
    ],
)
def test_gpus_of_others_may_stay_theirs(facts: NodeFacts) -> None:
    found = left_out(facts)
    assert found is not None
    assert found.remedy.endswith(OPT_OUT)
