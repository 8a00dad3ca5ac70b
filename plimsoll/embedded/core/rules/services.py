"""What has a Service by default, which address does it get, and what may it not say? Of type ClusterIP, over IPv4."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation.names import dns_label, label_value, port_name, qualified_name
from plimsoll.embedded.core.problem import Object, Problem, invalid, not_implemented
from plimsoll.embedded.core.rules.label_rules import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plimsoll.embedded.core.notation.names import Cause

_HEADLESS = "None"
_RANGE = ipaddress.IPv4Network("10.96.0.0/16")
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_CHOICES = {
    "type": _TYPES,
    "sessionAffinity": ("ClientIP", "None"),
    "internalTrafficPolicy": ("Cluster", "Local"),
}
_PROTOCOLS = ("SCTP", "TCP", "UDP")


def with_service_defaults(service: Object) -> Object:
    """Return a Service with every default.

    Raises:
        Problem: 501, it is of another type than ClusterIP, or of another family than IPv4.
    """
    spec = {"type": "ClusterIP", "sessionAffinity": "None", **service.get("spec", {})}
    if spec["type"] in _TYPES and spec["type"] != "ClusterIP":
        raise not_implemented(f"services of type {spec['type']}; ClusterIP is there")
    if spec.get("ipFamilies", ["IPv4"]) != ["IPv4"] or spec.get("ipFamilyPolicy") == "RequireDualStack":
        raise not_implemented("services of another family than IPv4")
    if spec["sessionAffinity"] == "ClientIP":
        client = {"timeoutSeconds": 10_800, **spec.get("sessionAffinityConfig", {}).get("clientIP", {})}
        spec["sessionAffinityConfig"] = {"clientIP": client}
    ports = [_with_port_defaults(port) for port in spec.get("ports", ())]
    families = {"internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
    return {**service, "spec": {**families, **spec, **({"ports": ports} if ports else {})}}


def _with_port_defaults(port: Object) -> Object:
    filled = {"protocol": "TCP", **port}
    return {**filled, "targetPort": port.get("targetPort") or port.get("port", 0)}


def with_address(service: Object, others: Iterable[Object]) -> Object:
    """Return a new Service with an address that none of the others has.

    Raises:
        Problem: 422, the address that it asks for is taken or outside the range; 501, it is headless and selects
            nothing, which the real one gives both families.
    """
    spec = service["spec"]
    if spec.get("clusterIP") == _HEADLESS and not spec.get("selector"):
        raise not_implemented("headless services without selector")
    taken = {each["spec"].get("clusterIP") for each in others}
    if "clusterIP" not in spec:
        if "clusterIPs" in spec:
            return service  # its rules refuse it
        # The first tenth is for those who ask for an address of their own.
        free = (str(address) for address in list(_RANGE.hosts())[256:] if str(address) not in taken)
        spec = {**spec, "clusterIP": next(free)}
    elif _is_address(spec["clusterIP"]):
        _check_address(service, spec["clusterIP"], taken)
    return {**service, "spec": {**spec, "clusterIPs": spec.get("clusterIPs", [spec["clusterIP"]])}}


def _check_address(service: Object, address: str, taken: set[Any]) -> None:
    if ipaddress.ip_address(address) not in _RANGE:
        raise _not_allocated(service, address, "the provided network does not match the current range")
    if address in taken:
        raise _not_allocated(service, address, "provided IP is already allocated")


def _not_allocated(service: Object, address: str, why: str) -> Problem:
    sentence = f'Invalid value: ["{address}"]: failed to allocate IP {address}: {why}'
    return invalid("Service", service["metadata"]["name"], [("spec.clusterIPs", "FieldValueInvalid", sentence)])


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def bad_service(service: Object) -> Iterator[Cause]:
    """Yield what is wrong with a Service."""
    spec = service["spec"]
    ports = spec.get("ports", [])
    if not ports and spec.get("clusterIP") != _HEADLESS:
        yield "spec.ports", "FieldValueRequired", "Required value"
    for index, port in enumerate(ports):
        yield from _bad_port(port, f"spec.ports[{index}]", single=len(ports) == 1, before=ports[:index])
    for key, value in spec.get("selector", {}).items():
        if rule := qualified_name(key):
            yield "spec.selector", "FieldValueInvalid", f'Invalid value: "{key}": {rule}'
        if rule := label_value(value):
            yield "spec.selector", "FieldValueInvalid", f'Invalid value: "{value}": {rule}'
    for key, known in _CHOICES.items():
        if spec[key] not in known:
            yield f"spec.{key}", "FieldValueNotSupported", _unsupported(spec[key], known)
    yield from _bad_address(spec)


def _bad_port(port: Object, where: str, *, single: bool, before: list[Object]) -> Iterator[Cause]:
    name, number, target = port.get("name", ""), port.get("port", 0), port["targetPort"]
    if not name and not single:
        yield f"{where}.name", "FieldValueRequired", "Required value"
    if name and (rule := dns_label(name)):
        yield f"{where}.name", "FieldValueInvalid", f'Invalid value: "{name}": {rule}'
    if name and any(each.get("name") == name for each in before):
        yield f"{where}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"'
    for key, value in (("port", number), ("targetPort", target)):
        if isinstance(value, int) and not 1 <= value <= 65535:
            sentence = f"Invalid value: {value}: must be between 1 and 65535, inclusive"
            yield f"{where}.{key}", "FieldValueInvalid", sentence
    if isinstance(target, str) and (rule := port_name(target)):
        yield f"{where}.targetPort", "FieldValueInvalid", f'Invalid value: "{target}": {rule}'
    if port["protocol"] not in _PROTOCOLS:
        yield f"{where}.protocol", "FieldValueNotSupported", _unsupported(port["protocol"], _PROTOCOLS)
    if port.get("nodePort"):
        sentence = "Forbidden: may not be used when `type` is 'ClusterIP'"
        yield f"{where}.nodePort", "FieldValueForbidden", sentence
    if any((each["protocol"], each.get("port")) == (port["protocol"], number) for each in before):
        same = {
            "Name": "", "Protocol": port["protocol"], "AppProtocol": None, "Port": number, "TargetPort": 0,
            "NodePort": 0,
        }  # fmt: skip
        yield where, "FieldValueDuplicate", f"Duplicate value: {told(same)}"


def _bad_address(spec: Object) -> Iterator[Cause]:
    address, addresses = spec.get("clusterIP"), spec.get("clusterIPs", [])
    if address is None and addresses:
        sentence = f"Invalid value: {told(addresses)}: must be empty when `clusterIP` is not specified"
        yield "spec.clusterIPs", "FieldValueInvalid", sentence
    elif address not in (None, _HEADLESS) and not _is_address(address):
        rule = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield "spec.clusterIPs[0]", "FieldValueInvalid", f'Invalid value: "{address}": {rule}'


def _unsupported(value: str, known: Iterable[str]) -> str:
    return f'Unsupported value: "{value}": supported values: ' + ", ".join(f'"{each}"' for each in known)


def bad_service_change(old: Object, new: Object) -> Iterator[Cause]:
    """Yield what of a Service cannot change."""
    address = new["spec"].get("clusterIP")
    if old["spec"].get("clusterIP") != address:
        yield "spec.clusterIPs[0]", "FieldValueInvalid", f'Invalid value: ["{address}"]: may not change once set'
    if new.get("status", {}).get("loadBalancer", {}).get("ingress"):
        sentence = "Forbidden: may only be used when `spec.type` is 'LoadBalancer'"
        yield "status.loadBalancer.ingress", "FieldValueForbidden", sentence
