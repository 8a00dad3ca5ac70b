"""Which ports collide."""

from __future__ import annotations

import pytest

from extender.core.predicates.ports import HostPort


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        (HostPort(80), HostPort(80), True),
        (HostPort(80), HostPort(81), False),
        (HostPort(80), HostPort(80, "UDP"), False),
        (HostPort(80, address="10.0.0.1"), HostPort(80, address="10.0.0.2"), False),
        (HostPort(80, address="10.0.0.1"), HostPort(80, address="10.0.0.1"), True),
        (HostPort(80, address="10.0.0.1"), HostPort(80), True),
        (HostPort(80, address="::"), HostPort(80, address="10.0.0.1"), False),
    ],
)
def test_ports_collide_on_one_address_and_on_all(one: HostPort, other: HostPort, *, collide: bool) -> None:
    assert one.collides(other) is collide
    assert other.collides(one) is collide
