"""Who owns which field of an object, and what does a server-side apply make of it? metadata.managedFields.

After apimachinery's managedfields and sigs.k8s.io/structured-merge-diff. The laws:
- What a write changes belongs to its writer; what it takes away, to nobody; all else stays whose it was.
- An apply takes back what its manager no longer says, unless somebody else owns it; it changes what is another's only
  by force.
- A write that changes nothing changes no entry and no time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.embedded.core.notation.schema import Unreadable, decoded
from plimsoll.embedded.core.ownership import configurations, fieldsets
from plimsoll.embedded.core.ownership.fieldsets import MEMBER, Fields, difference, intersection, union
from plimsoll.embedded.core.ownership.merging import compared, mentioned, merged, with_named_fields, without
from plimsoll.embedded.core.problem import Object, Problem, bad_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plimsoll.embedded.core.notation.schema import Shape

_UPDATE, _APPLY = "Update", "Apply"

_MOST_UPDATERS = 10
"""With more, the oldest are merged into one."""

_ANCIENT = "ancient-changes"
_BEFORE_FIRST_APPLY = "before-first-apply"

_NEVER_OWNED: Fields = {
    "f:apiVersion": MEMBER,
    "f:kind": MEMBER,
    "f:metadata": {
        ".": MEMBER,
        "f:creationTimestamp": MEMBER,
        "f:generation": MEMBER,
        "f:managedFields": MEMBER,
        "f:name": MEMBER,
        "f:namespace": MEMBER,
        "f:resourceVersion": MEMBER,
        "f:selfLink": MEMBER,
        "f:uid": MEMBER,
    },
}

_OF_THE_STATUS_PATH: Fields = {"f:status": MEMBER}
_OF_THE_MAIN_PATH: Fields = {"f:spec": MEMBER}
_RESET: dict[tuple[str, str], Fields] = {
    ("Deployment", ""): _OF_THE_STATUS_PATH,
    ("Deployment", "status"): {**_OF_THE_MAIN_PATH, "f:metadata": {"f:labels": MEMBER}},
    ("HorizontalPodAutoscaler", ""): _OF_THE_STATUS_PATH,
    ("HorizontalPodAutoscaler", "status"): _OF_THE_MAIN_PATH,
    ("Namespace", ""): _OF_THE_STATUS_PATH,
    ("Namespace", "finalize"): _OF_THE_STATUS_PATH,
    ("Namespace", "status"): _OF_THE_MAIN_PATH,
    ("Node", ""): _OF_THE_STATUS_PATH,
    ("Node", "status"): _OF_THE_MAIN_PATH,
    ("Pod", ""): _OF_THE_STATUS_PATH,
    ("Pod", "status"): {
        **_OF_THE_MAIN_PATH,
        "f:metadata": {"f:deletionTimestamp": MEMBER, "f:ownerReferences": MEMBER},
    },
    ("PodDisruptionBudget", ""): _OF_THE_STATUS_PATH,
    ("PodDisruptionBudget", "status"): _OF_THE_MAIN_PATH,
    ("ReplicaSet", ""): _OF_THE_STATUS_PATH,
    ("ReplicaSet", "status"): _OF_THE_MAIN_PATH,
    ("Service", ""): _OF_THE_STATUS_PATH,
    ("Service", "status"): _OF_THE_MAIN_PATH,
}
"""What a path resets, kind by kind: what is written there belongs to nobody."""


@dataclass(frozen=True, slots=True)
class _Writer:
    """Who writes, how and where: one entry of managedFields."""

    manager: str
    operation: str
    api_version: str
    subresource: str

    def wrote(self, entry: Object) -> bool:
        """Tell whether an entry is this writer's; an applier is the same in all versions."""
        return (
            entry.get("manager") == self.manager
            and entry.get("operation") == self.operation
            and entry.get("subresource", "") == self.subresource
            and (self.operation == _APPLY or entry.get("apiVersion") == self.api_version)
        )

    def entry(self, fields: Fields, time: str | None) -> Object:
        """Return the entry that says that these fields are this writer's."""
        return {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
            **({"time": time} if time else {}),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
            **({"subresource": self.subresource} if self.subresource else {}),
        }


