"""kube-scheduler's requests are answered to the letter, and whatever else comes is refused as JSON."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from extender.app import Extender
from extender.shell import http as http_module
from extender.shell.http import Asgi
from kube import body as body_module
from kube import http as kube_http
from kube.http import server_of
from tests.story.programs import a_listener, running_extender, until, url_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from kube.client import Api
    from plimsoll.embedded import EmbeddedCluster

    Call = Callable[..., Awaitable[tuple[int, Any]]]

POD = {
    "metadata": {"name": "p", "namespace": "default", "uid": "u-1", "annotations": {"gpu-fraction": "0.25"}},
    "spec": {"containers": [{"name": "c", "resources": {"limits": {"plimsoll.dev/gpu": "1", "cpu": "100m"}}}]},
    "status": {"phase": "Pending"},
}
BINDING = {"PodName": "p", "PodNamespace": "default", "PodUID": "u-1", "Node": "gpu-00"}


@asynccontextmanager
async def calls(url: str) -> AsyncIterator[Call]:
    async with aiohttp.ClientSession() as session:

        async def call(method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
            async with session.request(method, f"{url}{path}", data=body) as answer:
                text = await answer.text()
                assert answer.content_length == len(text.encode())
                return answer.status, json.loads(text) if "json" in answer.content_type else text

        yield call


@pytest.fixture
async def call(embedded: EmbeddedCluster) -> AsyncIterator[Call]:
    """Ask an extender whose cluster has the nodes gpu-00 and gpu-01 with two devices each."""
    with a_listener() as listener:
        async with running_extender(embedded.admin_kubeconfig, listener), calls(url_of(listener)) as call:
            yield call


@pytest.fixture
def ask(call: Call) -> Call:
    async def ask(verb: str, message: object) -> tuple[int, Any]:
        return await call("POST", f"/{verb}", json.dumps(message).encode())

    return ask


async def test_filter_answers_by_name_with_go_field_names(ask: Call) -> None:
    assert await ask("filter", {"Pod": POD, "Nodes": None, "NodeNames": ["gpu-00", "absent"]}) == (
        200,
        {"Nodes": None, "NodeNames": ["gpu-00"], "FailedNodes": {}, "FailedAndUnresolvableNodes": {}, "Error": ""},
    )


async def test_filter_refuses_node_by_node_with_reasons(ask: Call) -> None:
    status, answer = await ask("filter", {"Pod": POD, "Nodes": None, "NodeNames": ["absent"]})
    assert (status, answer["NodeNames"], answer["FailedNodes"]) == (200, [], {})
    assert "plimsoll.dev/devices: owned" in answer["FailedAndUnresolvableNodes"]["absent"]


async def test_filter_of_whole_node_objects_answers_with_the_object(ask: Call) -> None:
    node = {"metadata": {"name": "gpu-00", "labels": {"x": "y"}}, "status": {"capacity": {"cpu": "4"}}}
    status, answer = await ask("filter", {"Pod": POD, "Nodes": {"items": [node]}, "NodeNames": None})
    assert (status, answer["NodeNames"], answer["Nodes"]) == (200, None, {"items": [node]})


async def test_prioritize_answers_with_a_bare_array_of_integers(ask: Call) -> None:
    answer = await ask("prioritize", {"Pod": POD, "Nodes": None, "NodeNames": ["gpu-00", "absent"]})
    assert answer == (200, [{"Host": "gpu-00", "Score": 10}, {"Host": "absent", "Score": 0}])


async def test_bind_answers_with_an_error_text(ask: Call) -> None:
    status, answer = await ask("bind", BINDING)
    assert status == 200
    assert answer["Error"].startswith("the pod is not known here")


async def test_preempt_answers_with_the_victims_that_help_and_is_counted(ask: Call, call: Call) -> None:
    nodes = {node: {"Pods": [{"UID": "x"}, {"UID": "x"}], "NumPDBViolations": 2} for node in ("gpu-00", "absent")}
    answer = await ask("preempt", {"Pod": POD, "NodeNameToVictims": None, "NodeNameToMetaVictims": nodes})
    victims = {"gpu-00": {"Pods": [{"UID": "x"}], "NumPDBViolations": 2}}
    assert answer == (200, {"NodeNameToMetaVictims": victims})
    _, told = await call("GET", "/metrics")
    assert 'plimsoll_extender_requests_total{result="ok",verb="preempt"} 1.0' in told
    assert 'plimsoll_extender_decision_duration_seconds_count{verb="preempt"} 1.0' in told


@pytest.mark.parametrize("verb", ["filter", "prioritize", "preempt"])
async def test_a_pod_of_which_a_part_that_is_decoded_later_is_odd_is_malformed_and_no_defect(
    call: Call, verb: str
) -> None:
    odd = {"name": "p", "uid": "u", "labels": {"plimsoll.dev/gang": "g"}, "ownerReferences": [{"controller": 1}]}
    asked = {"Pod": {"metadata": odd}, "Nodes": None, "NodeNames": ["a"], "NodeNameToMetaVictims": {}}
    status, answer = await call("POST", f"/{verb}", json.dumps(asked).encode())
    assert status == 400
    assert "$[0].controller" in str(answer)


@pytest.mark.parametrize("verb", ["filter", "prioritize", "bind", "preempt"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"Pod": 1}', b'{"PodName": 1}', b"\xff\xfe", b"1" * 9999]
)
async def test_a_malformed_body_is_400_with_a_json_error(call: Call, verb: str, body: bytes) -> None:
    status, answer = await call("POST", f"/{verb}", body)
    assert status == 400
    assert answer["Error"].startswith(f"{verb}: ")


async def test_an_unready_ledger_is_503_so_that_kube_scheduler_tries_again(api: Api) -> None:
    extender = Extender(api, "plimsoll-system")  # which nobody runs: it never hears of a node
    with a_listener() as listener:
        async with (
            server_of(Asgi(extender, extender.telemetry)).serving(listener),
            calls(url_of(listener)) as call,
        ):
            status, answer = await call("POST", "/filter", json.dumps({"Pod": POD, "NodeNames": ["gpu-00"]}).encode())
            assert status == 503
            assert "not built yet" in answer["Error"]
            assert (await call("GET", "/readyz"))[0] == 503


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/filter"), ("POST", "/metrics"), ("PUT", "/bind")])
async def test_anything_else_is_404(call: Call, method: str, path: str) -> None:
    status, answer = await call(method, path)
    assert (status, answer) == (404, {"Error": f"there is no {method} {path} here"})


async def test_health_and_metrics_are_served(call: Call) -> None:
    assert await call("GET", "/healthz") == (200, "ok\n")
    assert await call("GET", "/readyz") == (200, "ok\n")
    status, text = await call("GET", "/metrics")
    assert status == 200
    assert 'plimsoll_extender_free_gpus{model="' in text


async def raw(port: int, text: bytes) -> tuple[int, str, bool]:
    """Send `text`; return the status, the sentence, and whether the connection was closed then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    closed = await reader.read() == b""
    writer.close()
    return int(head.split()[1]), json.loads(body)["Error"], closed


