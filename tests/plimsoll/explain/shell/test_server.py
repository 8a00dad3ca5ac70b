from __future__ import annotations

from autoscaler.core.decisions.record import Book
from plimsoll.asking import Server
from plimsoll.explain.shell.server import explain, workloads
from tests.autoscaler.recorded import AT_MS, KEY, decided, record, seen
from tests.autoscaler.shell.test_rpc import keys
from tests.plimsoll.explain.telling import telling


def server(address: str) -> Server:
    host, _, port = address.rpartition(":")
    return Server(host, int(port))


def test_one_workload_is_told_whole() -> None:
    book = Book({KEY: decided(seen())}, AT_MS)
    book.change(KEY, decided(seen(2)))
    with telling(book) as address:
        told = explain(server(address), "chat", "llama", "Deployment")
    assert (told.standing, told.changes, told.since_ms) == (record(seen()), (record(seen(2)),), AT_MS)


def test_all_workloads_are_told() -> None:
    with telling(Book({key: decided(seen()) for key in keys(250)}, AT_MS)) as address:
        assert len(workloads(server(address), "").records) == 250
        assert len(workloads(server(address), "ns-1").records) == 125
