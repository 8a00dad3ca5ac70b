"""What may a pod say about how it runs: ports, environment, probes, hooks, volumes? It is kept; no kubelet acts on it.

After kubernetes' pkg/apis/core/v1/defaults.go and validation.go; of the validation, the mistakes that a person makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.notation.names import dns_label, dns_subdomain, port_name, qualified_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.notation.names import Cause
    from plimsoll.embedded.core.problem import Object

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_PROBE_NUMBERS = (
    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
)  # fmt: skip
_PROBE_DEFAULTS = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_FILES = ("secret", "configMap", "downwardAPI", "projected")
_READABLE = 0o644
_NOT_NEGATIVE = "must be greater than or equal to 0"
_CHOICES = {
    "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
    "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
}
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PROTOCOLS = ("SCTP", "TCP", "UDP")


def with_running_defaults(container: Object) -> Object:
    """Return a container whose ports, environment, probes and hooks have their defaults."""
    filled = dict(container)
    if "ports" in container:
        filled["ports"] = [{"protocol": "TCP", **port} for port in container["ports"]]
    if "env" in container:
        filled["env"] = [
            {**each, "valueFrom": _with_references(each["valueFrom"])} if "valueFrom" in each else each
            for each in container["env"]
        ]
    for name in _PROBES:
        if name in container:
            filled[name] = _with_handler({**_PROBE_DEFAULTS, **container[name]})
    if "lifecycle" in container:
        hooks = container["lifecycle"]
        filled["lifecycle"] = {**hooks, **{name: _with_handler(hooks[name]) for name in _HOOKS if name in hooks}}
    return filled


def with_volume_defaults(volume: Object) -> Object:
    """Return a pod's volume with its defaults; one that says nothing is an empty directory."""
    if not volume.keys() - {"name"}:
        return {**volume, "emptyDir": {}}
    filled = dict(volume)
    for name in _FILES:
        if name in volume:
            filled[name] = {"defaultMode": _READABLE, **volume[name]}
    if "hostPath" in volume:
        filled["hostPath"] = {"type": "", **volume["hostPath"]}
    if "downwardAPI" in volume:
        filled["downwardAPI"] = _with_items(filled["downwardAPI"])
    if "projected" in volume:
        filled["projected"] = {**filled["projected"], "sources": [*map(_with_source, _sources(volume))]}
    if "image" in volume:
        image = volume["image"]
        filled["image"] = {"pullPolicy": pull_policy(image.get("reference", "")), **image}
    if template := volume.get("ephemeral", {}).get("volumeClaimTemplate"):
        spec = {"volumeMode": "Filesystem", **template.get("spec", {})}
        filled["ephemeral"] = {"volumeClaimTemplate": {"metadata": {}, **template, "spec": spec}}
    return filled


def pull_policy(image: str) -> str:
    """Return when an image is pulled where nothing is said: always what may have become another one."""
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if image and "@" not in image and tag in ("", "latest") else "IfNotPresent"


def _with_handler(handler: Object) -> Object:
    filled = dict(handler)
    if "httpGet" in handler:
        filled["httpGet"] = {"path": "/", "scheme": "HTTP", **handler["httpGet"]}
    if "grpc" in handler:
        filled["grpc"] = {"service": "", **handler["grpc"]}
    return filled


def _with_references(said: Object) -> Object:
    filled = dict(said)
    if "fieldRef" in said:
        filled["fieldRef"] = {"apiVersion": "v1", **said["fieldRef"]}
    if "resourceFieldRef" in said:
        filled["resourceFieldRef"] = {"divisor": "0", **said["resourceFieldRef"]}
    return filled


def _with_items(source: Object) -> Object:
    return {**source, "items": [*map(_with_references, source["items"])]} if "items" in source else source


def _sources(volume: Object) -> list[Object]:
    sources: list[Object] = volume["projected"].get("sources", [])
    return sources


def _with_source(source: Object) -> Object:
    filled = dict(source)
    if "downwardAPI" in source:
        filled["downwardAPI"] = _with_items(source["downwardAPI"])
    if "serviceAccountToken" in source:
        filled["serviceAccountToken"] = {"expirationSeconds": 3600, **source["serviceAccountToken"]}
    return filled


def bad_running(spec: Object, path: str) -> Iterator[Cause]:
    """Yield what is wrong with how a pod and its containers run."""
    yield from _bad_volumes(spec.get("volumes", ()), f"{path}.volumes")
    mounted = {each.get("name", "") for each in spec.get("volumes", ())}
    for key in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(key, ())):
            where = f"{path}.{key}[{index}]"
            yield from _bad_container(container, where, mounted)
            if key == "initContainers" and container.get("restartPolicy") != "Always":
                yield from _bad_run_once(container, where)
    yield from _bad_names(spec, path)


def _bad_run_once(container: Object, where: str) -> Iterator[Cause]:
    for name in ("lifecycle", *_PROBES):
        if name in container:
            sentence = "Forbidden: may not be set for init containers without restartPolicy=Always"
            yield f"{where}.{name}", "FieldValueForbidden", sentence


