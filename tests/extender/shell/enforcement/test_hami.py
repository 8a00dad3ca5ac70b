"""A grant and a lock are written as HAMi's device plugin reads them, to the letter, and read back as we gave them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core.enforcement.granting import Grant, Granted, Part
from extender.core.enforcement.locking import Lock
from extender.core.ledger.nodes import Backend
from extender.shell.enforcement import hami
from extender.shell.hami import ALLOCATED, held_by
from kube.gpus import MiB, MilliGpu, Placement
from kube.objects import BarePodSpec, Container

NOW = 1_767_323_045  # 2026-01-02T03:04:05Z


def part(device: str, memory: int, milli: int) -> Part:
    return Part(device, MiB(memory), MilliGpu(milli))


def devices(*containers: Granted) -> str:
    return hami.written(Grant(Backend.HAMI, containers), "gpu-00", NOW)["hami.io/vgpu-devices-to-allocate"]


def test_all_that_the_device_plugin_looks_for_stands_on_the_pod() -> None:
    # HAMi: pkg/util/types.go (the keys), scheduler.go Filter and Bind (Unix seconds in decimal, "allocating"),
    # pkg/device/nvidia/device.go PatchAnnotations (both lists are one text).
    grant = Grant(Backend.HAMI, (Granted("main", (part("GPU-8dcd427f-483b-b48f-d7e5-75fb19a52b76", 3000, 300),)),))
    assert hami.written(grant, "node-1", NOW) == {
        "hami.io/vgpu-node": "node-1",
        "hami.io/vgpu-time": "1767323045",
        "hami.io/vgpu-devices-to-allocate": "GPU-8dcd427f-483b-b48f-d7e5-75fb19a52b76,NVIDIA,3000,30:;",
        "hami.io/vgpu-devices-allocated": "GPU-8dcd427f-483b-b48f-d7e5-75fb19a52b76,NVIDIA,3000,30:;",
        "hami.io/bind-phase": "allocating",
        "hami.io/bind-time": "1767323045",
    }


def test_every_device_ends_with_a_colon_and_every_container_with_a_semicolon() -> None:
    # HAMi: pkg/device/devices.go EncodeContainerDevices "%s,%s,%d,%d%s" and EncodePodSingleDevice; DecodePodDevices:
    # "dev1:;dev2:;;dev3:;", where containers without devices keep their place.
    a, b = part("GPU-aaaa", 1000, 1000), part("GPU-bbbb", 1000, 1000)
    found = devices(Granted("init"), Granted("one", (a, b)), Granted("none"), Granted("two", (b,)))
    assert found == ";GPU-aaaa,NVIDIA,1000,100:GPU-bbbb,NVIDIA,1000,100:;;GPU-bbbb,NVIDIA,1000,100:;"


@pytest.mark.parametrize(("milli", "cores"), [(1000, 100), (255, 25), (10, 1), (5, 1)])
def test_compute_is_in_whole_hundredths_and_never_none_which_would_be_without_limit(milli: int, cores: int) -> None:
    assert devices(Granted("main", (part("GPU-aaaa", 1, milli),))) == f"GPU-aaaa,NVIDIA,1,{cores}:;"


def test_a_lock_says_since_when_and_whose() -> None:
    # HAMi: pkg/util/nodelock/nodelock.go GenerateNodeLockKeyByPod: RFC 3339, namespace and name, between commas.
    assert hami.lock_of("ours", "p", NOW) == "2026-01-02T03:04:05Z,ours,p"


@pytest.mark.parametrize(
    ("text", "lock"),
    [
        pytest.param("2026-01-02T03:04:05Z,ours,p", Lock("ours", "p", NOW), id="ours"),
        pytest.param("2026-01-02T11:04:05+08:00,ours,p", Lock("ours", "p", NOW), id="HAMi's, in its own zone"),
        pytest.param("2026-01-02T03:04:05Z", Lock("", "", NOW), id="older ones name no pod"),
        pytest.param("", None, id="none"),
        pytest.param("2026-01-02T03:04:05,ours,p", None, id="no zone"),
        pytest.param("soon,ours,p", None, id="no time"),
    ],
)
def test_a_lock_is_read(text: str, lock: Lock | None) -> None:
    assert hami.lock_in({"hami.io/mutex.lock": text}) == lock


@given(
    memory=st.integers(1, 100_000),
    hundredths=st.integers(1, 100),
    inits=st.integers(0, 2),
    count=st.integers(1, 4),
)
def test_what_is_written_is_read_back_as_held(memory: int, hundredths: int, inits: int, count: int) -> None:
    names = tuple(f"GPU-{number:04}" for number in range(count))
    main = Granted("main", tuple(part(name, memory, 10 * hundredths) for name in names))
    before = tuple(Granted(f"init{number}") for number in range(inits))
    spec = BarePodSpec(
        containers=[Container(name="main")], init_containers=[Container(name=one.container) for one in before]
    )
    written = hami.written(Grant(Backend.HAMI, (*before, main)), "a", NOW)
    assert held_by(written[ALLOCATED], spec) == (Placement(names, MilliGpu(10 * hundredths)), MiB(memory))
