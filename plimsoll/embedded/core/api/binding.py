"""What does a Binding make of a pod? After kubernetes' registry/core/pod/storage (BindingREST).

It writes past what other updates go through: it owns no fields, and is no new generation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core.api.changes import wrong_namespace
from plimsoll.embedded.core.notation.conditions import kept_or_appended
from plimsoll.embedded.core.problem import Problem, bad_request, conflict

if TYPE_CHECKING:
    from plimsoll.embedded.core.problem import Object


def bound(pod: Object, binding: Object, now: str) -> Object:
    """Return a pod with the node, the annotations and the labels of a Binding.

    Raises:
        Problem: 409 where it is deleted, bound, gated, or another one than the Binding's.
    """
    _check(pod, binding)
    meta, spec, asked = pod["metadata"], pod["spec"], binding["metadata"]
    merged = {key: {**meta.get(key, {}), **asked.get(key, {})} for key in ("annotations", "labels")}
    status = {key: value for key, value in pod["status"].items() if key != "nominatedNodeName"}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    status["conditions"] = kept_or_appended(status.get("conditions", ()), scheduled, keep_transition=True)
    return {
        **pod,
        "metadata": {**meta, **{key: value for key, value in merged.items() if value}},
        "spec": {**spec, "nodeName": binding["target"]["name"]},
        "status": status,
    }


def check_binding(namespace: str, name: str, binding: Object) -> None:
    """Hold a Binding against the pod that its path names, before it is known whether there is one.

    Raises:
        Problem: 400 for another pod; 500 for a target that is none.
    """
    check_target("Binding", namespace, name, binding)
    target = binding.get("target", {})
    # The API server passes these on as an error of no kind.
    if target.get("kind", "") not in ("", "Node"):
        sentence = f'target.kind: Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"'
        raise Problem(500, "", sentence)
    if not target.get("name"):
        raise Problem(500, "", "target.name: Required value")


def check_target(kind: str, namespace: str, name: str, sent: Object) -> None:
    """Hold the name and the namespace of what is posted to a pod against the pod's.

    Raises:
        Problem: 400, it is another one.
    """
    asked = sent.get("metadata", {})
    if asked.get("namespace", namespace) != namespace:
        raise wrong_namespace()
    if asked.get("name", "") != name:
        raise bad_request(f"name in URL does not match name in {kind} object")


def _check(pod: Object, binding: Object) -> None:
    meta, spec, name = pod["metadata"], pod["spec"], pod["metadata"]["name"]
    _check_preconditions(meta, binding["metadata"])
    if "deletionTimestamp" in meta:
        raise _not_bound(name, f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        raise _not_bound(name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if spec.get("schedulingGates"):
        raise _not_bound(name, f"pod {name} has non-empty .spec.schedulingGates")


def _check_preconditions(meta: Object, asked: Object) -> None:
    for what, key in (("UID", "uid"), ("ResourceVersion", "resourceVersion")):
        if asked.get(key) and asked[key] != meta[key]:
            why = (
                f"StorageError: invalid object, Code: 4, Key: /registry/pods/{meta['namespace']}/{meta['name']}, "
                f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: {what} in precondition: {asked[key]}, "
                f"{what} in object meta: {meta[key]}"
            )
            raise conflict("pods", meta["name"], why)


def _not_bound(name: str, why: str) -> Problem:
    return conflict("pods/binding", name, why)
