"""Counting within a quota is what placing one pod after the other comes to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extender.core.answers import Chosen
from extender.core.fits import Fits
from extender.core.within_quota import fits_within
from kube.gpus import MemoryShare, MiB, MilliGpu, Share
from tests.extender.core.test_scheduling_within_quota import bound, pod, scheduling

REQUESTS = (Share(1, MilliGpu(1000)), Share(2, MilliGpu(1000)), Share(1, MilliGpu(300)), MemoryShare(1, MiB(6000)))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(REQUESTS),
    st.integers(0, 9000),
    st.none() | st.integers(0, 4000),
    st.sampled_from([(), ("L4",), ("T4",)]),
    st.sampled_from(["inference", "train"]),
)
def test_the_count_is_what_placing_them_comes_to(
    request: Share | MemoryShare, quota: int, of_t4: int | None, models: tuple[str, ...], kind: str
) -> None:
    s, twin = (scheduling(quota, () if of_t4 is None else (("T4", of_t4),)) for _ in range(2))
    for one in (s, twin):
        one.pod_seen(bound("there"))
    asked = pod("asked", request, kind, models=models)
    found = fits_within(s, asked.ask(), asked.shape(), 20)
    assert bool(found.reason) == (found.count < 20)
    assert s.ledger.holding("asked") is None
    count = 0
    nodes = [node.name for node in s.ledger.nodes() if not models or node.model in models]
    while isinstance(twin.filter(pod(f"p{count}", request, kind, models=models), nodes, 0.0), Chosen):
        count += 1
    if isinstance(request, MemoryShare):
        assert found.count <= count, "as if each got the least GPU"
    else:
        assert found.count == min(count, 20)


def test_where_the_quota_is_what_binds_the_reason_says_so() -> None:
    s = scheduling(3000)
    asked = pod("asked")
    said = "project search: over quota: asks 4 GPUs, 0 of 3 are used, 1 missing"
    assert fits_within(s, asked.ask(), asked.shape(), 9) == Fits(3, said)
    assert fits_within(s, asked.ask(), asked.shape(), 3) == Fits(3)


def test_where_a_models_quota_binds_the_reason_names_it() -> None:
    s = scheduling(9000, (("T4", 1000),))
    asked = pod("asked")
    found = fits_within(s, asked.ask(), asked.shape(), 9)
    assert found.count == 5
    assert "project search: its quota of T4 has no room for more" in found.reason


@pytest.mark.parametrize(("label", "said"), [("vision", "label plimsoll.dev/project of the pod"), ("", "over quota")])
def test_none_fits_where_the_project_refuses_them_all(label: str, said: str) -> None:
    asked = pod("asked", project=label)
    found = fits_within(scheduling(0), asked.ask(), asked.shape(), 9)
    assert found.count == 0
    assert said in found.reason


def test_without_a_namespace_nobody_looks_at_quotas() -> None:
    assert fits_within(scheduling(0), None, pod("asked").shape(), 9).count == 8
