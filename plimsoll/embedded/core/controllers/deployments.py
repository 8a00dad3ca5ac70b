"""What does a Deployment want of its ReplicaSet, and what is its status? After kube-controller-manager's sync.go.

One decision is one step: a write, or the status. Each write shows up in the watch and leads to the next step.
A changed pod template is not rolled out: the API server refuses it; where one is met all the same, nothing is scaled
and only the status is kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.controllers.deployment_status import (
    FOUND,
    NEW,
    deadline_of,
    paused_or_resumed,
    progressing,
    status_of,
    surge_of,
    with_progress,
)
from plimsoll.embedded.core.controllers.owners import reference_to
from plimsoll.embedded.core.notation.conditions import condition
from plimsoll.embedded.core.notation.templates import TEMPLATE_HASH, without_hash

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from plimsoll.embedded.core.problem import Object

REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MOST = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    "deployment.kubernetes.io/revision-history",
    REVISION,
    _DESIRED,
    _MOST,
}
# Without vowels and what looks like another: no words come about by chance.
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Creation:
    """A new ReplicaSet; once it is there, the Deployment's status and its annotations."""

    replica_set: Object
    status: Object
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """A merge patch of the ReplicaSet of a name, and what is told of it once it is done."""

    name: str
    patch: Object
    message: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """The Deployment's status and annotations as they should be; when to look again, changes aside."""

    status: Object
    annotations: Mapping[str, str] = field(default_factory=dict)
    again_at: float | None = None


