"""What does an update make of an object? What is sent, but for what it may not touch: that stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.notation.numbers import bad_natural
from plimsoll.embedded.core.problem import Object, Problem, bad_request, conflict
from plimsoll.embedded.core.rules import table as rules
from plimsoll.embedded.core.rules.pod_changes import readmitted
from plimsoll.embedded.core.rules.pods import with_times

if TYPE_CHECKING:
    from plimsoll.embedded.core.api.routes import Route
    from plimsoll.embedded.core.kinds import Kind

SERVER_SET = (
    "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink",
    "resourceVersion", "managedFields",
)  # fmt: skip
"""The metadata that no client sets."""

_IN_ETCD = {kinds.NODES: "minions", kinds.SERVICES: "services/specs"}


def changed(where: Route, old: Object, sent: Object, *, applied: bool) -> Object:
    """Return the object that an update makes: what it may not touch stays as it was."""
    kind, was = where.kind, old["metadata"]
    meta = {key: value for key, value in sent["metadata"].items() if key not in SERVER_SET}
    meta |= {key: was[key] for key in ("name", "namespace", *SERVER_SET) if key in was}
    if applied and "managedFields" in sent["metadata"]:
        meta["managedFields"] = sent["metadata"]["managedFields"]
    if where.subresource == "status":
        return _with_status(kind, old, meta, sent)
    new = {key: value for key, value in sent.items() if key != "status" or not kind.status}
    if kind.status and "status" in old:
        new["status"] = old["status"]
    new = rules.with_defaults(kind, {**new, "metadata": meta})
    if kind is kinds.SERVICES:
        new["spec"] = {
            **{k: old["spec"][k] for k in ("clusterIP", "clusterIPs") if k in old["spec"]},
            **new["spec"],
        }
    if kind is kinds.NAMESPACES:
        new["spec"] = old["spec"]
    if kind is kinds.PODS:
        new["spec"] = readmitted(old["spec"], new["spec"])
    if kind.counts_generations and _generation_ends(kind, old, new):
        new["metadata"] = {**new["metadata"], "generation": was["generation"] + 1}
    return new


def _generation_ends(kind: Kind, old: Object, new: Object) -> bool:
    # A Deployment's annotations reach its ReplicaSet: they count as if they were its spec.
    annotations = kind is kinds.DEPLOYMENTS and old["metadata"].get("annotations") != new["metadata"].get("annotations")
    return annotations or new.get("spec") != old.get("spec")


def _with_status(kind: Kind, old: Object, meta: Object, sent: Object) -> Object:
    if kind not in (kinds.PODS, kinds.NODES):
        labels = {"labels": old["metadata"]["labels"]} if "labels" in old["metadata"] else {}
        meta = {key: value for key, value in meta.items() if key != "labels"} | labels
    kept = {key: value for key, value in old.items() if key not in ("metadata", "status")}
    if kind is kinds.PODS and "status" in sent:
        sent = {**sent, "status": with_times({"qosClass": old["status"]["qosClass"], **sent["status"]})}
    return {**kept, "metadata": meta, **({"status": sent["status"]} if "status" in sent else {})}


def check_identity(kind: Kind, old: Object, sent: Object) -> None:
    """Hold what an update says about itself against the object that it is about.

    Raises:
        Problem: 409 for another version; 400 for another name or namespace.
    """
    meta, was = sent.get("metadata", {}), old["metadata"]
    check_name(was["name"], meta)
    if meta.get("namespace", was.get("namespace", "")) != was.get("namespace", ""):
        raise wrong_namespace()
    version = check_version(meta)
    if version not in ("0", was["resourceVersion"]):
        why = "the object has been modified; please apply your changes to the latest version and try again"
        raise conflict(kind.resource, was["name"], why)


def check_name(of_path: str, meta: Object) -> None:
    """Hold the name in an object's metadata against that of its path.

    Raises:
        Problem: 400, it is another one, or there is none.
    """
    name = meta.get("name")
    if not name:
        raise bad_request(f"the name of the object ({of_path} based on URL) was undeterminable: name must be provided")
    if name != of_path:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({of_path})")


def check_version(meta: Object) -> str:
    """Return the version that an object says it is, "0" for none.

    Raises:
        Problem: 500, it is no version.
    """
    version: str = meta.get("resourceVersion") or "0"
    if why := bad_natural(version):
        raise Problem(500, "", why)
    return version


def never_seen(where: Route, merged: Object) -> Object:
    """Return what an apply creates, without a version; it says of nothing that is there.

    Raises:
        Problem: 400, it has another name than its path, or none; 409, it is about an object with a UID.
    """
    meta = merged.get("metadata", {})
    check_name(where.name, meta)
    check_version(meta)
    if uid := meta.get("uid"):
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(where.kind.resource, where.name, why)
    return {**merged, "metadata": {key: value for key, value in meta.items() if key != "resourceVersion"}}


def check_uid(kind: Kind, old: Object, sent: Object) -> None:
    """Hold the UID of an object that is put against the one that is there.

    Raises:
        Problem: 409, it is another one.
    """
    was, uid = old["metadata"], sent["metadata"].get("uid")
    if uid and uid != was["uid"]:
        key = "/".join(filter(None, ("/registry", _IN_ETCD.get(kind, kind.plural), was.get("namespace"), was["name"])))
        why = (
            f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition "
            f"failed: UID in precondition: {uid}, UID in object meta: {was['uid']}"
        )
        raise conflict(kind.resource, was["name"], why)


def named(where: Route, sent: Object) -> Object:
    """Return an object with the name of its path; one that bears another is refused."""
    name = sent["metadata"].get("name", where.name)
    if name != where.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({where.name})")
    return {**sent, "metadata": {**sent["metadata"], "name": where.name}}


def wrong_namespace() -> Problem:
    """The object is of another namespace than the path."""
    return bad_request("the namespace of the provided object does not match the namespace sent on the request")
