"""What is the autoscaler asked, and what does it tell?"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc

from autoscaler.shell.messages import MessageError, from_message, from_uses
from autoscaler.shell.record_text import NotARecordError, check
from autoscaler.shell.rpc import DEFAULT
from autoscaler.v1 import autoscaler_pb2 as v1
from autoscaler.v1 import autoscaler_pb2_grpc as service
from plimsoll.asking import AskingError, Program, Server, asking
from plimsoll.explain.core.told import ToldAll, ToldOne

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.core.decisions.record import Record
    from autoscaler.core.targets.holdings import GpuUse

AUTOSCALER = Program(
    "autoscaler", "decisions", DEFAULT, "plimsoll-autoscaler", {grpc.StatusCode.FAILED_PRECONDITION: " with --kind"}
)


def explain(server: Server, namespace: str, name: str, kind: str) -> ToldOne:
    """Ask for one workload.

    Raises:
        AskingError: there is no answer, or a refusal.
    """
    with _asking(server) as (stub, call):
        told = stub.Explain(v1.ExplainRequest(namespace=namespace, name=name, kind=kind), **call)
        changes = tuple(map(_record, told.changes))
        return ToldOne(_record(told.standing), changes, told.since_ms, told.follows)


def workloads(server: Server, namespace: str) -> ToldAll:
    """Ask for all workloads, or those of a namespace.

    Raises:
        AskingError: there is no answer, or a refusal.
    """
    with _asking(server) as (stub, call):
        records: list[Record] = []
        since_ms = 0
        gpus: dict[str, GpuUse] = {}
        for answer in stub.ListWorkloads(v1.ListWorkloadsRequest(namespace=namespace), **call):
            records += map(_record, answer.records)
            gpus |= from_uses(answer.gpus)
            since_ms = answer.since_ms
        return ToldAll(tuple(records), since_ms, gpus)


@contextmanager
def _asking(server: Server) -> Iterator[tuple[Any, dict[str, Any]]]:
    try:
        with asking(server, AUTOSCALER, service.AutoscalerStub) as both:
            yield both
    except (MessageError, NotARecordError) as error:
        raise AskingError(f"the autoscaler at {server} is of another version: {error}") from error


def _record(message: v1.Record) -> Record:
    record = from_message(message)
    check(record)
    return record