def decide(
    deployment: Object, owned: Sequence[Object], taken: Collection[str], now: float
) -> Creation | Change | Status:
    """Return the next step; `owned` are its ReplicaSets, `taken` the names of all others in its namespace."""
    owned = sorted(owned, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"]))
    current = next((each for each in owned if _same_template(deployment, each)), None)
    if "deletionTimestamp" in deployment["metadata"]:
        return Status(status_of(deployment, owned, current, now))
    if (conditions := paused_or_resumed(deployment, now)) is not None:
        return Status({**deployment["status"], "conditions": conditions})
    if current is not None and (step := _synchronised(deployment, current, now)):
        return step
    if deployment["spec"].get("paused") or _is_scaled(deployment, owned):
        active = [each for each in owned if each["spec"].get("replicas", 1) > 0]
        target = active[0] if len(active) == 1 else (current or (owned[-1] if owned else None)) if not active else None
        if target is not None and (scaling := _scaling(deployment, target)):
            return scaling
        return Status(status_of(deployment, owned, current, now))
    if current is None and not owned:
        return _creation(deployment, taken, now)
    if current is not None and len(owned) == 1 and (scaling := _scaling(deployment, current)):
        return scaling
    status, again_at = with_progress(deployment, status_of(deployment, owned, current, now), owned, current, now)
    return Status(status, again_at=again_at)


def failed_creation(deployment: Object, replica_set: Object, error: str, now: float) -> tuple[Object, str]:
    """Return the status after a ReplicaSet could not be created, and what is told of it."""
    message = f'Failed to create new replica set "{replica_set["metadata"]["name"]}": {error}'
    return progressing(deployment["status"], "False", "ReplicaSetCreateError", message, now), message


def created_message(replica_set: Object) -> str:
    """Return what is told of a new ReplicaSet; nothing of one without replicas."""
    count = replica_set["spec"]["replicas"]
    return f"Scaled up replica set {replica_set['metadata']['name']} from 0 to {count}" if count else ""


def template_hash(template: Object, collisions: int) -> str:
    """Return the name of a pod template: equal templates have equal names.

    kube-controller-manager hashes Go's own print of the template: a value that nobody may rely on. It is another here.
    """
    text = msgspec.json.encode([without_hash(template), collisions], order="deterministic")
    number = int.from_bytes(hashlib.sha256(text).digest()[:4], "big")
    # Its form is kube-controller-manager's: a decimal number of 32 bits, each digit written as a letter.
    return "".join(_LETTERS[ord(digit) % len(_LETTERS)] for digit in str(number))


def _same_template(deployment: Object, replica_set: Object) -> bool:
    return without_hash(deployment["spec"]["template"]) == without_hash(replica_set["spec"]["template"])


def _synchronised(deployment: Object, current: Object, now: float) -> Change | Status | None:
    """Carry the Deployment's annotations and minReadySeconds to its ReplicaSet, and the revision back."""
    meta = current["metadata"]
    there = meta.get("annotations") or {}
    annotations = {key: value for key, value in _copied(deployment).items() if there.get(key) != value}
    if REVISION not in there:
        annotations[REVISION] = "1"
    patch: Object = {"metadata": {"annotations": annotations}} if annotations else {}
    ready_s = deployment["spec"].get("minReadySeconds", 0)
    if current["spec"].get("minReadySeconds", 0) != ready_s:
        patch["spec"] = {"minReadySeconds": ready_s}
    if patch:
        return Change(meta["name"], patch)
    status = deployment["status"]
    if deadline_of(deployment) is not None and condition(status, "Progressing") is None:
        status = progressing(status, "True", FOUND, f'Found new replica set "{meta["name"]}"', now)
    revision = there[REVISION]
    if status is deployment["status"] and (deployment["metadata"].get("annotations") or {}).get(REVISION) == revision:
        return None
    return Status(status, {REVISION: revision})


def _is_scaled(deployment: Object, owned: Sequence[Object]) -> bool:
    """Tell whether an active ReplicaSet was made for another number of replicas."""
    wanted = str(deployment["spec"].get("replicas", 1))
    for each in owned:
        desired = (each["metadata"].get("annotations") or {}).get(_DESIRED)
        if each["spec"].get("replicas", 1) > 0 and desired is not None and desired != wanted:
            return True
    return False


def _scaling(deployment: Object, replica_set: Object) -> Change | None:
    old, new = replica_set["spec"].get("replicas", 1), deployment["spec"].get("replicas", 1)
    if old == new:
        return None
    name = replica_set["metadata"]["name"]
    return Change(
        name,
        {"metadata": {"annotations": _sizes(deployment)}, "spec": {"replicas": new}},
        f"Scaled {'up' if old < new else 'down'} replica set {name} from {old} to {new}",
    )


def _creation(deployment: Object, taken: Collection[str], now: float) -> Creation | Status:
    meta, spec = deployment["metadata"], deployment["spec"]
    collisions = deployment["status"].get("collisionCount", 0)
    template = spec["template"]
    unique = template_hash(template, collisions)
    name = f"{meta['name'][: _LONGEST_NAME - 1 - len(unique)]}-{unique}"
    if name in taken:
        return Status({**deployment["status"], "collisionCount": collisions + 1})
    template_meta = template.get("metadata") or {}
    labels = {**(template_meta.get("labels") or {}), TEMPLATE_HASH: unique}
    selector = spec.get("selector") or {}
    replica_set = {
        "apiVersion": kinds.REPLICA_SETS.api_version,
        "kind": kinds.REPLICA_SETS.name,
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {**_copied(deployment), REVISION: "1", **_sizes(deployment)},
            "ownerReferences": [reference_to(kinds.DEPLOYMENTS, deployment)],
        },
        "spec": {
            "replicas": spec.get("replicas", 1),
            **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), TEMPLATE_HASH: unique}},
            "template": {**template, "metadata": {**template_meta, "labels": labels}},
        },
    }
    status = deployment["status"]
    if deadline_of(deployment) is not None:
        status = progressing(status, "True", NEW, f'Created new replica set "{name}"', now)
    return Creation(replica_set, status, {REVISION: "1"})


def _copied(deployment: Object) -> dict[str, str]:
    annotations = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in annotations.items() if key not in _NOT_COPIED}


def _sizes(deployment: Object) -> dict[str, str]:
    wanted = deployment["spec"].get("replicas", 1)
    return {_DESIRED: str(wanted), _MOST: str(wanted + surge_of(deployment))}
