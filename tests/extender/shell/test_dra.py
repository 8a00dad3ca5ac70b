"""ResourceSlices are read as NVIDIA's DRA driver writes them, in each version of their API."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from extender.core.inventory.facts import KnownGpu
from extender.shell.dra import gpus_in
from kube.gpus import MiB
from kube.slices import ResourceSlice

ONE, TWO = "GPU-4404041a-04cf-1ccf-9e70-f139a9b1e23c", "GPU-79a2ba02-a537-ccbf-2965-8e9d90c0bd54"
A100 = "NVIDIA A100-SXM4-40GB"

# As deviceinfo.go of the driver 25.12 makes it.
V1 = {
    "name": "gpu-0",
    "attributes": {
        "addressingMode": {"string": "HMM"},
        "architecture": {"string": "Ampere"},
        "brand": {"string": "Nvidia"},
        "cudaComputeCapability": {"version": "8.0.0"},
        "cudaDriverVersion": {"version": "13.0.0"},
        "driverVersion": {"version": "580.82.7"},
        "pcieBusID": {"string": "0000:0F:00.0"},
        "productName": {"string": A100},
        "resource.kubernetes.io/pcieRoot": {"string": "pci0000:00"},
        "type": {"string": "gpu"},
        "uuid": {"string": ONE},
    },
    "capacity": {"memory": {"value": "40Gi"}},
}
# As deviceinfo.go of the driver 25.3 makes it.
V1BETA1 = {
    "name": "gpu-1",
    "basic": {
        "attributes": {
            "architecture": {"string": "Ampere"},
            "index": {"int": 1},
            "minor": {"int": 3},
            "productName": {"string": A100},
            "type": {"string": "gpu"},
            "uuid": {"string": TWO},
        },
        "capacity": {"memory": {"value": "40Gi"}},
    },
}
MIG = {
    "name": "gpu-0-mig-19-4-1",
    "attributes": {
        "type": {"string": "mig"},
        "uuid": {"string": "MIG-a3c9b4a1-2f0e-5a64-8d0e-6a3a3c7f0d11"},
        "parentUUID": {"string": ONE},
        "productName": {"string": A100},
        "profile": {"string": "1g.5gb"},
    },
    "capacity": {"memory": {"value": "4864Mi"}, "memorySlice4": {"value": "1"}},
}


def slice_of(*devices: dict[str, Any], generation: int = 1, count: int = 1, name: str = "s") -> ResourceSlice:
    pool = {"name": "node-a", "generation": generation, "resourceSliceCount": count}
    spec = {"driver": "gpu.nvidia.com", "nodeName": "node-a", "pool": pool, "devices": list(devices)}
    body = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec}
    return msgspec.json.decode(msgspec.json.encode(body), type=ResourceSlice)


def changed(device: dict[str, Any], name: str, **attributes: dict[str, Any]) -> dict[str, Any]:
    return device | {"name": name, "attributes": device["attributes"] | attributes}


def tainted(device: dict[str, Any], *taints: dict[str, str]) -> dict[str, Any]:
    return device | {"taints": list(taints)}


def test_a_gpu_is_read_with_its_uuid_memory_and_model() -> None:
    assert gpus_in([slice_of(V1)]) == (KnownGpu(ONE, MiB(40960), A100, 0),)


def test_a_gpu_of_a_beta_is_read_with_its_index() -> None:
    assert gpus_in([slice_of(V1BETA1)]) == (KnownGpu(TWO, MiB(40960), A100, 1),)


def test_without_an_index_gpus_are_counted_by_their_place_on_the_bus_and_not_by_name() -> None:
    first = changed(V1, "gpu-2", uuid={"string": TWO}, pcieBusID={"string": "0000:07:00.0"})
    known = {gpu.name: gpu.index for gpu in gpus_in([slice_of(V1, first)]) or ()}
    assert known == {TWO: 0, ONE: 1}


def test_a_part_that_mig_made_is_split() -> None:
    (found,) = gpus_in([slice_of(MIG)]) or ()
    assert (found.name, found.split, found.memory) == ("MIG-a3c9b4a1-2f0e-5a64-8d0e-6a3a3c7f0d11", True, 4864)


def test_parts_that_could_be_made_and_devices_of_virtual_machines_are_no_gpus() -> None:
    could_be = {"name": "gpu-0-mig-1g", "attributes": {"type": {"string": "mig"}, "parentUUID": {"string": ONE}}}
    handed = changed(V1, "gpu-vfio-0", type={"string": "vfio"})
    assert gpus_in([slice_of(could_be, handed)]) == ()


@pytest.mark.parametrize(
    ("taints", "closed"),
    [
        pytest.param(
            [{"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule", "timeAdded": "2026-09-01T00:00:00Z"}],
            "tainted by its DRA driver: gpu.nvidia.com/xid=79:NoSchedule",
            id="an error",
        ),
        pytest.param(
            [{"key": "b", "effect": "NoExecute"}, {"key": "a", "effect": "NoSchedule"}],
            "tainted by its DRA driver: a:NoSchedule, b:NoExecute",
            id="two",
        ),
        pytest.param([{"key": "gpu.nvidia.com/xid", "value": "13", "effect": "None"}], "", id="for people to read"),
    ],
)
def test_a_taint_closes_a_device_unless_it_has_no_effect(taints: list[dict[str, str]], closed: str) -> None:
    (found,) = gpus_in([slice_of(tainted(V1, *taints))]) or ()
    assert found.closed == closed
    beta = V1BETA1 | {"basic": V1BETA1["basic"] | {"taints": taints}}  # type: ignore[operator]
    (found,) = gpus_in([slice_of(beta)]) or ()
    assert found.closed == closed


def test_a_pool_counts_once_all_its_slices_are_there() -> None:
    first, second = slice_of(V1, count=2, name="x"), slice_of(V1BETA1, count=2, name="y")
    assert gpus_in([first]) is None
    assert len(gpus_in([first, second]) or ()) == 2


def test_slices_of_an_older_generation_do_not_count() -> None:
    assert gpus_in([slice_of(V1, generation=1), slice_of(V1BETA1, generation=2)]) == gpus_in([slice_of(V1BETA1)])


def test_no_slices_hold_no_gpus() -> None:
    assert gpus_in([]) == ()
