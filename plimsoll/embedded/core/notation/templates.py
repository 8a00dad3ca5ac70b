"""When are two pod templates the same? But for the label that a ReplicaSet's own template has besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plimsoll.embedded.core.problem import Object

TEMPLATE_HASH = "pod-template-hash"


def template_changed(old: Object, new: Object) -> bool:
    """Tell whether a Deployment's pod template differs, so that its pods would have to be rolled."""
    return without_hash(old["spec"]["template"]) != without_hash(new["spec"]["template"])


def without_hash(template: Object) -> Object:
    """Return a pod template as it was before its hash became one of its labels."""
    meta = dict(template.get("metadata") or {})
    labels = {key: value for key, value in (meta.pop("labels", None) or {}).items() if key != TEMPLATE_HASH}
    meta = {key: value for key, value in meta.items() if value}  # Go has no difference between none and empty
    return {"metadata": meta | ({"labels": labels} if labels else {}), "spec": template.get("spec") or {}}