def _bad_names(spec: Object, path: str) -> Iterator[Cause]:
    if (policy := spec["dnsPolicy"]) not in _DNS_POLICIES:
        yield _unsupported(f"{path}.dnsPolicy", policy, _DNS_POLICIES)
    elif policy == "None" and not spec.get("dnsConfig", {}).get("nameservers"):
        sentence = "Required value: must provide `dnsConfig` when `dnsPolicy` is None"
        yield f"{path}.dnsConfig", "FieldValueRequired", sentence
    for key in ("hostname", "subdomain"):
        if (name := spec.get(key)) and (rule := dns_label(name)):
            yield f"{path}.{key}", "FieldValueInvalid", f'Invalid value: "{name}": {rule}'
    for index, gate in enumerate(spec.get("readinessGates", ())):
        if rule := qualified_name(name := gate.get("conditionType", "")):
            where = f"{path}.readinessGates[{index}].conditionType"
            yield where, "FieldValueInvalid", f'Invalid value: "{name}": {rule}'
    for key in ("serviceAccountName", "nodeName"):
        if (name := spec.get(key)) and (rule := dns_subdomain(name)):
            yield f"{path}.{key}", "FieldValueInvalid", f'Invalid value: "{name}": {rule}'
    if (system := spec.get("os", {}).get("name", "linux")) not in ("linux", "windows"):
        yield _unsupported(f"{path}.os", system, ("linux", "windows"))


def _bad_volumes(volumes: list[Object], where: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        name = volume.get("name", "")
        if not name:
            yield f"{where}[{index}].name", "FieldValueRequired", "Required value"
        elif rule := dns_label(name):
            yield f"{where}[{index}].name", "FieldValueInvalid", f'Invalid value: "{name}": {rule}'
        elif name in seen:
            yield f"{where}[{index}].name", "FieldValueDuplicate", f'Duplicate value: "{name}"'
        seen.add(name)
        if len(sources := [key for key in volume if key != "name"]) > 1:
            sentence = "Forbidden: may not specify more than 1 volume type"
            yield f"{where}[{index}].{sources[-1]}", "FieldValueForbidden", sentence


def _bad_container(container: Object, where: str, volumes: set[str]) -> Iterator[Cause]:
    if (image := container.get("image", "")) != image.strip():
        sentence = f'Invalid value: "{image}": must not have leading or trailing whitespace'
        yield f"{where}.image", "FieldValueInvalid", sentence
    for key, known in _CHOICES.items():
        if container[key] not in known:
            yield _unsupported(f"{where}.{key}", container[key], known)
    yield from _bad_ports(container.get("ports", ()), f"{where}.ports")
    yield from _bad_environment(container, where)
    yield from _bad_mounts(container, where, volumes)
    yield from _bad_handlers(container, where)
    if container.get("securityContext", {}).get("privileged"):
        sentence = "Forbidden: disallowed by cluster policy"
        yield f"{where}.securityContext.privileged", "FieldValueForbidden", sentence


def _bad_environment(container: Object, where: str) -> Iterator[Cause]:
    for index, variable in enumerate(container.get("env", ())):
        if not (name := variable.get("name", "")):
            yield f"{where}.env[{index}].name", "FieldValueRequired", "Required value"
        elif "=" in name or not (name.isascii() and name.isprintable()):
            rule = "a valid environment variable name must consist only of printable ASCII characters other than '='"
            yield f"{where}.env[{index}].name", "FieldValueInvalid", f'Invalid value: "{name}": {rule}'
        if variable.get("value") and "valueFrom" in variable:
            sentence = 'Invalid value: "": may not be specified when `value` is not empty'
            yield f"{where}.env[{index}].valueFrom", "FieldValueInvalid", sentence


def _bad_mounts(container: Object, where: str, volumes: set[str]) -> Iterator[Cause]:
    for key, place in (("volumeMounts", "mountPath"), ("volumeDevices", "devicePath")):
        for index, mount in enumerate(container.get(key, ())):
            if (name := mount.get("name", "")) not in volumes:
                yield f"{where}.{key}[{index}].name", "FieldValueNotFound", f'Not found: "{name}"'
            if not mount.get(place):
                yield f"{where}.{key}[{index}].{place}", "FieldValueRequired", "Required value"


def _bad_handlers(container: Object, where: str) -> Iterator[Cause]:
    for name in _PROBES:
        if name in container:
            yield from _bad_handler(container[name], f"{where}.{name}")
            for key in _PROBE_NUMBERS:
                if (number := container[name].get(key, 0)) < 0:
                    yield f"{where}.{name}.{key}", "FieldValueInvalid", f"Invalid value: {number}: {_NOT_NEGATIVE}"
    for name in _HOOKS:
        if name in container.get("lifecycle", {}):
            yield from _bad_handler(container["lifecycle"][name], f"{where}.lifecycle.{name}")


def _bad_ports(ports: list[Object], where: str) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        if name := port.get("name"):
            if rule := port_name(name):
                yield f"{where}[{index}].name", "FieldValueInvalid", f'Invalid value: "{name}": {rule}'
            if name in names:
                yield f"{where}[{index}].name", "FieldValueDuplicate", f'Duplicate value: "{name}"'
            names.add(name)
        if not (number := port.get("containerPort", 0)):
            yield f"{where}[{index}].containerPort", "FieldValueRequired", "Required value"
        for key, value in (("containerPort", number), ("hostPort", port.get("hostPort", 0))):
            if value and not 1 <= value <= 65535:
                sentence = f"Invalid value: {value}: must be between 1 and 65535, inclusive"
                yield f"{where}[{index}].{key}", "FieldValueInvalid", sentence
        if port["protocol"] not in _PROTOCOLS:
            yield _unsupported(f"{where}[{index}].protocol", port["protocol"], _PROTOCOLS)


def _bad_handler(handler: Object, where: str) -> Iterator[Cause]:
    said = [name for name in _HANDLERS if name in handler]
    if not said:
        yield where, "FieldValueRequired", "Required value: must specify a handler type"
    for name in said[1:]:
        yield f"{where}.{name}", "FieldValueForbidden", "Forbidden: may not specify more than 1 handler type"


def _unsupported(where: str, value: str, known: tuple[str, ...]) -> Cause:
    told = ", ".join(f'"{each}"' for each in known)
    return where, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {told}'