def after_write(  # noqa: PLR0913  a write has these parts
    shape: Shape, old: Object | None, new: Object, *, manager: str, api_version: str, subresource: str, now: str
) -> Object:
    """Return `new` with managedFields as after a create, an update or a patch; `old` is None for a create.

    `subresource` is the one that is written to, "" for the object itself; `now` is RFC 3339, to the second.
    """
    entries = old.get("metadata", {}).get("managedFields", []) if old else []
    if old and not entries:
        return _with_entries(new, [])  # nobody has been written down so far, and it begins with a create or an apply
    removed, changed = compared(shape, old or {}, new)
    reset = _RESET.get((shape.name, subresource), {})
    taken = fieldsets.without_paths(difference(changed, _NEVER_OWNED), reset)
    removed = fieldsets.without_paths(removed, reset)
    writer = _Writer(manager or "unknown", _UPDATE, api_version, subresource)
    left = _reduced(entries, union(fieldsets.without_paths(changed, reset), removed))
    if taken:
        mine: Fields = next((each["fieldsV1"] for each in left if writer.wrote(each)), {})
        left = [each for each in left if not writer.wrote(each)]
        left = _capped([*left, writer.entry(union(taken, mine), now)])
    return _with_entries(new, left)


def as_said(live: Object, sent: Object) -> Object:
    """Return an object with the managedFields that what is sent says it has; with its own where they cannot be read.

    An empty entry alone says that nobody owns anything.
    """
    said = sent["metadata"].get("managedFields")
    if said is None or not (said == [{}] or all(map(_readable, said))):
        return live
    return _with_entries(live, [] if said == [{}] else said)


def _readable(entry: Object) -> bool:
    return entry.get("operation") in (_UPDATE, _APPLY) and isinstance(entry.get("fieldsV1"), dict)


def apply(  # noqa: PLR0913  an apply has these parts
    shape: Shape,
    live: Object | None,
    applied: Object,
    *,
    manager: str,
    force: bool,
    api_version: str,
    subresource: str,
    now: str,
    resource: str,  # noqa: ARG001  the real one does not name what it is about
) -> Object:
    """Return what a server-side apply makes of `live`, with managedFields; `live` is None where it creates.

    `applied` is best what was sent, without kind and apiVersion: `read` would drop the zeros that it speaks of, and so
    owns. An apply that changes nothing returns `live`.

    Raises:
        Problem: 409, another manager owns a field and has another value; 400, managedFields are applied; 500, the
            kind has no such field, or of another type.
    """
    meta = applied.get("metadata")
    if isinstance(meta, dict) and meta.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    configurations.check(shape, applied, api_version)
    entries = live.get("metadata", {}).get("managedFields", []) if live else []
    if live and not entries:
        before = after_write(
            shape,
            None,
            live,
            manager=_BEFORE_FIRST_APPLY,
            api_version=api_version,
            subresource=subresource,
            now=now,
        )
        entries = before["metadata"].get("managedFields", [])
    reset = _RESET.get((shape.name, subresource), {})
    said = fieldsets.without_paths(mentioned(shape, applied), reset)
    writer = _Writer(manager, _APPLY, api_version, subresource)
    last = next((each for each in entries if writer.wrote(each)), None)
    others = [each for each in entries if each is not last]

    there: Object = live or {}
    new: Object = merged(shape, there, applied)
    if last is not None:
        owned = _all_fields([*others, writer.entry(said, None)])
        new = _pruned(shape, new, last["fieldsV1"], owned)
    removed, changed = compared(shape, there, new)
    removed, changed = fieldsets.without_paths(removed, reset), fieldsets.without_paths(changed, reset)
    if not force:
        _check_conflicts(others, changed)
    others = _reduced(others, union(changed, removed))
    mine = difference(said, _NEVER_OWNED)
    if mine:
        time = now if there != new else (last or {}).get("time")
        others = [*others, writer.entry(mine, time)]
    try:
        result = _with_entries(decoded(shape, _with_entries(new, [])), others)
    except Unreadable as unreadable:
        kind = configurations.version_and_kind(shape, api_version)
        raise configurations.failed(
            f"failed to convert new object ({configurations.told(shape, applied, api_version)}) to proper version: "
            f"unable to convert unstructured object to {kind}: {unreadable.sentence(shape.name)}"
        ) from None
    return live if live and _timeless(live) == _timeless(result) else result


def _timeless(content: Object) -> Object:
    """An object without the times of its managedFields, which alone are no change."""
    meta = content.get("metadata", {})
    entries = [{**each, "time": ""} for each in meta.get("managedFields", ())]
    return {**content, "metadata": {**meta, "managedFields": sorted(entries, key=_identity)}}


