"""Of a pod is read what matters, whatever else stands beside it."""

from __future__ import annotations

import msgspec
import pytest

from extender.shell.pods import NO_ANNOTATIONS, Annotations, Pod
from kube.gpus import MilliGpu, Placement, placement_in, written


def pod(metadata: dict[str, object]) -> Pod:
    return msgspec.json.decode(msgspec.json.encode({"metadata": metadata}), type=Pod)


def test_annotations_are_read_by_the_names_that_people_and_programs_write() -> None:
    others = {"example.com/note": "x", "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    ours = {
        "gpu-fraction": "0.5",
        "gpu-fraction-num-devices": "2",
        "gpu-fraction-container-name": "main",
        "plimsoll.dev/enforcement": "hami",
        "hami.io/vgpu-devices-allocated": "GPU-a,NVIDIA,1,1:;",
        "kubernetes.io/config.mirror": "hash",
    }
    found = pod({"annotations": others | ours}).metadata.annotations
    assert found == Annotations(
        fraction="0.5",
        num_devices="2",
        container="main",
        enforcement="hami",
        allocated="GPU-a,NVIDIA,1,1:;",
        mirror="hash",
    )


def test_what_was_written_when_a_pod_was_bound_is_read_back() -> None:
    placement = Placement(("GPU-a", "GPU-b"), MilliGpu(250))
    found = pod({"annotations": written(placement)}).metadata.annotations
    assert found is not None
    assert placement_in(found) == placement


@pytest.mark.parametrize("metadata", [{}, {"annotations": None}, {"annotations": {}}])
def test_a_pod_may_have_no_annotations(metadata: dict[str, object]) -> None:
    assert pod(metadata).metadata.annotations in (None, NO_ANNOTATIONS)
