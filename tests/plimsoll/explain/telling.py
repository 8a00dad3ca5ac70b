"""How do the command's tests come by an autoscaler that tells decisions? The real service, on a loop in a thread."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from autoscaler.shell import rpc
from autoscaler.shell.feed import Feed
from deploy.local.ports import free_ports
from kube.rpc_address import RpcAddress
from tests.plimsoll.aside import aside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from grpc import ServerCredentials

    from autoscaler.core.decisions.record import Book
    from kube.gate import Gate


@contextmanager
def telling(book: Book, gate: Gate | None = None, credentials: ServerCredentials | None = None) -> Iterator[str]:
    """Tell what is in the book as long as the block lasts; give the address."""
    (port,) = free_ports(1)
    at = RpcAddress(f"127.0.0.1:{port}", credentials)

    def server() -> AbstractAsyncContextManager[Any]:
        feed = Feed()
        return rpc.serving(at, rpc.DecisionService(book, feed, gate), feed)

    with aside(server):
        yield at.address