# --- entries ---


def _reduced(entries: Iterable[Object], lost: Fields) -> list[Object]:
    """Return the entries without the fields that they lost; one that has none left is gone."""
    left = []
    for each in entries:
        fields: Fields = each["fieldsV1"]
        if not intersection(fields, lost):
            left.append(each)
        elif rest := difference(fields, lost):
            left.append({**each, "fieldsV1": rest})
    return left


def _capped(entries: list[Object]) -> list[Object]:
    """Merge the oldest updates into one, while there are too many of them."""
    updaters = [each for each in entries if each["operation"] == _UPDATE]
    if len(updaters) <= _MOST_UPDATERS:
        return entries
    others = [each for each in entries if each["operation"] != _UPDATE]
    updaters.sort(key=lambda each: (each.get("time", ""), _identity(each)))
    first: dict[str, int] = {}
    ancient: dict[str, Object] = {}
    count = len(updaters)
    gone: set[int] = set()
    for index, each in enumerate(updaters):
        if count <= _MOST_UPDATERS:
            break
        version = each["apiVersion"]
        if version not in first:
            first[version] = index
            ancient[version] = each
            continue
        fields = union(each["fieldsV1"], ancient[version]["fieldsV1"])
        ancient[version] = _Writer(_ANCIENT, _UPDATE, version, "").entry(fields, each.get("time"))
        gone |= {first[version], index}
        count -= 1
    buckets = [entry for version, entry in ancient.items() if first[version] in gone]
    return [*others, *buckets, *(each for index, each in enumerate(updaters) if index not in gone)]


def _with_entries(content: Object, entries: list[Object]) -> Object:
    meta = {key: value for key, value in (content.get("metadata") or {}).items() if key != "managedFields"}
    if entries:
        meta["managedFields"] = sorted(entries, key=_place)
    return {**content, "metadata": meta}


def _place(entry: Object) -> tuple[str, ...]:
    return (
        entry["operation"],
        entry.get("time", ""),
        entry["manager"],
        entry["apiVersion"],
        entry.get("subresource", ""),
    )


def _identity(entry: Object) -> tuple[str, ...]:
    return entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", "")


def _all_fields(entries: Iterable[Object]) -> Fields:
    fields: Fields = {}
    for each in entries:
        fields = union(fields, each["fieldsV1"])
    return fields


# --- applying ---


def _pruned(shape: Shape, together: Object, last: Fields, owned: Fields) -> Object:
    """Return an object without what its manager said `last` and nobody owns any more."""
    last = with_named_fields(shape, last)
    owned = with_named_fields(shape, owned)
    if not difference(last, owned):
        return together
    everything = with_named_fields(shape, mentioned(shape, together))
    pruned = without(shape, together, last) or {}
    kept = union(with_named_fields(shape, mentioned(shape, pruned)), owned)
    pruned = without(shape, together, difference(everything, kept)) or {}
    kept = with_named_fields(shape, mentioned(shape, pruned))
    result: Object = without(shape, together, intersection(difference(everything, kept), last)) or {}
    return result


def _check_conflicts(others: Iterable[Object], changed: Fields) -> None:
    conflicts = []
    for each in sorted(others, key=_identity):
        told = _told(each)
        conflicts += [(told, path) for path in fieldsets.paths(intersection(each["fieldsV1"], changed))]
    if not conflicts:
        return
    if len(conflicts) == 1:
        told, path = conflicts[0]
        sentence = f"Apply failed with 1 conflict: conflict with {told}: {path}"
    else:
        by_owner: dict[str, list[str]] = {}
        for told, path in conflicts:
            by_owner.setdefault(told, [f"conflicts with {told}:"]).append(f"- {path}")
        lines = "\n".join(line for lines in by_owner.values() for line in lines)
        sentence = f"Apply failed with {len(conflicts)} conflicts: {lines}"
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {told}", "field": path}
        for told, path in conflicts
    ]
    raise Problem(409, "Conflict", sentence, {"causes": causes})


def _told(entry: Mapping[str, str]) -> str:
    told = f'"{entry["manager"]}"'
    if entry.get("subresource"):
        told += f' with subresource "{entry["subresource"]}"'
    return f"{told} using {entry['apiVersion']}" if entry["operation"] == _UPDATE else told
