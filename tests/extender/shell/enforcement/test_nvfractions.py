"""A grant is written as NvFractions reads it, to the letter."""

from __future__ import annotations

from extender.core.enforcement.granting import Grant, Granted, Part
from extender.core.ledger.nodes import Backend
from extender.shell.enforcement import nvfractions
from kube.gpus import MiB, MilliGpu

PREFIX = "nvidia.com/container."


def part(device: str, memory: int) -> Part:
    return Part(device, MiB(memory), MilliGpu(500))


def grant(*containers: Granted, prefix: str = PREFIX) -> Grant:
    return Grant(Backend.NVFRACTIONS, containers, prefix)


def test_the_devices_and_the_memory_of_a_container() -> None:
    # kai-gpu-fractioning: README "Requesting a fractional GPU" and annotations_test.go (TestParseVisibleDevices,
    # TestParseGPUMemoryAnnotations; a quantity that is read as 2048 MiB is "2048Mi").
    devices = (part("GPU-abc123", 2048), part("GPU-def456", 2048))
    assert nvfractions.written(grant(Granted("trainer", devices))) == {
        "nvidia.com/container.trainer.gpus.devices": "GPU-abc123,GPU-def456",
        "nvidia.com/container.trainer.gpu-memory.request": "2048Mi",
        "nvidia.com/container.trainer.gpu-memory.limit": "2048Mi",
    }


def test_a_device_without_a_uuid_is_named_by_its_index() -> None:
    # annotations_test.go, "index value passed through".
    written = nvfractions.written(grant(Granted("trainer", (part("0", 1),))))
    assert written["nvidia.com/container.trainer.gpus.devices"] == "0"
    assert written["nvidia.com/container.trainer.gpu-memory.limit"] == "1Mi"


def test_the_prefix_is_the_operators() -> None:
    # annotations_test.go, "custom prefix".
    written = nvfractions.written(
        grant(Granted("main", (part("0", 4096),)), prefix="gpu-fractioning.kai.scheduler/container.")
    )
    assert written["gpu-fractioning.kai.scheduler/container.main.gpu-memory.limit"] == "4096Mi"


def test_containers_without_devices_are_not_spoken_of() -> None:
    assert nvfractions.written(grant(Granted("proxy"), Granted("model", (part("0", 1),)), Granted("logs"))).keys() == {
        "nvidia.com/container.model.gpus.devices",
        "nvidia.com/container.model.gpu-memory.request",
        "nvidia.com/container.model.gpu-memory.limit",
    }


def test_one_limit_holds_on_all_devices_so_it_is_that_of_the_smallest() -> None:
    written = nvfractions.written(grant(Granted("main", (part("0", 4096), part("1", 2048)))))
    assert written["nvidia.com/container.main.gpu-memory.limit"] == "2048Mi"
