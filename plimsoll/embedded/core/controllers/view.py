"""What is there, as the watches have shown it? Every object by kind and UID, and who belongs to whom."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, TypeVar

from plimsoll.embedded.core import kinds
from plimsoll.embedded.core.controllers.owners import controller_of

if TYPE_CHECKING:
    from plimsoll.embedded.core.kinds import Kind
    from plimsoll.embedded.core.problem import Object

_GONE_REMEMBERED = 20_000

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class View:
    """The objects of all kinds. `changed_at` is when the watch showed an object as it is now."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[str, Object]] = defaultdict(dict)
        self._by_name: dict[tuple[Kind, str, str], str] = {}
        self._changed_at: dict[str, float] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._dependents: dict[str, dict[str, Kind]] = defaultdict(dict)
        self._controlled: dict[tuple[Kind, str], dict[str, None]] = defaultdict(dict)
        self._uncontrolled: dict[str, dict[str, None]] = defaultdict(dict)
        self._pods_on: dict[str, dict[str, None]] = defaultdict(dict)
        self._in: dict[tuple[Kind, str], dict[str, None]] = defaultdict(dict)

    def put(self, kind: Kind, thing: Object, now: float) -> Object | None:
        """Take an object in as it is now; return it as it was."""
        uid = thing["metadata"]["uid"]
        before = self._objects[kind].get(uid)
        if before is not None:
            self._unlink(kind, before)
        self._objects[kind][uid] = thing
        self._changed_at[uid] = now
        self._link(kind, thing)
        return before

    def remove(self, kind: Kind, uid: str) -> Object | None:
        """Forget an object; return its last state."""
        before = self._objects[kind].pop(uid, None)
        if before is not None:
            self._unlink(kind, before)
            self._changed_at.pop(uid, None)
            self._gone[uid] = None
            if len(self._gone) > _GONE_REMEMBERED:
                self._gone.popitem(last=False)
        return before

    def get(self, kind: Kind, uid: str) -> Object | None:
        """Return an object."""
        return self._objects[kind].get(uid)

    def named(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return the object of a name."""
        uid = self._by_name.get((kind, namespace, name))
        return None if uid is None else self._objects[kind].get(uid)

    def all(self, kind: Kind) -> list[Object]:
        """Return the objects of a kind."""
        return list(self._objects[kind].values())

    def within(self, kind: Kind, namespace: str) -> list[Object]:
        """Return the objects of a kind in a namespace."""
        there = self._objects[kind]
        return [there[uid] for uid in self._in.get((kind, namespace), ())]

    def changed_at(self, uid: str) -> float:
        """Return when an object became what it is now."""
        return self._changed_at.get(uid, 0.0)

    def version(self, kind: Kind, uid: str) -> int:
        """Return the version of an object that was shown last, 0 where none was."""
        thing = self._objects[kind].get(uid)
        return int(thing["metadata"]["resourceVersion"]) if thing else 0

    def is_gone(self, uid: str) -> bool:
        """Tell whether an object was there and was deleted."""
        return uid in self._gone

    def dependents(self, uid: str) -> list[tuple[Kind, str]]:
        """Return kind and UID of what an object owns."""
        return [(kind, each) for each, kind in self._dependents.get(uid, {}).items()]

    def controlled(self, kind: Kind, controller: str) -> list[Object]:
        """Return the objects of a kind whose controller has this UID."""
        there = self._objects[kind]
        return [there[uid] for uid in self._controlled.get((kind, controller), ())]

    def pods_on(self, node: str) -> list[Object]:
        """Return the pods that are bound to a node."""
        pods = self._objects[kinds.PODS]
        return [pods[uid] for uid in self._pods_on.get(node, ())]

    def without_controller(self, namespace: str) -> list[Object]:
        """Return the pods of a namespace that nobody controls."""
        pods = self._objects[kinds.PODS]
        return [pods[uid] for uid in self._uncontrolled.get(namespace, ())]

    def _link(self, kind: Kind, thing: Object) -> None:
        meta = thing["metadata"]
        uid, namespace = meta["uid"], meta.get("namespace", "")
        self._by_name[kind, namespace, meta["name"]] = uid
        self._in[kind, namespace][uid] = None
        for reference in meta.get("ownerReferences") or ():
            self._dependents[reference["uid"]][uid] = kind
        if controller := controller_of(thing):
            self._controlled[kind, controller["uid"]][uid] = None
        elif kind is kinds.PODS:
            self._uncontrolled[namespace][uid] = None
        if kind is kinds.PODS and (node := thing["spec"].get("nodeName")):
            self._pods_on[node][uid] = None

    def _unlink(self, kind: Kind, thing: Object) -> None:
        meta = thing["metadata"]
        uid, namespace = meta["uid"], meta.get("namespace", "")
        key = (kind, namespace, meta["name"])
        if self._by_name.get(key) == uid:
            del self._by_name[key]
        _drop(self._in, (kind, namespace), uid)
        for reference in meta.get("ownerReferences") or ():
            _drop(self._dependents, reference["uid"], uid)
        if controller := controller_of(thing):
            _drop(self._controlled, (kind, controller["uid"]), uid)
        elif kind is kinds.PODS:
            _drop(self._uncontrolled, namespace, uid)
        if kind is kinds.PODS and (node := thing["spec"].get("nodeName")):
            _drop(self._pods_on, node, uid)


def _drop(index: dict[_Key, dict[str, _Value]], key: _Key, uid: str) -> None:
    there = index.get(key, {})
    there.pop(uid, None)
    if not there:
        index.pop(key, None)
