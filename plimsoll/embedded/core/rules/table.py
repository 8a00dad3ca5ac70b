"""What does the API server fill in, refuse and keep, kind by kind? One row a kind.

After kubernetes' pkg/registry strategies and pkg/apis validation; of the validation, the rules that docs/contract.md
lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.notation.names import dns_label, dns_subdomain, qualified_name
from plimsoll.embedded.core.problem import Object, invalid
from plimsoll.embedded.core.rules.autoscalers import (
    bad_autoscaler,
    new_autoscaler,
    with_autoscaler_defaults,
)
from plimsoll.embedded.core.rules.budgets import bad_budget, bad_budget_change
from plimsoll.embedded.core.rules.config_maps import bad_config_map, bad_config_map_change
from plimsoll.embedded.core.rules.metadata import bad_metadata, bad_metadata_change
from plimsoll.embedded.core.rules.nodes import bad_node, bad_node_change, with_node_defaults
from plimsoll.embedded.core.rules.pod_changes import bad_pod_change
from plimsoll.embedded.core.rules.pods import bad_new_pod, first_status, with_canonical_quantities, with_pod_defaults
from plimsoll.embedded.core.rules.priorities import bad_priority, bad_priority_change, with_priority_defaults
from plimsoll.embedded.core.rules.replicated import (
    bad_deployment,
    bad_deployment_change,
    bad_replica_set,
    bad_replica_set_change,
    with_deployment_defaults,
    with_replica_set_defaults,
)
from plimsoll.embedded.core.rules.services import bad_service, bad_service_change, with_service_defaults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plimsoll.embedded.core.kinds import Kind

Cause = tuple[str, str, str]

_NAME_RULES: dict[Kind, Callable[[str], str]] = {
    kinds.NAMESPACES: dns_label,
    kinds.SERVICES: dns_label,
    kinds.EVENTS: lambda _: "",
    kinds.BUDGETS: lambda _: "",
}
_STANDARD_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")


@dataclass(frozen=True, slots=True)
class Rules:
    """One kind's: `defaults` of what is sent, the status of a `new` object, what is `bad`, what is a `bad_change`."""

    defaults: Callable[[Object], Object] = lambda sent: sent
    new: Callable[[Object], Object] = lambda sent: sent
    bad: Callable[[Object], Iterable[Cause]] = lambda _: ()
    bad_change: Callable[[Object, Object], Iterable[Cause]] = lambda _old, _new: ()


def with_defaults(kind: Kind, sent: Object) -> Object:
    """Return an object with every default of its kind."""
    return _rules(kind).defaults(sent)


def created(kind: Kind, sent: Object) -> Object:
    """Return a new object with the status that it begins with."""
    return _rules(kind).new(sent)


def check(kind: Kind, content: Object) -> None:
    """Hold a new object against the rules of its kind.

    Raises:
        Problem: 422 with every cause; 501 for what the embedded cluster does not do.
    """
    causes = [*bad_metadata(content["metadata"], _NAME_RULES.get(kind, dns_subdomain)), *_rules(kind).bad(content)]
    if causes:
        raise invalid(kind.qualified, content["metadata"]["name"], causes)


def check_change(kind: Kind, old: Object, new: Object) -> None:
    """Hold a changed object against the rules of its kind.

    Raises:
        Problem: as `check`.
    """
    rules = _rules(kind)
    about_metadata = list(bad_metadata_change(old["metadata"], new["metadata"]))
    # The API server holds metadata against the rules twice, and tells the causes twice.
    causes = [*about_metadata, *about_metadata, *([] if new is old else rules.bad_change(old, new))]
    if not causes:
        causes = list(rules.bad(new))
    if causes:
        raise invalid(kind.qualified, new["metadata"]["name"], causes)


def _pod_defaults(pod: Object) -> Object:
    return {**pod, "spec": with_pod_defaults(with_canonical_quantities(pod.get("spec", {})))}


def _new_pod(pod: Object) -> Object:
    return {**pod, "status": first_status(pod)}


def _active_namespace(namespace: Object) -> Object:
    finalizers = namespace.get("spec", {}).get("finalizers", [])
    if "kubernetes" not in finalizers:
        finalizers = [*finalizers, "kubernetes"]
    return {**namespace, "spec": {"finalizers": finalizers}, "status": {"phase": "Active"}}


def _namespace_defaults(namespace: Object) -> Object:
    meta = namespace["metadata"]
    labels = {**meta.get("labels", {}), "kubernetes.io/metadata.name": meta["name"]}
    return {**namespace, "metadata": {**meta, "labels": labels}}


