"""kube-scheduler's requests are answered to the letter, and whatever else comes is refused as JSON."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from extender.core.ledger import GpuNode
from extender.core.model import MiB
from extender.core.scheduling import BindRefused, BindTo, Chosen, Scheduling
from extender.shell import cluster, wire
from extender.shell.http import Asgi
from extender.shell.telemetry import Telemetry

POD = {
    "metadata": {"name": "p", "namespace": "default", "uid": "u-1", "annotations": {"gpu-fraction": "0.25"}},
    "spec": {"containers": [{"name": "c", "resources": {"limits": {"plimsoll.dev/gpu": "1", "cpu": "100m"}}}]},
    "status": {"phase": "Pending"},
}
BINDING = {"PodName": "p", "PodNamespace": "default", "PodUID": "u-1", "Node": "a"}


class Verbs:
    """The core behind the wire, without an API server: a Binding is taken as accepted."""

    def __init__(self, *, ready: bool = True) -> None:
        self.scheduling = Scheduling()
        self.scheduling.nodes_are([GpuNode("a", 1, MiB(16384))])
        self._ready = ready

    def ready(self) -> bool:
        return self._ready

    async def filter(self, asked: wire.Candidates) -> bytes:
        answer = self.scheduling.filter(cluster.seen_pod(asked.pod), asked.nodes, 0.0)
        return asked.filtered(answer.nodes, {}) if isinstance(answer, Chosen) else asked.filtered((), answer.reasons)

    def prioritize(self, asked: wire.Candidates) -> bytes:
        return asked.prioritized(self.scheduling.prioritize(cluster.seen_pod(asked.pod), asked.nodes))

    async def bind(self, asked: wire.BindingArguments, received_at: float) -> bytes:
        del received_at
        decision = self.scheduling.bind(asked.uid, asked.node, 0.0)
        assert isinstance(decision, BindTo | BindRefused)
        return wire.bound(decision.reason if isinstance(decision, BindRefused) else "")


def call(method: str, path: str, body: bytes = b"", *, ready: bool = True) -> tuple[int, Any]:
    verbs = Verbs(ready=ready)
    application = Asgi(verbs, Telemetry(verbs.scheduling.ledger))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application({"type": "http", "method": method, "path": path}, receive, send))
    start, content = sent
    assert dict(start["headers"])[b"content-length"] == str(len(content["body"])).encode()
    text = content["body"].decode()
    return start["status"], json.loads(text) if b"json" in dict(start["headers"])[b"content-type"] else text


def ask(verb: str, message: object) -> tuple[int, Any]:
    return call("POST", f"/{verb}", json.dumps(message).encode())


def test_filter_answers_by_name_with_go_field_names() -> None:
    assert ask("filter", {"Pod": POD, "Nodes": None, "NodeNames": ["a", "b"]}) == (
        200,
        {"Nodes": None, "NodeNames": ["a"], "FailedNodes": {}, "FailedAndUnresolvableNodes": {}, "Error": ""},
    )


def test_filter_refuses_node_by_node_with_reasons() -> None:
    status, answer = ask("filter", {"Pod": POD, "Nodes": None, "NodeNames": ["b"]})
    assert (status, answer["NodeNames"], answer["FailedNodes"]) == (200, [], {})
    assert "plimsoll.dev/devices: owned" in answer["FailedAndUnresolvableNodes"]["b"]


def test_filter_of_whole_node_objects_answers_with_the_object() -> None:
    node = {"metadata": {"name": "a", "labels": {"x": "y"}}, "status": {"capacity": {"cpu": "4"}}}
    status, answer = ask("filter", {"Pod": POD, "Nodes": {"items": [node]}, "NodeNames": None})
    assert (status, answer["NodeNames"], answer["Nodes"]) == (200, None, {"items": [node]})


def test_prioritize_answers_with_a_bare_array_of_integers() -> None:
    answer = ask("prioritize", {"Pod": POD, "Nodes": None, "NodeNames": ["a", "b"]})
    assert answer == (200, [{"Host": "a", "Score": 10}, {"Host": "b", "Score": 0}])


def test_bind_answers_with_an_error_text() -> None:
    status, answer = ask("bind", BINDING)
    assert status == 200
    assert answer["Error"].startswith("the pod is not known here")


@pytest.mark.parametrize("verb", ["filter", "prioritize", "bind"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"Pod": 1}', b'{"PodName": 1}', b"\xff\xfe", b"1" * 9999]
)
def test_a_malformed_body_is_400_with_a_json_error(verb: str, body: bytes) -> None:
    status, answer = call("POST", f"/{verb}", body)
    assert status == 400
    assert answer["Error"].startswith(f"{verb}: ")


def test_an_unready_ledger_is_503_so_that_kube_scheduler_tries_again() -> None:
    status, answer = call("POST", "/filter", json.dumps({"Pod": POD, "NodeNames": ["a"]}).encode(), ready=False)
    assert status == 503
    assert "not built yet" in answer["Error"]
    assert call("GET", "/readyz", ready=False)[0] == 503


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/filter"), ("POST", "/metrics"), ("PUT", "/bind")])
def test_anything_else_is_404(method: str, path: str) -> None:
    status, answer = call(method, path)
    assert (status, answer) == (404, {"Error": f"there is no {method} {path} here"})


def test_health_and_metrics_are_served() -> None:
    assert call("GET", "/healthz") == (200, "ok\n")
    assert call("GET", "/readyz") == (200, "ok\n")
    status, text = call("GET", "/metrics")
    assert status == 200
    assert "plimsoll_extender_free_gpus 1.0" in text
