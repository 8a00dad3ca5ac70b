"""What does the API server answer to a request? The verbs of Kubernetes' API on the objects of the store.

What is not done here is refused with 501 and a sentence; nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.api import bodies
from plimsoll.embedded.core.api.accepting import check_accept
from plimsoll.embedded.core.api.changes import named
from plimsoll.embedded.core.api.deletion import deletion_asked
from plimsoll.embedded.core.api.discovery import document
from plimsoll.embedded.core.api.exchange import Answer, answer, not_allowed, success
from plimsoll.embedded.core.api.listing import Pages
from plimsoll.embedded.core.api.objects import Objects
from plimsoll.embedded.core.api.options import check_options, is_set
from plimsoll.embedded.core.api.routes import NOTHING_THERE, Route, route
from plimsoll.embedded.core.api.subresources import subresource_answer
from plimsoll.embedded.core.api.watching import Selection, Watching, version_of_list, version_of_one
from plimsoll.embedded.core.problem import Problem, invalid, not_found, not_implemented

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.embedded.core.api.exchange import Request
    from plimsoll.embedded.core.api.objects import Chance
    from plimsoll.embedded.core.api.store import Stored

_NEVER_WITHOUT_VERSION = (kinds.BUDGETS, kinds.LEASES)
"""The kinds of which nothing is put without the version that it was made from."""


class ApiServer:
    """The objects of a cluster, and what is answered about them."""

    def __init__(self, chance: Chance) -> None:
        self._objects = Objects(chance)
        self.store = self._objects.store
        self._pages = Pages()

    def answer(self, request: Request) -> Answer | Watching:
        """Carry a request out; whatever it is, there is an answer."""
        try:
            return self._carried_out(request)
        except Problem as problem:
            if problem.message == NOTHING_THERE:
                return Answer(404, f"{NOTHING_THERE}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})
            after = problem.details.get("retryAfterSeconds")
            headers = {"Retry-After": str(after)} if after else {}
            return Answer(problem.status, msgspec.json.encode(problem.body()), headers)

    def _carried_out(self, request: Request) -> Answer | Watching:
        try:
            return self._answer(request)
        except RecursionError:
            raise not_implemented("it reads no body that is nested as deeply as this one") from None

    def _answer(self, request: Request) -> Answer | Watching:
        if (found := document(request.path)) is not None:
            # The lists of groups do not look at the method.
            if request.method != "GET" and found.get("kind") not in ("APIGroup", "APIGroupList"):
                raise not_allowed()
            check_accept(request.accept)
            return answer(200, found)
        where = route(request.path)
        check_accept(request.accept)
        check_options(request)
        if where.subresource:
            return subresource_answer(self._objects, where, request)
        return self._about_one(where, request) if where.name else self._about_all(where, request)

    def _about_all(self, where: Route, request: Request) -> Answer | Watching:
        everywhere = where.kind.namespaced and not where.namespace
        match request.method:
            case "GET":
                return self._list_or_watch(where, request)
            case _ if everywhere:
                raise not_allowed()
            case "POST":
                return Answer(201, self._objects.create(where, bodies.content(where.kind, request), request).whole)
            case "DELETE" if where.kind is not kinds.NAMESPACES:
                return self._delete_all(where, request)
        raise not_allowed()

    def _about_one(self, where: Route, request: Request) -> Answer:
        match request.method:
            case "GET":
                self._check_reached(version_of_one(request.query))
                return Answer(200, self._objects.there(where).whole)
            case "PUT":
                return self._put(where, request)
            case "PATCH":
                return self._patch(where, request)
            case "DELETE":
                asked = deletion_asked(request)
                there = self._objects.there(where)
                return self._deleted(*self._objects.delete(there, asked, request))
        raise not_allowed()

    def compact(self) -> None:
        """Forget the past, as etcd does every five minutes: older versions and open lists are answered with 410."""
        self.store.compact()
        self._pages.forget()

    def _selected(self, where: Route, selection: Selection) -> list[Stored]:
        return [each for each in self.store.all(where.kind, where.namespace) if selection.holds(each.content)]

    def _list_or_watch(self, where: Route, request: Request) -> Answer | Watching:
        query = request.query
        selection = Selection.asked(where.kind, where.namespace, query)
        if is_set(query, "watch"):
            asked = version_of_one(query)
            fresh = not asked  # none, or "0": whatever there is
            seconds = int(query.get("timeoutSeconds") or 0)
            _check_watch(query, seconds)
            return Watching(
                where.kind,
                selection,
                self.store.version if fresh else asked or 0,
                tuple(self._selected(where, selection)) if fresh else None,
                bookmarks=is_set(query, "allowWatchBookmarks"),
                timeout_s=float(seconds) if query.get("timeoutSeconds") else None,
            )
        self._check_reached(version_of_list(query))
        page = self._pages.page(where, query, self.store.version, lambda: self._selected(where, selection))
        return Answer(200, page)

    def _check_reached(self, asked: int | None) -> None:
        if asked is not None and asked > self.store.version:
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            sentence = f"Timeout: Too large resource version: {asked}, current: {self.store.version}"
            raise Problem(504, "Timeout", sentence, {"causes": [cause], "retryAfterSeconds": 1})

    def _put(self, where: Route, request: Request) -> Answer:
        sent = bodies.content(where.kind, request)
        there = self.store.get(where.kind, where.namespace, where.name)
        if there is None:
            if where.kind not in (kinds.LEASES, kinds.EVENTS):
                raise not_found(where.kind.resource, where.name)
            meta = {key: value for key, value in sent["metadata"].items() if key != "resourceVersion"}
            return Answer(201, self._objects.create(where, named(where, {**sent, "metadata": meta}), request).whole)
        if where.kind in _NEVER_WITHOUT_VERSION and sent["metadata"].get("resourceVersion", "0") in ("", "0"):
            named(where, sent)
            sentence = "Invalid value: 0: must be specified for an update"
            raise invalid(
                where.kind.resource, where.name, [("metadata.resourceVersion", "FieldValueInvalid", sentence)]
            )
        return Answer(200, self._objects.update(where, there, sent, request).whole)

    def _patch(self, where: Route, request: Request) -> Answer:
        bodies.check_patch_type(request)
        there = self.store.get(where.kind, where.namespace, where.name)
        if request.applies:
            return Answer(200 if there else 201, self._objects.apply(where, there, request).whole)
        if there is None:
            raise not_found(where.kind.resource, where.name)
        return Answer(200, self._objects.patch(where, there, request).whole)

    def _deleted(self, there: Stored, gone: bool) -> Answer:  # noqa: FBT001
        if not gone or there.kind in (kinds.PODS, kinds.SERVICES):
            return Answer(200, there.whole)
        meta, kind = there.content["metadata"], there.kind
        about = {"name": meta["name"], **({"group": kind.group} if kind.group else {}), "kind": kind.plural}
        return answer(200, success({**about, "uid": meta["uid"]}))

    def _delete_all(self, where: Route, request: Request) -> Answer:
        asked = deletion_asked(request)
        for name in ("continue", "limit", "resourceVersion"):
            if request.query.get(name, "0") not in ("", "0"):
                raise not_implemented(f"deleting many with {name}: all that are selected now go at once")
        selected = self._selected(where, Selection.asked(where.kind, where.namespace, request.query))
        for each in selected:
            self._objects.delete(each, asked, request)
        return Answer(200, bodies.list_of(where.kind, selected, self.store.version))


def _check_watch(query: Mapping[str, str], seconds: int) -> None:
    """Hold what only a list may say, and the time, against a watch.

    Raises:
        Problem: 422 for the rest of a list; 501 for less than no time.
    """
    if query.get("continue"):
        sentence = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
        raise invalid("ListOptions.meta.k8s.io", "", [("resourceVersionMatch", "FieldValueForbidden", sentence)])
    if seconds < 0:
        raise not_implemented("a watch that has ended before it began")
