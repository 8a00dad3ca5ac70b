"""An extender that is killed while it places pods loses none, gives no device twice and reserves nothing for ever."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from deploy.local import LocalCluster
from tests.e2e.killing import LAST_POINT, PODS, killed, spec

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def filling() -> Iterator[LocalCluster]:
    with LocalCluster.start(spec("e2e-killed"), progress=print) as running:
        running.start_extender()
        yield running


@pytest.mark.parametrize("number", range(3))
def test_killed_at_any_point_no_device_is_over_no_pod_is_lost_and_no_reservation_is_left(
    filling: LocalCluster, number: int
) -> None:
    found = killed(filling, f"killed-{number}", after=random.randrange(1, LAST_POINT))  # noqa: S311  any point will do
    assert found.bound_at_kill < PODS, "it was to be killed while pods are being placed"
    assert (found.lost, found.left) == (0, 0)
    assert found.fullest <= 1000