@pytest.fixture
async def port(api: Api) -> AsyncIterator[int]:
    extender = Extender(api, "plimsoll-system")
    with a_listener() as listener:
        async with server_of(Asgi(extender, extender.telemetry)).serving(listener):
            yield listener.getsockname()[1]


async def test_a_body_that_is_announced_as_too_large_is_not_read(port: int) -> None:
    text = b"POST /filter HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    status, says, closed = await raw(port, text)
    assert (status, closed) == (413, True)
    assert says.startswith("filter: the body is larger than 33554432 bytes")


async def test_a_body_without_announced_end_is_read_up_to_the_limit(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "_LIMIT", 1000)
    text = (
        b"POST /filter HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"64\r\n%b\r\n" % (b"x" * 100) * 11
    )
    assert (await raw(port, text))[::2] == (413, True)


async def test_a_caller_that_ends_or_hangs_in_the_middle_is_counted_as_cut_and_not_as_malformed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_http, "_REQUEST_S", 0.05)
    extender = Extender(api, "plimsoll-system")
    text = b"POST /bind HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"
    counted = 'plimsoll_extender_requests_total{result="cut",verb="bind"} 2.0'
    with a_listener() as listener:
        async with server_of(Asgi(extender, extender.telemetry)).serving(listener):
            port = listener.getsockname()[1]
            _, ends = await asyncio.open_connection("127.0.0.1", port)
            ends.write(text)
            await ends.drain()
            ends.close()
            answer, hangs = await asyncio.open_connection("127.0.0.1", port)
            hangs.write(text)
            assert (await answer.read()).startswith(b"HTTP/1.1 408 ")
            hangs.close()
            await until(lambda: counted in extender.telemetry.exposition().decode())
    assert 'result="malformed",verb="bind"} 0.0' in extender.telemetry.exposition().decode()


async def test_only_who_is_trusted_is_obeyed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "trusted", lambda _scope: False)
    text = b"POST /bind HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    status, says, closed = await raw(port, text)
    assert (status, closed) == (403, True)
    assert says.startswith("bind: kube-scheduler alone is obeyed")
