from __future__ import annotations

import socket

from deploy.local.ports import HOST, free_ports, is_free


def test_ports_are_different_and_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    with socket.create_server((HOST, 0)) as from_the_kernel:
        assert max(free_ports(20)) < from_the_kernel.getsockname()[1]


def test_a_port_that_someone_listens_on_is_taken() -> None:
    with socket.create_server((HOST, 0)) as listener:
        assert not is_free(listener.getsockname()[1])
