"""What a pod asks for is read exactly, or refused with the rule that it breaks."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.gpus import (
    Asking,
    GpuAnnotations,
    Malformed,
    MemoryShare,
    MiB,
    MilliGpu,
    Placement,
    Share,
    Unmapped,
    gpu_request,
    held,
    placement_in,
    share_asked,
    written,
)

MARKED = frozenset({"plimsoll.dev/gpu", "cpu"})


@pytest.mark.parametrize(
    ("annotations", "request_"),
    [
        ({"gpu-fraction": "0.25"}, Share(1, MilliGpu(250))),
        ({"gpu-fraction": "0.001"}, Share(1, MilliGpu(1))),
        ({"gpu-fraction": ".5"}, Share(1, MilliGpu(500))),
        ({"gpu-fraction": "0.2500"}, Share(1, MilliGpu(250))),
        ({"gpu-fraction": " 0.3 "}, Share(1, MilliGpu(300))),
        ({"gpu-fraction": "0.5", "gpu-fraction-num-devices": "2"}, Share(2, MilliGpu(500))),
        ({"gpu-fraction": "0.5", "gpu-fraction-container-name": "main"}, Share(1, MilliGpu(500))),
        ({"gpu-memory": "4096"}, MemoryShare(1, MiB(4096))),
        ({"plimsoll.dev/gpus": "4"}, Share(4, MilliGpu(1000))),
    ],
)
def test_a_well_formed_request_is_read(annotations: dict[str, str], request_: object) -> None:
    assert gpu_request(Asking.of(annotations), MARKED, ("main",)) == request_


@pytest.mark.parametrize(
    ("annotations", "key", "value"),
    [
        ({"gpu-fraction": "1.5"}, "gpu-fraction", "1.5"),
        ({"gpu-fraction": "1"}, "gpu-fraction", "1"),
        ({"gpu-fraction": "0"}, "gpu-fraction", "0"),
        ({"gpu-fraction": "-0.5"}, "gpu-fraction", "-0.5"),
        ({"gpu-fraction": "0.0005"}, "gpu-fraction", "0.0005"),
        ({"gpu-fraction": "abc"}, "gpu-fraction", "abc"),
        ({"gpu-fraction": "nan"}, "gpu-fraction", "nan"),
        ({"gpu-fraction": "Infinity"}, "gpu-fraction", "Infinity"),
        ({"gpu-fraction": ""}, "gpu-fraction", ""),
        ({"gpu-fraction": "1e-999999999"}, "gpu-fraction", "1e-999999999"),
        ({"gpu-fraction": "0.5", "gpu-fraction-num-devices": "0"}, "gpu-fraction-num-devices", "0"),
        ({"gpu-fraction": "0.5", "gpu-fraction-num-devices": "1.5"}, "gpu-fraction-num-devices", "1.5"),
        ({"gpu-fraction": "0.5", "gpu-fraction-container-name": "x"}, "gpu-fraction-container-name", "x"),
        ({"gpu-memory": "4Gi"}, "gpu-memory", "4Gi"),
        ({"gpu-memory": "0"}, "gpu-memory", "0"),
        ({"gpu-fraction": "0.5", "gpu-memory": "4096"}, "gpu-fraction", "0.5"),
        ({"gpu-fraction": "0.5", "plimsoll.dev/gpus": "1"}, "gpu-fraction", "0.5"),
        ({"plimsoll.dev/gpus": "65"}, "plimsoll.dev/gpus", "65"),
        ({"gpu-fraction": "1e999999"}, "gpu-fraction", "1e999999"),
        ({"gpu-fraction": "2.5e-1"}, "gpu-fraction", "2.5e-1"),
        ({"gpu-fraction": "0.2_5"}, "gpu-fraction", "0.2_5"),
        ({"gpu-fraction": "\u0660.\u0662"}, "gpu-fraction", "\u0660.\u0662"),
        ({"gpu-memory": "9" * 5000}, "gpu-memory", "9" * 5000),
        ({"gpu-fraction": "0.5", "plimsoll.dev/enforcement": "mps"}, "plimsoll.dev/enforcement", "mps"),
        ({}, "plimsoll.dev/gpu", "1"),
    ],
)
def test_a_malformed_request_is_refused_with_key_value_and_rule(
    annotations: dict[str, str], key: str, value: str
) -> None:
    problem = gpu_request(Asking.of(annotations), MARKED, ("main",))
    assert isinstance(problem, Malformed)
    assert (problem.key, problem.value) == (key, value)
    assert str(problem).startswith(f'{key}: "{value[:64]}')
    assert len(str(problem)) < 250, "a message goes out once a node"


def test_a_share_and_whole_gpus_in_one_pod_are_refused() -> None:
    problem = gpu_request(Asking.of({"gpu-fraction": "0.5"}), MARKED | {"nvidia.com/gpu"}, ("main",))
    assert isinstance(problem, Malformed)
    assert problem.key == "gpu-fraction"


def test_a_share_that_hami_enforces_asks_the_kubelet_too() -> None:
    annotations = {"gpu-fraction": "0.5", "plimsoll.dev/enforcement": "hami"}
    assert gpu_request(Asking.of(annotations), MARKED | {"nvidia.com/gpu"}, ("main",)) == Share(1, MilliGpu(500))


def test_annotations_without_the_marker_ask_for_nothing_of_ours() -> None:
    assert gpu_request(Asking.of({"gpu-fraction": "0.5"}), frozenset({"cpu"}), ("main",)) is None


def test_gpus_of_an_unmanaged_pod_are_the_kubelets_to_pick() -> None:
    assert gpu_request(Asking.of({}), frozenset({"nvidia.com/gpu"}), ("main",)) == Unmapped()


@given(st.integers(1, 999))
def test_every_multiple_of_a_thousandth_is_exact(milli: int) -> None:
    text = str(Decimal(milli) / 1000)
    assert gpu_request(Asking.of({"gpu-fraction": text}), MARKED, ("main",)) == Share(1, MilliGpu(milli))


@given(st.one_of(st.text(), st.text("0123456789.eE_+-, ")))
def test_any_text_is_read_or_refused(text: str) -> None:
    for key in ("gpu-fraction", "gpu-memory", "plimsoll.dev/gpus"):
        assert isinstance(gpu_request(Asking.of({key: text}), MARKED, ("main",)), Share | MemoryShare | Malformed)
    several = {"gpu-fraction": "0.5", "gpu-fraction-num-devices": text}
    assert isinstance(gpu_request(Asking.of(several), MARKED, ("main",)), Share | Malformed)
    assert (
        placement_in(GpuAnnotations.of({"plimsoll.dev/devices": text, "plimsoll.dev/gpu-milli": text})) is None
        or text.strip()
    )


@given(st.lists(st.integers(0, 15), min_size=1, max_size=8, unique=True), st.integers(1, 1000))
def test_a_written_placement_is_read_back(devices: list[int], milli: int) -> None:
    placement = Placement((*map(str, devices), "GPU-5d21f8a1-0c3e-4b6f-9a57-1e2f3a4b5c6d"), MilliGpu(milli))
    assert placement_in(GpuAnnotations.of(written(placement))) == placement


@pytest.mark.parametrize(
    ("devices", "milli"),
    [
        ("", "250"),
        ("x", "250"),
        ("0", ""),
        ("0", "0"),
        ("0", "1001"),
        ("-1", "250"),
        ("99", "1"),
        ("64", "1"),
        ("07", "1"),
    ],
)
def test_an_unreadable_placement_is_none(devices: str, milli: str) -> None:
    assert placement_in(GpuAnnotations.of({"plimsoll.dev/devices": devices, "plimsoll.dev/gpu-milli": milli})) is None


@pytest.mark.parametrize(
    ("annotations", "whole", "milli"),
    [
        ({}, 0, 0),
        ({}, 2, 2000),
        ({"gpu-fraction": "0.25"}, 0, 250),
        ({"gpu-fraction": "0.5", "gpu-fraction-num-devices": "2"}, 0, 1000),
        ({"plimsoll.dev/gpus": "4"}, 0, 4000),
        ({"gpu-memory": "4096"}, 0, 0),
        ({"gpu-memory": "4096", "plimsoll.dev/devices": "0,3", "plimsoll.dev/gpu-milli": "334"}, 0, 668),
        ({"gpu-fraction": "0.25", "plimsoll.dev/devices": "1", "plimsoll.dev/gpu-milli": "250"}, 0, 250),
        ({"gpu-fraction": "2"}, 0, 0),
        ({"gpu-fraction": "2"}, 1, 1000),
    ],
)
def test_what_a_bound_pod_holds(annotations: dict[str, str], whole: int, milli: int) -> None:
    assert held(GpuAnnotations.of(annotations), whole) == milli


def test_annotations_ask_for_a_share_whoever_places_the_pod() -> None:
    assert share_asked(Asking.of({"gpu-fraction": "0.5"})) == Share(1, MilliGpu(500))
    assert share_asked(Asking.of({})) is None
    assert isinstance(share_asked(Asking.of({"gpu-fraction": "0.5", "gpu-memory": "1"})), Malformed)
