"""Where does each program answer, and which port is free, and stays free while its program is restarted?"""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from deploy.local.problem import LocalProblem

HOST = "127.0.0.1"

_LOWEST = 10_000
_OUTGOING_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES = 200


_HEALTH = {
    "etcd": ("http", "/health"),
    "kube-apiserver": ("https", "/readyz"),
    "kube-controller-manager": ("https", "/healthz"),
    "default-scheduler": ("https", "/readyz"),
    "scheduler": ("https", "/readyz"),
    "kwok": ("http", "/healthz"),
    "prometheus": ("http", "/-/ready"),
    "extender": ("http", "/readyz"),
    "autoscaler": ("http", "/readyz"),
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """The ports of one cluster's programs, by name."""

    ports: dict[str, int]

    def of(self, name: str) -> str:
        """Return host:port of a program."""
        return f"{HOST}:{self.ports[name]}"

    def health_url(self, name: str) -> str:
        """Return the URL that answers 200 once a program is ready."""
        scheme, path = _HEALTH[name]
        return f"{scheme}://{self.of(name)}{path}"


def free_ports(count: int) -> list[int]:
    """Return `count` different free ports on loopback.

    The ports lie below those that the kernel gives to outgoing connections. A port asked from the kernel (port 0) lies
    among them: between the stop and the restart of a program any client's connection could sit on it.

    Raises:
        LocalProblem: the machine has too few free ports.
    """
    highest = _lowest_outgoing_port()
    found: list[int] = []
    for _ in range(_TRIES):
        if len(found) == count:
            return found
        port = _LOWEST + secrets.randbelow(highest - _LOWEST)
        if port not in found and is_free(port):
            found.append(port)
    raise LocalProblem(
        f"only {len(found)} of {count} ports found free on {HOST} between {_LOWEST} and {highest} in {_TRIES} tries: "
        "end programs that listen there and start again"
    )


def is_free(port: int) -> bool:
    """Tell whether a program could listen on `port` now."""
    with socket.socket() as probe:
        # As the programs do: a connection in TIME_WAIT is no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _lowest_outgoing_port() -> int:
    try:
        lowest = int(_OUTGOING_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        lowest = 32_768
    # A machine that gives nearly all ports to connections leaves nothing below; then share the range with them.
    return lowest if lowest >= _LOWEST + 1_000 else 60_999
