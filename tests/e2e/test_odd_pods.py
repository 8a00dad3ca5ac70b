"""Whoever may create a pod, anywhere, can write one that is hard to read: all others are placed all the same."""

from __future__ import annotations

import json
import ssl
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.pods import create, fraction, wait_bound

if TYPE_CHECKING:
    from deploy.local import LocalCluster

_DEEPEST = 10_000 - len(("pod", "metadata", "managedFields", "one", "the last"))  # of the levels that Go's JSON reads
_HERE = "@@"


def deep(name: str) -> bytes:
    """Return a pod whose managed fields nest as deep as the API server takes them."""
    entry = {"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": _HERE}
    text = json.dumps(pod(name, managedFields=[entry | {"time": "2026-01-01T00:00:00Z"}]))
    return text.replace(f'"{_HERE}"', '{"f:a":' * _DEEPEST + "{}" + "}" * _DEEPEST).encode()


def long(name: str) -> bytes:
    """Return a pod as long as etcd takes it; as JSON the API server writes six bytes for each of these."""
    body = pod(name)
    body["spec"]["containers"][0]["args"] = ["<" * 1_550_000]
    return json.dumps(body).encode()


def pod(name: str, **metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": "x"}], "schedulerName": "nobody"}
    return {"metadata": {"name": name, **metadata}, "spec": spec}


def send(cluster: LocalCluster, namespace: str, body: bytes) -> None:
    admin = json.loads(cluster.admin_kubeconfig.read_text())
    trust = ssl.create_default_context(cafile=admin["clusters"][0]["cluster"]["certificate-authority"])
    headers = {"Authorization": f"Bearer {admin['users'][0]['user']['token']}", "Content-Type": "application/json"}
    path = f"/api/v1/namespaces/{namespace}/pods"
    request = urllib.request.Request(cluster.server + path, body, headers)  # noqa: S310  our own loopback address
    with urllib.request.urlopen(request, context=trust) as answer:  # noqa: S310  as above
        assert answer.status == 201


@pytest.mark.parametrize("odd", [deep, long])
def test_a_pod_that_is_hard_to_read_keeps_no_other_from_being_placed(
    cluster: LocalCluster, managed_namespace: str, plain_namespace: str, odd: Any
) -> None:
    if cluster.pid("extender") is None:
        cluster.start_extender()
    began = cluster.pid("extender")
    send(cluster, plain_namespace, odd("watched"))
    create(cluster, managed_namespace, [fraction("after-it-was-watched", "0.5")])
    wait_bound(cluster, managed_namespace, 1)
    assert cluster.pid("extender") == began
    cluster.stop("extender")
    cluster.start_extender()
    create(cluster, managed_namespace, [fraction("after-it-was-listed", "0.5")])
    wait_bound(cluster, managed_namespace, 2)
