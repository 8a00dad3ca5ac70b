"""Who may read decisions, asked of a real API server: over TLS, with tokens that it knows, and as our own account."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import msgspec

from autoscaler.core.decisions.record import Book
from autoscaler.shell import rpc
from autoscaler.shell.feed import Feed
from autoscaler.shell.messages import from_message
from autoscaler.v1 import autoscaler_pb2 as v1
from autoscaler.v1 import autoscaler_pb2_grpc as service
from deploy.local.ports import free_ports
from kube.client import Api
from kube.gate import Gate
from kube.rpc_address import rpc_address
from tests.autoscaler.recorded import AT_MS, KEY, decided, seen
from tests.autoscaler.shell.test_rpc import flags
from tests.certificates import self_signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from deploy.local import LocalCluster

CODES = grpc.StatusCode
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


class TokenStatus(msgspec.Struct):
    token: str


class TokenRequest(msgspec.Struct):
    status: TokenStatus


async def token_of(api: Api, namespace: str, name: str) -> str:
    """Create a service account and return a token of it."""
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await api.request("POST", accounts, body={"metadata": {"name": name}})
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = await api.request("POST", f"{accounts}/{name}/token", body=body)
    return msgspec.json.decode(answer, type=TokenRequest).status.token


@asynccontextmanager
async def explaining(api: Api, directory: Path) -> AsyncIterator[Any]:
    """Serve one decision over TLS, and give what asks for it with a token; a refusal comes back as its code."""
    cert, key = self_signed(directory, "tls")
    (port,) = free_ports(1)
    at, feed = rpc_address(flags(port, cert, key)), Feed()
    assert at is not None
    decisions = rpc.DecisionService(Book({KEY: decided(seen())}, AT_MS), feed, Gate(api, rpc.RIGHT))
    trusted = grpc.ssl_channel_credentials(cert.read_bytes())
    async with rpc.serving(at, decisions, feed), grpc.aio.secure_channel(at.address, trusted) as channel:
        stub = service.AutoscalerStub(channel)

        async def ask(token: str | None) -> Any:
            metadata = () if token is None else (("authorization", f"Bearer {token}"),)
            try:
                told = await stub.Explain(
                    v1.ExplainRequest(namespace="chat", name="llama"), metadata=metadata, timeout=20
                )
            except grpc.aio.AioRpcError as refused:
                return refused.code()
            return from_message(told.standing).key

        yield ask


def test_decisions_are_for_those_whom_the_api_server_lets_read(
    cluster: LocalCluster, plain_namespace: str, tmp_path: Path
) -> None:
    binding = f"readers-of-{plain_namespace}"

    async def scenario() -> None:
        admin = await Api.connect(cluster.admin_kubeconfig)
        ours = await Api.connect(cluster.kubeconfig("plimsoll-autoscaler"))
        try:
            reader = await token_of(admin, plain_namespace, "reader")
            stranger = await token_of(admin, plain_namespace, "stranger")
            subject = {"kind": "ServiceAccount", "name": "reader", "namespace": plain_namespace}
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "plimsoll-decision-reader"}
            body = {"metadata": {"name": binding}, "roleRef": role, "subjects": [subject]}
            await admin.request("POST", BINDINGS, body=body)
            async with explaining(ours, tmp_path) as ask:
                assert await ask(None) is CODES.UNAUTHENTICATED
                assert await ask("made-up") is CODES.UNAUTHENTICATED
                assert await ask(stranger) is CODES.PERMISSION_DENIED
                assert await ask(reader) == KEY
        finally:
            await admin.request("DELETE", f"{BINDINGS}/{binding}")
            await admin.close()
            await ours.close()

    asyncio.run(asyncio.wait_for(scenario(), 120))


def test_an_api_server_that_is_away_leaves_nobody_in(
    cluster: LocalCluster, plain_namespace: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        admin = await Api.connect(cluster.admin_kubeconfig)
        ours = await Api.connect(cluster.kubeconfig("plimsoll-autoscaler"))
        try:
            token = await token_of(admin, plain_namespace, "reader")
            async with explaining(ours, tmp_path) as ask:
                cluster.pause("kube-apiserver")
                try:
                    assert await ask(token) is CODES.UNAVAILABLE
                finally:
                    cluster.resume("kube-apiserver")
        finally:
            await admin.close()
            await ours.close()

    asyncio.run(asyncio.wait_for(scenario(), 120))
