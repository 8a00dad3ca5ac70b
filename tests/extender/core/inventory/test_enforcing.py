"""What enforces shares on a node is what is really there, and where nothing does, no share goes unasked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extender.core.inventory.enforcing import enforced
from extender.core.inventory.facts import KnownGpu, NodeFacts
from extender.core.ledger.nodes import Backend, Device, alike
from kube.gpus import MiB

READY, EARLIER = "gpu-fractioning.nvidia.com/Ready", "gpu-sharing.nvidia.com/Ready"
BARE = NodeFacts("a")
HAMI = NodeFacts("a", hami=(KnownGpu("GPU-aaaa", MiB(1000)),))
BY_HAMI = "HAMi enforces shares there, only of pods with the annotation plimsoll.dev/enforcement: hami"
NOTHING = "nothing enforces a share there"
DEVICES = alike(2, MiB(1000))


@pytest.mark.parametrize(
    ("facts", "backend", "closed"),
    [
        pytest.param(BARE, Backend.NONE, NOTHING, id="nothing there"),
        pytest.param(replace(BARE, conditions={READY: "True"}), Backend.NVFRACTIONS, "", id="NvFractions"),
        pytest.param(replace(BARE, conditions={EARLIER: "True"}), Backend.NVFRACTIONS, "", id="by its earlier name"),
        pytest.param(
            replace(BARE, conditions={READY: "False", EARLIER: "True"}),
            Backend.NONE,
            f"{NOTHING}: its condition {READY} is False",
            id="its name of today counts",
        ),
        pytest.param(
            replace(BARE, conditions={READY: "Unknown"}),
            Backend.NONE,
            f"{NOTHING}: its condition {READY} is Unknown",
            id="NvFractions' operator is gone",
        ),
        pytest.param(HAMI, Backend.HAMI, BY_HAMI, id="HAMi"),
        pytest.param(replace(HAMI, conditions={READY: "True"}), Backend.NVFRACTIONS, "", id="both: the driver's limit"),
        pytest.param(replace(HAMI, conditions={READY: "False"}), Backend.HAMI, BY_HAMI, id="both, one of them down"),
        pytest.param(replace(BARE, hami=()), Backend.NONE, NOTHING, id="HAMi found no GPU"),
    ],
)
def test_the_backend_of_a_node(facts: NodeFacts, backend: Backend, closed: str) -> None:
    assert enforced(facts, DEVICES, required=True) == (backend, closed)
    assert enforced(facts, DEVICES, required=False) == (backend, "")


def test_nvfractions_enforces_nothing_on_devices_of_unknown_memory() -> None:
    found = enforced(replace(BARE, conditions={READY: "True"}), (*DEVICES, Device("2")), required=True)
    why = f"{NOTHING}: NvFractions counts in MiB, and its GPUs' are not known (no label nvidia.com/gpu.memory)"
    assert found == (Backend.NONE, why)
