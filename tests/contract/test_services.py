"""Which address does a Service get, and what may its ports be?"""

from __future__ import annotations

from typing import Any

import pytest

from kube.client import MERGE_PATCH, Api
from tests.contract.asking import Object, ask, refusal


@pytest.fixture
def path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/services"


def service(name: str, *ports: Object, **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {**({"ports": ports} if ports else {}), **spec}}


def invalid(*causes: str) -> tuple[int, str, str]:
    told = causes[0] if len(causes) == 1 else f"[{', '.join(causes)}]"
    return 422, "Invalid", f'Service "a" is invalid: {told}'


async def test_a_service_has_its_defaults(api: Api, path: str) -> None:
    made = await ask(api, "POST", path, service("a", {"port": 80}, selector={"app": "web"}))
    addresses = {key: made["spec"].pop(key) for key in ("clusterIP", "clusterIPs")}
    assert addresses["clusterIPs"] == [addresses["clusterIP"]]
    assert made["spec"] == {
        "type": "ClusterIP",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "selector": {"app": "web"},
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
    }
    assert made["status"] == {"loadBalancer": {}}


async def test_no_two_services_have_the_same_address(api: Api, path: str) -> None:
    made = [await ask(api, "POST", path, service(name, {"port": 80})) for name in ("a", "b", "c")]
    assert len({each["spec"]["clusterIP"] for each in made}) == 3


async def test_an_address_that_is_taken_is_refused(api: Api, path: str) -> None:
    taken = (await ask(api, "POST", path, service("first", {"port": 80})))["spec"]["clusterIP"]
    assert await refusal(api, "POST", path, service("a", {"port": 80}, clusterIP=taken)) == invalid(
        f'spec.clusterIPs: Invalid value: ["{taken}"]: failed to allocate IP {taken}: provided IP is already allocated'
    )


async def test_a_services_address_is_free_again_when_it_is_gone(api: Api, path: str) -> None:
    address = (await ask(api, "POST", path, service("a", {"port": 80})))["spec"]["clusterIP"]
    await ask(api, "DELETE", f"{path}/a")
    again = await ask(api, "POST", path, service("b", {"port": 80}, clusterIP=address))
    assert again["spec"]["clusterIP"] == address


@pytest.mark.parametrize("address", ["10.96.255.254", "None"])
async def test_a_services_address_is_immutable(api: Api, path: str, address: str) -> None:
    await ask(api, "POST", path, service("a", {"port": 80}))
    patch = {"spec": {"clusterIP": address}}
    assert await refusal(api, "PATCH", f"{path}/a", patch, MERGE_PATCH) == invalid(
        f'spec.clusterIPs[0]: Invalid value: ["{address}"]: may not change once set'
    )


async def test_a_service_keeps_its_address_where_none_is_said(api: Api, path: str) -> None:
    address = (await ask(api, "POST", path, service("a", {"port": 80})))["spec"]["clusterIP"]
    nothing = {"spec": {"clusterIP": None, "clusterIPs": None}}
    patched = await ask(api, "PATCH", f"{path}/a", nothing, MERGE_PATCH)
    put = await ask(api, "PUT", f"{path}/a", service("a", {"port": 8080}))
    assert {each["spec"]["clusterIP"] for each in (patched, put)} == {address}
    assert put["spec"]["ports"] == [{"port": 8080, "protocol": "TCP", "targetPort": 8080}]


@pytest.mark.parametrize("ports", [[], [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]], ids=["no", "some"])
async def test_a_headless_service_has_no_address(api: Api, path: str, ports: list[Object]) -> None:
    made = await ask(api, "POST", path, service("a", *ports, clusterIP="None", selector={"app": "web"}))
    assert (made["spec"]["clusterIP"], made["spec"]["clusterIPs"]) == ("None", ["None"])
    assert made["spec"].get("ports", []) == ports


_RANGE = "must be between 1 and 65535, inclusive"
_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_REFUSED: dict[str, tuple[Object, tuple[int, str, str]]] = {
    "no ports": (service("a"), invalid("spec.ports: Required value")),
    "port 0": (
        service("a", {"port": 0}),
        invalid(
            f"spec.ports[0].port: Invalid value: 0: {_RANGE}", f"spec.ports[0].targetPort: Invalid value: 0: {_RANGE}"
        ),
    ),
    "target 70000": (
        service("a", {"port": 80, "targetPort": 70000}),
        invalid(f"spec.ports[0].targetPort: Invalid value: 70000: {_RANGE}"),
    ),
    "two ports without names": (
        service("a", {"port": 80}, {"port": 81}),
        invalid("spec.ports[0].name: Required value", "spec.ports[1].name: Required value"),
    ),
    "two ports of one name": (
        service("a", {"port": 80, "name": "x"}, {"port": 81, "name": "x"}),
        invalid('spec.ports[1].name: Duplicate value: "x"'),
    ),
    "one port twice": (
        service("a", {"port": 80, "name": "x"}, {"port": 80, "name": "y"}),
        invalid(
            'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,'
            '"NodePort":0}'
        ),
    ),
    "a bad name of a port": (
        service("a", {"port": 80, "name": "A_b"}),
        invalid(f'spec.ports[0].name: Invalid value: "A_b": {_LABEL}'),
    ),
    "an unknown protocol": (
        service("a", {"port": 80, "protocol": "X"}),
        invalid('spec.ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"'),
    ),
    "a port of the node": (
        service("a", {"port": 80, "nodePort": 30001}),
        invalid("spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"),
    ),
    "an unknown type": (
        service("a", {"port": 80}, type="X"),
        invalid(
            'spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
            '"NodePort"'
        ),
    ),
    "an unknown affinity": (
        service("a", {"port": 80}, sessionAffinity="X"),
        invalid('spec.sessionAffinity: Unsupported value: "X": supported values: "ClientIP", "None"'),
    ),
    "an unknown traffic policy": (
        service("a", {"port": 80}, internalTrafficPolicy="X"),
        invalid('spec.internalTrafficPolicy: Unsupported value: "X": supported values: "Cluster", "Local"'),
    ),
    "an address outside": (
        service("a", {"port": 80}, clusterIP="1.2.3.4"),
        invalid(
            'spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided network does not '
            "match the current range"
        ),
    ),
    "no address at all": (
        service("a", {"port": 80}, clusterIP="abc"),
        invalid(
            'spec.clusterIPs[0]: Invalid value: "abc": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
        ),
    ),
    "addresses but not the first": (
        service("a", {"port": 80}, clusterIPs=["10.96.0.201"]),
        invalid('spec.clusterIPs: Invalid value: ["10.96.0.201"]: must be empty when `clusterIP` is not specified'),
    ),
}


@pytest.mark.parametrize("what", _REFUSED)
async def test_a_bad_service_is_refused(api: Api, path: str, what: str) -> None:
    body, answer = _REFUSED[what]
    assert await refusal(api, "POST", path, body) == answer


async def test_a_services_name_has_no_dots(api: Api, path: str) -> None:
    sentence = 'Service "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots'
    assert await refusal(api, "POST", path, service("a.b", {"port": 80})) == (422, "Invalid", sentence)
