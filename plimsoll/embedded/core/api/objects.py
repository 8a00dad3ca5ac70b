"""How is an object created, changed and deleted? From what is sent to the next version in the store.

The laws:
- Every write is held against the version that it was made from; a stale one is refused with 409.
- What the server sets, a client cannot; what a path is not for, it does not touch.
- A write that changes nothing takes no version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.api import bodies, patches
from plimsoll.embedded.core.api.changes import (
    SERVER_SET,
    changed,
    check_identity,
    check_uid,
    never_seen,
    wrong_namespace,
)
from plimsoll.embedded.core.api.deletion import check_preconditions, held
from plimsoll.embedded.core.api.store import Store, Stored
from plimsoll.embedded.core.notation.schema import shape
from plimsoll.embedded.core.ownership import managed_fields as ownership
from plimsoll.embedded.core.problem import (
    Object,
    Problem,
    already_exists,
    forbidden,
    invalid,
    not_found,
)
from plimsoll.embedded.core.rules import table as rules
from plimsoll.embedded.core.rules.admission import admitted
from plimsoll.embedded.core.rules.metadata import bad_identity
from plimsoll.embedded.core.rules.priorities import check_only_default
from plimsoll.embedded.core.rules.services import with_address

if TYPE_CHECKING:
    from plimsoll.embedded.core.api.deletion import Deletion
    from plimsoll.embedded.core.api.exchange import Request
    from plimsoll.embedded.core.api.routes import Route
    from plimsoll.embedded.core.kinds import Kind

_LONGEST_BEGINNING = 58  # of a generated name
_IMMORTAL = ("default", "kube-public", "kube-system")
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Chance(Protocol):
    """Where random names and UIDs come from; `random.Random` is one."""

    def getrandbits(self, k: int, /) -> int:
        """Return an integer of `k` random bits."""


class Objects:
    """The objects of a cluster; `chance` makes names and UIDs."""

    def __init__(self, chance: Chance) -> None:
        self.store = Store()
        self._chance = chance

    def there(self, where: Route) -> Stored:
        """Return an object as it is now.

        Raises:
            Problem: 404, there is none.
        """
        there = self.store.get(where.kind, where.namespace, where.name)
        if there is None:
            raise not_found(where.kind.resource, where.name)
        return there

    def create(self, where: Route, sent: Object, request: Request) -> Stored:
        """Create an object: metadata, defaults, admission, rules, in this order.

        Raises:
            Problem: it is refused.
        """
        kind = where.kind
        meta = self._first_metadata(where, sent, request)
        # What admission and the server itself add belongs to nobody.
        content = self.owned(kind, None, rules.with_defaults(kind, {**sent, "metadata": meta}), request)
        namespace = self._namespace(where, sent)
        if kind is kinds.PODS and namespace is not None:
            classes = {
                each.content["metadata"]["name"]: each.content for each in self.store.all(kinds.PRIORITY_CLASSES)
            }
            content = rules.with_defaults(
                kind, _named_as(meta["name"], admitted(_as_sent(content, sent), namespace, classes))
            )
        elif kind is kinds.SERVICES:
            content = with_address(content, (each.content for each in self.store.all(kind)))
        elif kind is kinds.PRIORITY_CLASSES:
            check_only_default(content, (each.content for each in self.store.all(kind)))
        rules.check(kind, content)
        if before := self.store.get(kind, meta.get("namespace", ""), meta["name"]):
            raise already_exists(kind.resource, meta["name"], going="deletionTimestamp" in before.content["metadata"])
        return self.stored(kind, None, rules.created(kind, content), request.dry)

    def _first_metadata(self, where: Route, sent: Object, request: Request) -> Object:
        meta = {key: value for key, value in sent.get("metadata", {}).items() if key not in SERVER_SET}
        if sent.get("metadata", {}).get("resourceVersion", "0") != "0":
            raise Problem(500, "", "resourceVersion should not be set on objects to be created")
        if where.kind.namespaced:
            if meta.get("namespace", where.namespace) != where.namespace:
                raise wrong_namespace()
            meta["namespace"] = where.namespace
        else:
            meta.pop("namespace", None)
        if not meta.get("name"):
            if not meta.get("generateName"):
                sentence = "Required value: name or generateName is required"
                raise invalid(where.kind.qualified, "", [("metadata.name", "FieldValueRequired", sentence)])
            ending = "".join(_LETTERS[self._chance.getrandbits(32) % 27] for _ in range(5))
            meta["name"] = meta["generateName"][:_LONGEST_BEGINNING] + ending
        generation = self._first_generation(where.kind, sent["metadata"])
        if request.applies and "managedFields" in sent["metadata"]:
            meta["managedFields"] = sent["metadata"]["managedFields"]
        return {**meta, "uid": self._uid(), "creationTimestamp": request.now, **generation}

    def _first_generation(self, kind: Kind, sent: Object) -> Object:
        if kind.counts_generations:
            return {"generation": 1}
        return {"generation": sent["generation"]} if sent.get("generation") else {}

    def _namespace(self, where: Route, sent: Object) -> Object | None:
        """Return the namespace that an object is created in, which must be there and not be going."""
        if not where.kind.namespaced:
            return None
        found = self.store.get(kinds.NAMESPACES, "", where.namespace)
        if found is None:
            raise not_found("namespaces", where.namespace)
        if found.content["status"]["phase"] == "Terminating":
            name = sent["metadata"].get("name") or sent["metadata"]["generateName"]
            why = f"unable to create new content in namespace {where.namespace} because it is being terminated"
            problem = forbidden(where.kind.resource, name, why)
            cause = {"reason": "NamespaceTerminating", "message": f"namespace {where.namespace} is being terminated"}
            problem.details["causes"] = [{**cause, "field": "metadata.namespace"}]
            raise problem
        return found.content

    def patch(self, where: Route, there: Stored, request: Request) -> Stored:
        """Change an object by a patch.

        Raises:
            Problem: it is refused.
        """
        if request.applies:
            return self.apply(where, there, request)
        return self.update(where, there, self._patched(where.kind, there, request), request)

    def _patched(self, kind: Kind, there: Stored, request: Request) -> Object:
        patch = bodies.patch(request)
        before = {"kind": kind.name, "apiVersion": kind.api_version, **there.content}
        if request.content_type == bodies.JSON_PATCH:
            made = patches.json_patch(before, patch)
        else:
            patches.check_merge_patch(patch)
            made = patches.merge_patch(before, patch)
        return bodies.checked_patch(kind.name, made, lambda: bodies.checked(kind, made))

    def apply(self, where: Route, there: Stored | None, request: Request) -> Stored:
        """Create or change an object by server-side apply.

        Raises:
            Problem: it is refused.
        """
        if not request.query.get("fieldManager"):
            sentence = "Required value: is required for apply patch"
            raise invalid("PatchOptions.meta.k8s.io", "", [("fieldManager", "FieldValueRequired", sentence)])
        applied = bodies.applied(where.kind, request)
        # Whose the fields are comes before what the object is called.
        merged = self.merged(where.kind, there, applied, where.subresource, request)
        if there is None:
            return self.create(where, never_seen(where, merged), request)
        return self.update(where, there, merged, request)

    def merged(self, kind: Kind, there: Stored | None, applied: Object, subresource: str, request: Request) -> Object:
        """Return an object as a server-side apply makes it, with the owners of its fields.

        Raises:
            Problem: 409, another manager owns a field and has another value.
        """
        return ownership.apply(
            shape(kind.model),
            there.content if there else None,
            applied,
            manager=request.query["fieldManager"],
            force=request.query.get("force", "false") in ("true", "1"),
            api_version=kind.api_version,
            subresource=subresource,
            now=request.now,
            resource=kind.resource,
        )

    def update(self, where: Route, there: Stored, sent: Object, request: Request) -> Stored:
        """Change an object to what is sent.

        Raises:
            Problem: it is refused.
        """
        kind, old = where.kind, there.content
        check_identity(kind, old, sent)
        if request.method == "PUT":
            check_uid(kind, old, sent)
        elif causes := [*bad_identity(old["metadata"], sent["metadata"])]:
            raise invalid(kind.qualified, where.name, [*causes, *causes])
        new = changed(where, old, sent, applied=request.applies)
        rules.check_change(kind, old, new)
        before = old if where.subresource else ownership.as_said(old, sent)
        return self.stored(kind, there, self.owned(kind, before, new, request, where.subresource), request.dry)

    def owned(self, kind: Kind, old: Object | None, new: Object, request: Request, subresource: str = "") -> Object:
        """Return an object with managedFields as after this write; one that was applied has them already."""
        if request.applies:
            return new
        return ownership.after_write(
            shape(kind.model),
            old,
            new,
            manager=request.writer,
            api_version=kind.api_version,
            subresource=subresource,
            now=request.now,
        )

    def stored(self, kind: Kind, there: Stored | None, content: Object, dry: bool) -> Stored:  # noqa: FBT001
        """Write an object, unless nothing changes; one whose last hold on life is gone is removed."""
        if there is not None and content == there.content:
            return there
        if dry:
            return Stored(kind, content)
        meta = content["metadata"]
        stays = held(content) or kind is kinds.NAMESPACES
        if there is not None and "deletionTimestamp" in meta and not stays:
            return self.store.remove(kind, content)
        return self.store.put(kind, content)

    def delete(self, there: Stored, asked: Deletion, request: Request) -> tuple[Stored, bool]:
        """Delete an object, or set it on its way; return it as it is then, and whether it is gone."""
        kind, content = there.kind, there.content
        meta = content["metadata"]
        check_preconditions(kind, meta, asked)
        if kind is kinds.NAMESPACES:
            if meta["name"] in _IMMORTAL:
                raise forbidden(kind.resource, meta["name"], "this namespace may not be deleted")
            if "deletionTimestamp" in meta:
                return there, False
            going = {
                **content,
                "metadata": {**meta, "deletionTimestamp": request.now},
                "status": {"phase": "Terminating"},
            }
            return self._kept(kind, going, asked), False
        marked = asked.marked(kind, content, request.now)
        if not held(marked):
            if not asked.dry:
                self.store.remove(kind, content)
            return Stored(kind, marked), True
        return there if marked == content else self._kept(kind, marked, asked), False

    def _kept(self, kind: Kind, content: Object, asked: Deletion) -> Stored:
        return Stored(kind, content) if asked.dry else self.store.put(kind, content)

    def _uid(self) -> str:
        bits = self._chance.getrandbits(128)
        digits = f"{bits & ~(0xF << 76) & ~(0x3 << 62) | (0x4 << 76) | (0x2 << 62):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _as_sent(content: Object, sent: Object) -> Object:
    """Return a new object as admission sees it: one whose name is to be generated has none yet."""
    name = {"name": sent["metadata"]["name"]} if sent["metadata"].get("name") else {}
    kept = {key: value for key, value in content["metadata"].items() if key != "name"}
    return {**content, "metadata": {**kept, **name}}


def _named_as(name: str, content: Object) -> Object:
    return {**content, "metadata": {**content["metadata"], "name": name}}
