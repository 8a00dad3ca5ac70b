"""What a request tells: an answer, a refusal, or that nobody knows what became of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest
from kubernetes.aio import client as kubernetes_client

from kube.client import MERGE_PATCH, NO_ANSWER, NOT_SENT, Api, ApiError, CredentialsError
from kube.objects import ConfigMap
from tests.story.programs import a_listener, url_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from plimsoll.embedded import EmbeddedCluster

MAPS = "/api/v1/namespaces/default/configmaps"


async def test_an_answer_is_the_object_that_was_written(api: Api) -> None:
    answer = await api.request("POST", MAPS, body={"metadata": {"name": "a"}, "data": {"key": "value"}})
    assert msgspec.json.decode(answer, type=ConfigMap).data == {"key": "value"}


async def test_a_refusal_carries_status_reason_and_sentence(api: Api) -> None:
    with pytest.raises(ApiError, match='configmaps "absent" not found') as refused:
        await api.request("GET", f"{MAPS}/absent")
    assert (refused.value.status, refused.value.reason) == (404, "NotFound")


async def test_an_answer_that_is_lost_leaves_the_outcome_unknown(embedded: EmbeddedCluster, api: Api) -> None:
    await api.request("POST", MAPS, body={"metadata": {"name": "a"}})
    embedded.faults.lose_answer = lambda method, _path: method == "PATCH"
    with pytest.raises(ApiError, match="did not answer") as unknown:
        await api.request("PATCH", f"{MAPS}/a", body={"data": {"key": "value"}}, content_type=MERGE_PATCH)
    assert unknown.value.status == NO_ANSWER
    written = msgspec.json.decode(await api.request("GET", f"{MAPS}/a"), type=ConfigMap)
    assert written.data == {"key": "value"}


async def test_an_answer_that_comes_too_late_is_none(embedded: EmbeddedCluster, api: Api) -> None:
    embedded.faults.stall()
    with pytest.raises(ApiError) as unknown:
        await api.request("GET", MAPS, timeout_s=0.05)
    assert unknown.value.status == NO_ANSWER
    embedded.faults.flow()


async def test_without_a_connection_nothing_was_sent(tmp_path: Path, embedded: EmbeddedCluster) -> None:
    with a_listener() as listener:
        nobody = url_of(listener)
    path = tmp_path / "kubeconfig"
    path.write_text(embedded.admin_kubeconfig.read_text().replace(embedded.url, nobody))
    api = await Api.connect(path)
    with pytest.raises(ApiError, match="no connection to the API server") as refused:
        await api.request("POST", MAPS, body={})
    assert refused.value.status == NOT_SENT
    await api.close()


@pytest.mark.parametrize("seconds", [0.0, -0.1])
async def test_what_is_too_late_already_is_not_sent(api: Api, seconds: float) -> None:
    with pytest.raises(ApiError, match="not sent") as refused:
        await api.request("POST", MAPS, body={"metadata": {"name": "late"}}, connect_s=seconds)
    assert refused.value.status == NOT_SENT
    with pytest.raises(ApiError, match="not found"):
        await api.request("GET", f"{MAPS}/late")


async def test_a_request_without_the_right_token_is_refused(tmp_path: Path, embedded: EmbeddedCluster) -> None:
    path = tmp_path / "kubeconfig"
    text = embedded.admin_kubeconfig.read_text()
    before, _, after = text.partition('"token": "')
    path.write_text(f'{before}"token": "wrong{after}')
    api = await Api.connect(path)
    with pytest.raises(ApiError) as refused:
        await api.request("GET", MAPS)
    assert refused.value.status == 401
    await api.close()


async def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="there is no such file"):
        await Api.connect(tmp_path / "absent")


async def test_a_stream_ends_after_a_silence(api: Api) -> None:
    query = {"watch": "true", "resourceVersion": "0", "fieldSelector": "metadata.name=absent"}
    async with asyncio.timeout(5.0), api.stream(MAPS, query=query, silence_s=0.05) as lines:
        assert [line async for line in lines] == []


async def test_a_stream_that_is_refused_says_why(api: Api) -> None:
    query = {"watch": "true", "labelSelector": "a b c"}
    with pytest.raises(ApiError) as refused:
        async with api.stream(MAPS, query=query, silence_s=1.0):
            pass
    assert refused.value.status == 400


@asynccontextmanager
async def answering(status: bytes, body: bytes, asked: list[bytes]) -> AsyncIterator[Api]:
    """Give an API server that answers so, whatever it is `asked`."""

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(heard, "127.0.0.1", 0) as server:
        configuration = kubernetes_client.Configuration()
        configuration.host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        api = Api(kubernetes_client.ApiClient(configuration))
        yield api
        await api.close()


@pytest.mark.parametrize("body", [b'{"message": "caf\xe9"}', b"[" * 100_000, b"<html>", b""])
async def test_a_refusal_of_somebody_in_between_is_one_too(body: bytes) -> None:
    async with answering(b"502 Bad Gateway", body, []) as api:
        with pytest.raises(ApiError) as refused:
            await api.request("GET", MAPS)
    assert refused.value.status == 502


async def test_an_answer_is_asked_for_as_it_is_and_not_packed() -> None:
    asked: list[bytes] = []
    async with answering(b"200 OK", b"{}", asked) as api:
        assert await api.request("GET", MAPS) == b"{}"
    assert b"Accept-Encoding: identity\r\n" in asked[0]
    assert asked[0].count(b"Accept-Encoding") == 1
