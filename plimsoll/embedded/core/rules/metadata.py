"""What may stand in an object's metadata, whatever its kind? After apimachinery's validation of ObjectMeta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.embedded.core.notation.names import Cause, dns_label, dns_subdomain, label_value, qualified_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ANNOTATIONS_LIMIT = 256 * 1024  # bytes of all keys and values
_STANDARD_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")
_OF_AN_OWNER = ("apiVersion", "kind", "name", "uid")
_SET_ONCE = ("uid", "deletionTimestamp", "deletionGracePeriodSeconds")


def bad_metadata(meta: Mapping[str, Any], *, short_name: bool) -> Iterator[Cause]:
    """Yield what is wrong with a new object's metadata; `short_name`: its name is a DNS label."""
    name_rule = dns_label if short_name else dns_subdomain
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
    for key, value in meta.get("labels", {}).items():
        if rule := qualified_name(key):
            yield _invalid("metadata.labels", key, rule)
        if rule := label_value(value):
            yield _invalid("metadata.labels", value, rule)
    yield from _bad_annotations(meta.get("annotations", {}))
    for owner in meta.get("ownerReferences", ()):
        yield from _bad_owner(owner)
    for name in meta.get("finalizers", ()):
        if rule := qualified_name(name):
            yield _invalid("metadata.finalizers", name, rule)
    for index, name in enumerate(meta.get("finalizers", ())):
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            rule = "name is neither a standard finalizer name nor is it fully qualified"
            yield _invalid(f"metadata.finalizers[{index}]", name, rule)


def _bad_annotations(annotations: Mapping[str, str]) -> Iterator[Cause]:
    for key in annotations:
        if rule := qualified_name(key.lower()):
            yield _invalid("metadata.annotations", key, rule)
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        sentence = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        yield "metadata.annotations", "FieldValueTooLong", sentence


def _bad_owner(owner: Mapping[str, Any]) -> Iterator[Cause]:
    for key in _OF_AN_OWNER:
        if not owner.get(key):
            rule = "version must not be empty" if key == "apiVersion" else "must not be empty"
            yield _invalid(f"metadata.ownerReferences.{key}", "", rule)


def _invalid(field: str, value: str, rule: str) -> Cause:
    return field, "FieldValueInvalid", f'Invalid value: "{value}": {rule}'
