"""A node has the devices that are published, in the order of their indices, and those that are not well take no pod."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core.inventory.facts import Handshake, KnownGpu, NodeFacts
from extender.core.inventory.gpus import SILENT_S, gpus_of
from extender.core.inventory.leaving_out import LeftOut
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import ENDLESS, Device, GpuNode, alike
from kube.gpus import MiB

GPU, OWNED = "nvidia.com/gpu", {"plimsoll.dev/devices": "owned"}
LABELS = OWNED | {"nvidia.com/gpu.product": "NVIDIA-L4", "nvidia.com/gpu.memory": "23034"}
PLAIN = NodeFacts("a", LABELS, {GPU: 2}, {GPU: 2}, cpu=64000, memory=2**20)
ONE, TWO = KnownGpu("GPU-bbbb", MiB(24000), "NVIDIA L4", 0), KnownGpu("GPU-aaaa", MiB(24000), "NVIDIA L4", 1)
HAMI = replace(PLAIN, capacity={GPU: 20}, allocatable={GPU: 20}, hami=(TWO, ONE))
DRA = replace(PLAIN, dra=(TWO, ONE))
NOW = 1_800_000_000.0


def node(facts: NodeFacts, now: float = NOW) -> GpuNode:
    found = gpus_of(facts, now)
    assert isinstance(found, GpuNode)
    return found


def closed(facts: NodeFacts, now: float = NOW) -> tuple[str, ...]:
    return tuple(device.closed for device in node(facts, now).devices)


def test_without_names_devices_are_named_by_index_with_the_memory_and_model_of_the_labels() -> None:
    assert node(PLAIN) == GpuNode(
        "a", alike(2, MiB(23034)), "NVIDIA-L4", 64000, 2**20, closed_to_shares="nothing enforces a share there"
    )


def test_a_node_that_says_nothing_of_cpu_and_memory_has_room_without_end() -> None:
    found = node(NodeFacts("a", OWNED, {GPU: 1}, {GPU: 1}))
    assert (found.cpu, found.memory, found.model, found.devices) == (ENDLESS, ENDLESS, "", alike(1))


@pytest.mark.parametrize("facts", [HAMI, DRA])
def test_published_devices_have_their_uuids_in_the_order_of_their_indices(facts: NodeFacts) -> None:
    assert node(facts).devices == (Device("GPU-bbbb", MiB(24000)), Device("GPU-aaaa", MiB(24000)))


@pytest.mark.parametrize(
    "facts", [replace(HAMI, hami=(KnownGpu("GPU-aaaa"),)), replace(DRA, dra=(KnownGpu("GPU-aaaa"),))]
)
def test_a_device_of_unknown_memory_has_what_the_label_says(facts: NodeFacts) -> None:
    assert node(facts).devices == (Device("GPU-aaaa", MiB(23034)),)


@pytest.mark.parametrize(
    "facts",
    [
        replace(HAMI, hami=(KnownGpu("GPU-aaaa", MiB(2**40)),)),
        replace(DRA, dra=(KnownGpu("GPU-aaaa", MiB(2**42)),)),
        replace(PLAIN, cpu=2**70, memory=2**70),
    ],
)
def test_numbers_that_no_node_has_are_not_believed_and_end_nothing(facts: NodeFacts) -> None:
    found = node(facts)
    assert {device.memory for device in found.devices} == {23034}
    assert max(found.cpu, found.memory) <= ENDLESS
    Ledger().put_node(found)


@pytest.mark.parametrize("facts", [HAMI, DRA])
def test_without_a_label_the_model_is_that_of_a_device_as_the_label_would_have_it(facts: NodeFacts) -> None:
    assert node(replace(facts, labels=OWNED)).model == "NVIDIA-L4"
    assert node(facts).model == "NVIDIA-L4"


def test_a_node_that_was_not_given_to_us_has_nothing_for_us() -> None:
    assert gpus_of(replace(PLAIN, labels={}), NOW) is None
    assert gpus_of(replace(PLAIN, labels=LABELS | {"plimsoll.dev/devices": "other"}), NOW) is None
    assert gpus_of(replace(PLAIN, labels={"nvidia.com/gpu.replicas": "4"}), NOW) is None


def test_a_node_that_was_given_to_us_in_vain_is_left_out() -> None:
    assert isinstance(gpus_of(replace(PLAIN, capacity={}), NOW), LeftOut)


def test_an_unhealthy_or_tainted_device_takes_no_new_pod() -> None:
    assert closed(replace(HAMI, hami=(ONE, replace(TWO, closed="unhealthy, says HAMi")))) == (
        "",
        "unhealthy, says HAMi",
    )
    assert closed(replace(DRA, dra=(replace(ONE, closed="tainted"), TWO))) == ("tainted", "")


def test_a_taint_closes_a_device_of_hami_too() -> None:
    assert closed(replace(HAMI, dra=(replace(ONE, closed="tainted"),))) == ("tainted", "")


@pytest.mark.parametrize("facts", [HAMI, DRA])
def test_a_cordoned_device_takes_no_new_pod(facts: NodeFacts) -> None:
    assert closed(replace(facts, cordoned=frozenset({"GPU-aaaa"}))) == ("", "cordoned by hami.io/device-cordon")


def test_an_unhealthy_device_that_nobody_names_closes_all_of_its_node() -> None:
    why = "unhealthy: 1 of the node's 2 GPUs, and nobody says which"
    assert closed(replace(PLAIN, allocatable={GPU: 1})) == (why, why)
    assert closed(replace(PLAIN, allocatable={})) == ("unhealthy: 2 of the node's 2 GPUs, and nobody says which",) * 2


def test_an_unhealthy_device_that_is_named_closes_no_other() -> None:
    assert closed(replace(DRA, allocatable={GPU: 1}, dra=(replace(ONE, closed="tainted"), TWO))) == ("tainted", "")


SILENT = ("HAMi's device plugin has been silent for five minutes (hami.io/node-handshake)",) * 2
OPEN = ("", "")
FIVE, TWELVE = SILENT_S, 12 * 3600.0


@pytest.mark.parametrize(
    ("handshake", "expected"),
    [
        pytest.param(Handshake("Reported", NOW - FIVE, zoned=True), OPEN, id="reported five minutes ago"),
        pytest.param(Handshake("Reported", NOW - FIVE - 1, zoned=True), SILENT, id="reported longer ago"),
        pytest.param(Handshake("Reported", NOW - FIVE - 1), OPEN, id="by a clock of an unknown zone"),
        pytest.param(Handshake("Reported", NOW - TWELVE - FIVE - 1), SILENT, id="too long ago for any zone"),
        pytest.param(Handshake("Reported", NOW + TWELVE), OPEN, id="a zone ahead of ours"),
        pytest.param(Handshake("Reported", NOW + TWELVE, unchanged_s=FIVE), OPEN, id="seen for five minutes"),
        pytest.param(Handshake("Reported", NOW + TWELVE, unchanged_s=FIVE + 1), SILENT, id="seen for longer"),
        pytest.param(Handshake("", unchanged_s=FIVE + 1), SILENT, id="something else, seen for longer"),
        pytest.param(Handshake("Requesting", NOW - 10**6, unchanged_s=10**6), OPEN, id="newer plugins do not answer"),
        pytest.param(
            Handshake("Deleted", NOW),
            ("HAMi's scheduler gave its device plugin up (hami.io/node-handshake)",) * 2,
            id="given up by its scheduler",
        ),
    ],
)
def test_the_devices_of_a_silent_plugin_take_no_new_pod(handshake: Handshake, expected: tuple[str, ...]) -> None:
    assert closed(replace(HAMI, handshake=handshake)) == expected


def test_a_request_that_is_not_answered_counts_where_the_kubelet_has_no_gpus_either() -> None:
    handshake = Handshake("Requesting", NOW - 10**6)
    assert closed(replace(HAMI, allocatable={GPU: 0}, handshake=handshake)) == SILENT
    assert closed(replace(HAMI, allocatable={GPU: 0}, handshake=replace(handshake, at=NOW))) == OPEN


def test_a_handshake_alone_without_devices_says_nothing() -> None:
    assert closed(replace(PLAIN, handshake=Handshake("Deleted"))) == OPEN


known = st.builds(KnownGpu, st.sampled_from([f"GPU-{n:04}" for n in range(6)]), index=st.none() | st.integers(0, 5))


@given(st.lists(known, min_size=1, max_size=6, unique_by=lambda gpu: gpu.name), st.randoms())
def test_the_order_in_which_devices_are_told_changes_nothing(gpus: list[KnownGpu], random: object) -> None:
    other = list(gpus)
    random.shuffle(other)  # type: ignore[attr-defined]
    assert node(replace(HAMI, hami=tuple(gpus))) == node(replace(HAMI, hami=tuple(other)))
