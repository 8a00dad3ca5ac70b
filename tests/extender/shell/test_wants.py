"""What is remembered of pods that are alike is what a pod wants that nobody saw before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core.inventory.facts import PRODUCT
from extender.shell import wants
from extender.shell.pods import Annotations, Spec
from extender.shell.wants import wants_of
from kube.gpus import MARKER, VENDOR_GPU, Asking, Malformed, MilliGpu, Share
from kube.objects import BarePodSpec

OURS = {"containers": [{"name": "server", "resources": {"limits": {MARKER: "1"}, "requests": {"cpu": "2"}}}]}


HALF = Asking(fraction="0.5")


def spec(given_: dict[str, Any]) -> BarePodSpec:
    return msgspec.convert(given_, BarePodSpec)


def test_what_is_written_when_a_pod_is_bound_makes_no_other_pod() -> None:
    one, other = (Annotations(fraction="0.5", devices=devices, milli="500") for devices in ("0", "1"))
    assert wants_of(spec(OURS), one) is wants_of(msgspec.convert(OURS | {"nodeName": "a"}, Spec), other)


@pytest.mark.parametrize(
    "changed",
    [
        OURS | {"overhead": {"cpu": "1"}},
        OURS | {"resources": {"requests": {"cpu": "5"}}},
        OURS | {"nodeSelector": {PRODUCT: "A100"}},
        OURS | {"initContainers": [{"name": "early", "resources": {"requests": {"cpu": "7"}}}]},
        OURS | {"initContainers": [{"name": "beside", "restartPolicy": "Always"}]},
    ],
)
def test_what_a_spec_says_beside_its_containers_counts(changed: dict[str, Any]) -> None:
    assert wants_of(spec(changed), HALF) != wants_of(spec(OURS), HALF)


def test_a_pod_of_uncommon_size_is_read_and_not_remembered() -> None:
    before = wants._remembered.cache_info().currsize
    found = wants_of(spec(OURS), Asking(fraction="0.5", container="x" * 20_000))
    assert isinstance(found.request, Malformed)
    assert wants._remembered.cache_info().currsize == before


def test_gpus_of_others_are_told_from_ours() -> None:
    foreign = {"containers": [{"name": "server", "resources": {"limits": {VENDOR_GPU: "1"}}}]}
    found = wants_of(spec(foreign), HALF)
    assert (found.ours, found.of_gpus, found.containers) == (False, True, ())
    assert wants_of(spec(OURS), Asking(gpus="2")).request == Share(2, MilliGpu(1000))


quantities = st.dictionaries(st.sampled_from([MARKER, VENDOR_GPU, "cpu", "memory"]), st.sampled_from(["0", "1", "2Gi"]))
containers = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["server", "proxy"]),
        "resources": st.fixed_dictionaries({"requests": quantities, "limits": quantities}),
        "restartPolicy": st.sampled_from(["", "Always"]),
    }
)
specs = st.fixed_dictionaries(
    {"containers": st.lists(containers, min_size=1, max_size=2), "initContainers": st.lists(containers, max_size=2)},
    optional={"overhead": quantities, "nodeSelector": st.just({PRODUCT: "A100"})},
)
keys = [field.encode_name for field in msgspec.structs.fields(Asking)]
asked = st.dictionaries(st.sampled_from(keys), st.sampled_from(["0.5", "1", "server", "hami", "none"])).map(Asking.of)


@given(st.lists(st.tuples(specs, asked), max_size=5))
def test_a_remembered_pod_wants_what_it_wants_alone(pods: list[tuple[dict[str, Any], Asking]]) -> None:
    together = [wants_of(spec(one), asks) for one, asks in pods]
    for found, (one, asks) in zip(together, pods, strict=True):
        wants._remembered.cache_clear()
        assert wants_of(spec(one), asks) == found