def _bad_namespace(namespace: Object) -> Iterable[Cause]:
    for index, name in enumerate(namespace.get("spec", {}).get("finalizers", ())):
        rule = qualified_name(name)
        if not rule and "/" not in name and name not in _STANDARD_FINALIZERS:
            rule = "name is neither a standard finalizer name nor is it fully qualified"
        if rule:
            yield f"spec.finalizers[{index}]", "FieldValueInvalid", f'Invalid value: "{name}": {rule}'


def _bad_namespace_change(_old: Object, new: Object) -> Iterable[Cause]:
    phase, deleted = new.get("status", {}).get("phase", ""), "deletionTimestamp" in new["metadata"]
    if deleted and phase != "Terminating":
        sentence = f"Invalid value: \"{phase}\": may only be 'Terminating' if `deletionTimestamp` is not empty"
        yield "status.Phase", "FieldValueInvalid", sentence
    elif not deleted and phase != "Active":
        sentence = f"Invalid value: \"{phase}\": may only be 'Active' if `deletionTimestamp` is empty"
        yield "status.Phase", "FieldValueInvalid", sentence


def _event_defaults(event: Object) -> Object:
    absent: Object = {"source": {}, "firstTimestamp": None, "lastTimestamp": None, "eventTime": None}
    return {**absent, "reportingComponent": "", "reportingInstance": "", **event}


def _bad_event(event: Object) -> Iterable[Cause]:
    about = event.get("involvedObject", {}).get("namespace", "")
    if about != event["metadata"]["namespace"] and (about or event["metadata"]["namespace"] != "default"):
        sentence = f'Invalid value: "{about}": does not match event.namespace'
        yield "involvedObject.namespace", "FieldValueInvalid", sentence
    if event["eventTime"] is not None:  # the newer kind of event, of which more is asked
        yield from _bad_newer_event(event)


def _bad_newer_event(event: Object) -> Iterable[Cause]:
    reporter = event["reportingComponent"]
    if not reporter:
        yield "reportingComponent", "FieldValueRequired", "Required value"
    if rule := qualified_name(reporter):
        yield "reportingComponent", "FieldValueInvalid", f'Invalid value: "{reporter}": {rule}'
    for key in ("reportingInstance", "action", "reason"):
        if not event.get(key):
            yield key, "FieldValueRequired", "Required value"


def _lease_defaults(lease: Object) -> Object:
    # A cluster that has coordinated leader election switched off, as it is by default, drops what speaks of it.
    spec = {key: value for key, value in lease.get("spec", {}).items() if key not in ("strategy", "preferredHolder")}
    return {**lease, "spec": spec}


def _bad_lease(lease: Object) -> Iterable[Cause]:
    spec = lease["spec"]
    for key, lowest, rule in (
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ):
        if key in spec and spec[key] < lowest:
            yield f"spec.{key}", "FieldValueInvalid", f"Invalid value: {spec[key]}: {rule}"


def _with_spec(sent: Object) -> Object:
    return {"spec": {}, **sent}


def _without_status(sent: Object) -> Object:
    return {**sent, "status": {}}


def _new_replica_set(sent: Object) -> Object:
    return {**sent, "status": {"replicas": 0}}


def _new_budget(sent: Object) -> Object:
    return {**sent, "status": {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}}


def _new_service(sent: Object) -> Object:
    return {**sent, "status": {"loadBalancer": {}}}


_RULES: dict[Kind, Rules] = {
    kinds.PODS: Rules(_pod_defaults, _new_pod, bad_new_pod, bad_pod_change),
    kinds.DEPLOYMENTS: Rules(with_deployment_defaults, _without_status, bad_deployment, bad_deployment_change),
    kinds.REPLICA_SETS: Rules(with_replica_set_defaults, _new_replica_set, bad_replica_set, bad_replica_set_change),
    kinds.NAMESPACES: Rules(_namespace_defaults, _active_namespace, _bad_namespace, _bad_namespace_change),
    kinds.NODES: Rules(with_node_defaults, bad=bad_node, bad_change=bad_node_change),
    kinds.SERVICES: Rules(with_service_defaults, _new_service, bad_service, bad_service_change),
    kinds.CONFIG_MAPS: Rules(bad=bad_config_map, bad_change=bad_config_map_change),
    kinds.EVENTS: Rules(_event_defaults, bad=_bad_event),
    kinds.AUTOSCALERS: Rules(with_autoscaler_defaults, new_autoscaler, bad_autoscaler),
    kinds.LEASES: Rules(_lease_defaults, bad=_bad_lease),
    kinds.BUDGETS: Rules(_with_spec, _new_budget, bad_budget, bad_budget_change),
    kinds.PRIORITY_CLASSES: Rules(with_priority_defaults, bad=bad_priority, bad_change=bad_priority_change),
}


def _rules(kind: Kind) -> Rules:
    return _RULES.get(kind, Rules())
