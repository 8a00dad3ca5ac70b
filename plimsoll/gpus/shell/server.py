"""What is the extender asked, and what does it tell?"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from extender.shell.message_error import MessageError
from extender.shell.messages import from_account, from_node
from extender.shell.rpc import DEFAULT
from extender.v1 import extender_pb2 as v1
from extender.v1 import extender_pb2_grpc as service
from plimsoll.asking import AskingError, AwayError, Program, Server, asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extender.core.accounts import Account
    from extender.core.devices import MappedNode, Wanted

EXTENDER = Program("extender", "devices", DEFAULT, "plimsoll-scheduler")


def devices(server: Server, wanted: Wanted) -> tuple[MappedNode, ...]:
    """Ask for the wanted nodes, by name.

    Raises:
        AskingError: there is no answer, or a refusal.
    """
    with extender(server) as (stub, call):
        answers = stub.Devices(v1.DevicesRequest(node=wanted.node, model=wanted.model), **call)
        return tuple(from_node(node) for answer in answers for node in answer.nodes)


def watched(server: Server, wanted: Wanted) -> Iterator[tuple[MappedNode, ...]]:
    """Give the wanted nodes by name, and all of them again whenever one has changed, without end.

    Raises:
        AwayError: there is no answer now, or the extender ended the watch.
        AskingError: a refusal.
    """
    with extender(server) as (stub, call):
        request = v1.WatchDevicesRequest(node=wanted.node, model=wanted.model)
        known: dict[str, MappedNode] = {}
        for answer in stub.WatchDevices(request, metadata=call["metadata"]):
            known |= {node.name: from_node(node) for node in answer.nodes}
            for name in answer.gone:
                known.pop(name, None)
            if answer.whole:
                yield tuple(node for _, node in sorted(known.items()))
    raise AwayError(f"the extender at {server} ended the watch")


def accounts(server: Server, name: str) -> tuple[Account, ...]:
    """Ask how the projects stand whose names are like `name`, by name.

    Raises:
        AskingError: there is no answer, or a refusal.
    """
    with extender(server) as (stub, call):
        return tuple(map(from_account, stub.Projects(v1.ProjectsRequest(name=name), **call).projects))


@contextmanager
def extender(server: Server) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Give a stub of the extender, and what every call carries; failures inside become sentences.

    Raises:
        AskingError: there is no answer, or a refusal.
    """
    try:
        with asking(server, EXTENDER, service.ExtenderStub) as both:
            yield both
    except MessageError as error:
        raise AskingError(f"the extender at {server} is of another version: {error}") from error
