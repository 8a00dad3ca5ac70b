"""What is done to an object through its subresources: scale, status, binding, eviction, and a namespace's finalize?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.api import bodies
from plimsoll.embedded.core.api.binding import bound, check_binding, check_target
from plimsoll.embedded.core.api.changes import changed, check_identity, check_uid
from plimsoll.embedded.core.api.deletion import Deletion, check_preconditions
from plimsoll.embedded.core.api.eviction import charged, with_disruption_target
from plimsoll.embedded.core.api.exchange import Answer, answer, not_allowed, success
from plimsoll.embedded.core.api.routes import Route
from plimsoll.embedded.core.api.scale import patched, scale_of
from plimsoll.embedded.core.problem import Object, conflict, invalid, not_implemented
from plimsoll.embedded.core.rules import table as rules

if TYPE_CHECKING:
    from plimsoll.embedded.core.api.exchange import Request
    from plimsoll.embedded.core.api.objects import Objects
    from plimsoll.embedded.core.api.store import Stored

_IDENTITY = ("name", "namespace", "uid", "resourceVersion")


def subresource_answer(objects: Objects, where: Route, request: Request) -> Answer:
    """Carry out a request to a subresource.

    Raises:
        Problem: it is refused.
    """
    match where.subresource, request.method:
        case "status", "GET":
            return Answer(200, objects.there(where).whole)
        case "status", "PUT":
            sent = bodies.content(where.kind, request)
            return Answer(200, objects.update(where, objects.there(where), sent, request).whole)
        case "status", "PATCH":
            bodies.check_patch_type(request)
            return Answer(200, objects.patch(where, objects.there(where), request).whole)
        case "finalize", "PUT":
            sent = bodies.content(where.kind, request)
            return _finalize(objects, objects.there(where), sent, request)
        case "scale", "GET":
            return answer(200, scale_of(objects.there(where).content))
        case "scale", "PUT" | "PATCH":
            return _scale(objects, where, request)
        case "binding", "POST":
            return _bind(objects, where, request)
        case "eviction", "POST":
            return _evict(objects, where, request)
    raise not_allowed()


def _scale(objects: Objects, where: Route, request: Request) -> Answer:
    if request.applies:
        raise not_implemented("server-side apply to a scale; it merges patches and applies to the object itself")
    if request.method == "PUT":
        put = bodies.posted("Scale", ("autoscaling/v1",), request)
        there = objects.there(where)
    else:
        bodies.check_patch_type(request)
        there = objects.there(where)
        put = patched(scale_of(there.content), request)
    asked = {"spec": {}, "metadata": {}, **put}
    replicas = asked["spec"].get("replicas", 0)
    wanted = _rescaled(where, there.content, asked["metadata"], replicas, request)
    main = Route(where.kind, where.namespace, where.name, "")
    check_identity(where.kind, there.content, wanted)
    new = changed(main, there.content, wanted, applied=False)
    if new["spec"]["replicas"] < 0:
        sentence = f"Invalid value: {new['spec']['replicas']}: must be greater than or equal to 0"
        raise invalid("Scale.autoscaling", where.name, [("spec.replicas", "FieldValueInvalid", sentence)])
    content = objects.owned(where.kind, there.content, new, request, "scale")
    return answer(200, scale_of(objects.stored(where.kind, there, content, request.dry).content))


def _rescaled(where: Route, old: Object, said: Object, replicas: int, request: Request) -> Object:
    """Return the object with other replicas; `said` is the metadata of the Scale, with its UID and version."""
    kept = {key: value for key, value in old["metadata"].items() if key not in _IDENTITY}
    identity = {key: said[key] for key in _IDENTITY if key in said}
    new = {**old, "metadata": {**kept, **identity}, "spec": {**old["spec"], "replicas": replicas}}
    uid, was = said.get("uid"), old["metadata"]["uid"]
    if request.method == "PUT":
        check_uid(where.kind, old, new)
    elif uid and uid != was:
        resource = f"{where.kind.plural}/scale.{where.kind.group}"
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {was}"
        raise conflict(resource, where.name, why)
    return new


def _bind(objects: Objects, where: Route, request: Request) -> Answer:
    binding = bodies.posted("Binding", ("v1",), request)
    check_binding(where.namespace, where.name, binding)
    there = objects.there(where)
    objects.stored(kinds.PODS, there, bound(there.content, binding, request.now), request.dry)
    return answer(201, success())


def _evict(objects: Objects, where: Route, request: Request) -> Answer:
    """Evict a pod: charge its budget first, then hold the preconditions against it, as the API server does."""
    eviction = bodies.posted("Eviction", ("policy/v1", "policy/v1beta1"), request)
    check_target("Eviction", where.namespace, where.name, eviction)
    asked = Deletion.of(eviction.get("deleteOptions", {}), request.query)
    there = objects.there(where)
    budgets = [each.content for each in objects.store.all(kinds.BUDGETS, there.content["metadata"]["namespace"])]
    paid = charged(there.content, budgets, request.now)
    if paid is not None and not asked.dry:
        objects.store.put(kinds.BUDGETS, paid)
    check_preconditions(kinds.PODS, there.content["metadata"], asked)
    evicted = objects.stored(kinds.PODS, there, with_disruption_target(there.content, request.now), asked.dry)
    objects.delete(evicted, replace(asked, version=None), request)
    return answer(201, success())


def _finalize(objects: Objects, there: Stored, sent: Object, request: Request) -> Answer:
    """Take a namespace's finalizers away; without any, one that is going is gone."""
    check_identity(there.kind, there.content, sent)
    finalizers = sent.get("spec", {}).get("finalizers", [])
    main = Route(there.kind, "", there.content["metadata"]["name"], "")
    new = changed(main, there.content, sent, applied=False)
    new = {**new, "spec": {"finalizers": finalizers} if finalizers else {}}
    rules.check_change(there.kind, there.content, new)
    content = objects.owned(there.kind, there.content, new, request, "finalize")
    if "deletionTimestamp" in content["metadata"] and not finalizers and not request.dry:
        return Answer(200, objects.store.remove(there.kind, content).whole)
    return Answer(200, objects.stored(there.kind, there, content, request.dry).whole)
