"""What does a deletion do to an object now? Gone at once, or marked and held by its grace period or its finalizers.

After apiserver's registry/rest/delete.go and kubernetes' registry/core/pod/strategy.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.api import bodies
from plimsoll.embedded.core.api.options import check_deletion, is_set
from plimsoll.embedded.core.notation.numbers import bad_integer
from plimsoll.embedded.core.notation.schema import read, shape
from plimsoll.embedded.core.problem import bad_request, conflict, not_implemented

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.embedded.core.api.exchange import Request
    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object


@dataclass(frozen=True, slots=True)
class Deletion:
    """What the person asks for: a grace period in seconds (None: the object's own), and preconditions."""

    grace_s: int | None
    uid: str | None
    version: str | None
    dry: bool

    @classmethod
    def of(cls, options: Mapping[str, Any], query: Mapping[str, str]) -> Deletion:
        """Read DeleteOptions and the query beside them.

        Raises:
            Problem: 400 or 422, they are malformed; 501, a propagation policy other than Background.
        """
        check_deletion(options)
        policy = query.get("propagationPolicy") or options.get("propagationPolicy") or "Background"
        if options.get("orphanDependents") or is_set(query, "orphanDependents"):
            policy = "Orphan"
        if policy != "Background":
            raise not_implemented(f"deletion with propagation policy {policy}; Background is there")
        text = query.get("gracePeriodSeconds", "")
        if "gracePeriodSeconds" in query and (why := bad_integer(text)):
            raise bad_request(why)
        grace = int(text) if text else options.get("gracePeriodSeconds")
        held = options.get("preconditions", {})
        dry = "dryRun" in query or bool(options.get("dryRun"))
        # A negative period means the shortest one that is orderly.
        return cls(1 if grace is not None and grace < 0 else grace, held.get("uid"), held.get("resourceVersion"), dry)

    def marked(self, kind: Kind, content: Object, now: str) -> Object:
        """Return the object with the time of its end; it is gone already where `held` says that nothing holds it."""
        meta = content["metadata"]
        if "deletionTimestamp" not in meta:
            return {**content, "metadata": _marked_at(meta, now, self._grace(kind, content))}
        left = meta.get("deletionGracePeriodSeconds", 0)
        if self.grace_s is None or self.grace_s >= left:
            return content
        return {**content, "metadata": _shortened(meta, now, self.grace_s)}

    def _grace(self, kind: Kind, content: Object) -> int:
        if kind is not kinds.PODS:
            return 0
        if not content["spec"].get("nodeName") or content["status"].get("phase") in ("Succeeded", "Failed"):
            return 0
        if self.grace_s is not None:
            return self.grace_s
        return max(int(content["spec"]["terminationGracePeriodSeconds"]), 0)


def held(marked: Object) -> bool:
    """Tell whether an object that is marked for deletion stays: for its grace period, or its finalizers."""
    meta = marked["metadata"]
    return bool(meta.get("deletionGracePeriodSeconds") or meta.get("finalizers"))


def deletion_asked(request: Request) -> Deletion:
    """Return what a DELETE request asks for.

    Raises:
        Problem: its body is malformed, or asks for what is not done.
    """
    sent = bodies.json_of(request) if request.body else None
    options = read(shape("V1DeleteOptions"), {} if sent is None else sent, "")
    if (kind := options.get("kind") or "DeleteOptions") != "DeleteOptions":
        version = options.get("apiVersion", "")
        why = f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        raise bad_request(why)
    return Deletion.of(options, {} if request.body else request.query)


def check_preconditions(kind: Kind, meta: Object, asked: Deletion) -> None:
    """Hold a deletion's preconditions against an object.

    Raises:
        Problem: 409, it is another object, or another version of it.
    """
    found = (("UID", asked.uid, meta["uid"]), ("ResourceVersion", asked.version, meta["resourceVersion"]))
    for what, wanted, there in found:
        if wanted is not None and wanted != there:
            became = "deleted and then recreated" if what == "UID" else "modified"
            why = (
                f"the {what} in the precondition ({wanted}) does not match the {what} in record ({there}). The object "
                f"might have been {became}"
            )
            raise conflict(kind.qualified, meta["name"], why)


def _marked_at(meta: Object, now: str, grace_s: int) -> Object:
    generation = {"generation": meta["generation"] + 1} if "generation" in meta else {}
    return {**meta, **generation, **_end(datetime.fromisoformat(now), grace_s)}


def _shortened(meta: Object, now: str, grace_s: int) -> Object:
    """Return the metadata with a shorter grace period, counted from the first deletion; it does not end in the past."""
    began = datetime.fromisoformat(meta["deletionTimestamp"]) - timedelta(seconds=meta["deletionGracePeriodSeconds"])
    if began + timedelta(seconds=grace_s) < datetime.fromisoformat(now):
        return {**meta, **_end(datetime.fromisoformat(now), 0), "deletionGracePeriodSeconds": min(grace_s, 1)}
    return {**meta, **_end(began, grace_s)}


def _end(began: datetime, grace_s: int) -> Object:
    ends = began + timedelta(seconds=grace_s)
    return {"deletionTimestamp": ends.strftime("%Y-%m-%dT%H:%M:%SZ"), "deletionGracePeriodSeconds": grace_s}
