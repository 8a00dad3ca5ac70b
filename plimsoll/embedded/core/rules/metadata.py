"""What may stand in an object's metadata, whatever its kind? After apimachinery's validation of ObjectMeta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation.names import Cause, label_value, qualified_name
from plimsoll.embedded.core.rules.label_rules import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_ANNOTATIONS_LIMIT = 256 * 1024  # bytes of all keys and values
_STANDARD_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")
_OF_AN_OWNER = ("apiVersion", "kind", "name", "uid")
_SET_ONCE = ("uid", "deletionTimestamp", "deletionGracePeriodSeconds")


def bad_metadata(meta: Mapping[str, Any], name_rule: Callable[[str], str]) -> Iterator[Cause]:
    """Yield what is wrong with a new object's metadata; `name_rule` says what is wrong with its name."""
    # What is generated begins a name: a hyphen at its end is none of the whole name.
    beginning = meta.get("generateName", "")
    if beginning and (rule := name_rule(beginning.removesuffix("-") + "a" * beginning.endswith("-"))):
        yield _invalid("metadata.generateName", beginning, rule)
    if rule := name_rule(meta["name"]):
        yield _invalid("metadata.name", meta["name"], rule)
    yield from _bad_anyway(meta)


def bad_metadata_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what is wrong with the metadata that a change makes."""
    yield from _bad_anyway(new)
    if "deletionTimestamp" in old:
        added = sorted(set(new.get("finalizers", ())) - set(old.get("finalizers", ())))
        if added:
            told = ", ".join(f'"{each}"' for each in added)
            why = "no new finalizers can be added if the object is being deleted, found new finalizers"
            yield "metadata.finalizers", "FieldValueForbidden", f"Forbidden: {why} []string{{{told}}}"


def bad_identity(old: Mapping[str, Any], sent: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield what a change tries to make of that which is set once; what it leaves out stays."""
    for key in _SET_ONCE:
        if sent.get(key) and sent[key] != old.get(key):
            told = f'"{sent[key]}"' if isinstance(sent[key], str) else sent[key]
            yield f"metadata.{key}", "FieldValueInvalid", f"Invalid value: {told}: field is immutable"


def _bad_anyway(meta: Mapping[str, Any]) -> Iterator[Cause]:
    yield from bad_tags(meta, "metadata")
    yield from _bad_owners(meta.get("ownerReferences", ()))
    for name in meta.get("finalizers", ()):
        if rule := qualified_name(name):
            yield _invalid("metadata.finalizers", name, rule)
    for index, name in enumerate(meta.get("finalizers", ())):
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            rule = "name is neither a standard finalizer name nor is it fully qualified"
            yield _invalid(f"metadata.finalizers[{index}]", name, rule)


def bad_tags(meta: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """Yield what is wrong with labels and annotations; `path` is where the API server says that they stand."""
    for key, value in meta.get("labels", {}).items():
        if rule := qualified_name(key):
            yield _invalid(f"{path}.labels", key, rule)
        if rule := label_value(value):
            yield _invalid(f"{path}.labels", value, rule)
    annotations = meta.get("annotations", {})
    for key in annotations:
        if rule := qualified_name(key.lower()):
            yield _invalid(f"{path}.annotations", key, rule)
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        sentence = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        yield f"{path}.annotations", "FieldValueTooLong", sentence


def _bad_owners(owners: Sequence[Mapping[str, Any]]) -> Iterator[Cause]:
    for owner in owners:
        yield from _bad_owner(owner)
    controllers = [f"{each.get('kind', '')}/{each.get('name', '')}" for each in owners if each.get("controller")]
    for other in controllers[1:]:
        rule = (
            'Only one reference can have Controller set to true. Found "true" in references for '
            f"{controllers[0]} and {other}"
        )
        yield (
            "metadata.ownerReferences",
            "FieldValueInvalid",
            f"Invalid value: {told([_in_order(each) for each in owners])}: {rule}",
        )


def _bad_owner(owner: Mapping[str, Any]) -> Iterator[Cause]:
    for key in _OF_AN_OWNER:
        value = owner.get(key, "")
        if key == "apiVersion" and (not value or value.count("/") > 1):
            yield _invalid(f"metadata.ownerReferences.{key}", value, "version must not be empty")
        elif not value:
            yield _invalid(f"metadata.ownerReferences.{key}", "", "must not be empty")
    if (owner.get("apiVersion"), owner.get("kind")) == ("v1", "Event"):
        rule = "/v1, Kind=Event is disallowed from being an owner"
        yield "metadata.ownerReferences", "FieldValueInvalid", f"Invalid value: {told(_in_order(owner))}: {rule}"


def _in_order(owner: Mapping[str, Any]) -> Mapping[str, Any]:
    flags = {key: owner[key] for key in ("controller", "blockOwnerDeletion") if key in owner}
    return {key: owner.get(key, "") for key in _OF_AN_OWNER} | flags


def _invalid(field: str, value: str, rule: str) -> Cause:
    return field, "FieldValueInvalid", f'Invalid value: "{value}": {rule}'
