"""How do the commands' tests come by an extender that tells devices? The real service, on a loop in a thread."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from deploy.local.ports import free_ports
from extender.core.answers import BindTo
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.model import PodKey, SeenPod
from extender.core.scheduling import Scheduling
from extender.shell import rpc
from kube.gpus import MiB, MilliGpu, Share
from kube.rpc_address import RpcAddress
from tests.plimsoll.aside import aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager

HALF, WHOLE = Share(1, MilliGpu(500)), Share(1, MilliGpu(1000))


@contextmanager
def telling(
    scheduling: Scheduling, *, ready: bool = True, port: int = 0
) -> Iterator[tuple[str, Callable[[Callable[[], Any]], None]]]:
    """Tell what is known as long as the block lasts; give the address, and what changes it on the server's own loop."""
    at = RpcAddress(f"127.0.0.1:{port or free_ports(1)[0]}", None)

    def server() -> AbstractAsyncContextManager[Any]:
        return rpc.serving(
            at, rpc.DeviceService(scheduling, lambda: ready, None, refusal=lambda _: "", checks=lambda: None)
        )

    with aside(server) as there:
        yield at.address, there


def scheduling(nodes: int = 2, devices: int = 1) -> Scheduling:
    """Return a cluster of T4 nodes."""
    result = Scheduling()
    result.nodes_are(GpuNode(f"n{number}", alike(devices, MiB(16_384)), "T4") for number in range(nodes))
    return result


def pod(name: str, request: Share = HALF) -> SeenPod:
    """Return a pod that waits."""
    return SeenPod(PodKey(f"uid-{name}", "chat", name), request)


def place(on: Scheduling, wanted: SeenPod, *nodes: str) -> None:
    """Filter and bind, as kube-scheduler does."""
    on.filter(wanted, nodes, 0.0)
    held = on.ledger.holding(wanted.key.uid)
    assert held is not None
    assert isinstance(on.bind(wanted.key.uid, held.node, 0.0), BindTo)
    on.bound(wanted.key.uid)
