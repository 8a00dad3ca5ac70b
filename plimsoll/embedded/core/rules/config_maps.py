"""What may a ConfigMap hold, and when may it change?"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.notation.names import Cause
    from plimsoll.embedded.core.problem import Object

_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_LIMIT = 1024 * 1024  # bytes of all values


def bad_config_map(config_map: Object) -> Iterator[Cause]:
    """Yield what is wrong with a ConfigMap."""
    texts, binaries = config_map.get("data", {}), config_map.get("binaryData", {})
    for field, keys in (("data", texts), ("binaryData", binaries)):
        for key in keys:
            if rule := _key_rule(key):
                yield f"{field}[{key}]", "FieldValueInvalid", f'Invalid value: "{key}": {rule}'
            if field == "data" and key in binaries:
                sentence = f'Invalid value: "{key}": duplicate of key present in binaryData'
                yield f"data[{key}]", "FieldValueInvalid", sentence
    size = sum(len(text.encode()) for text in texts.values())
    size += sum(len(base64.b64decode(text)) for text in binaries.values())
    if size > _LIMIT:
        yield "[]", "FieldValueTooLong", f"Too long: may not be more than {_LIMIT} bytes"


def _key_rule(key: str) -> str:
    if len(key) > 253:
        return "must be no more than 253 characters"
    if not _KEY.fullmatch(key):
        return _KEY_RULE
    if key in (".", ".."):
        return f"must not be '{key}'"
    return "must not start with '..'" if key.startswith("..") else ""


def bad_config_map_change(old: Object, new: Object) -> Iterator[Cause]:
    """Yield what of an immutable ConfigMap is changed."""
    if not old.get("immutable"):
        return
    sentence = "Forbidden: field is immutable when `immutable` is set"
    if not new.get("immutable"):
        yield "immutable", "FieldValueForbidden", sentence
    for field in ("data", "binaryData"):
        if old.get(field) != new.get(field):
            yield field, "FieldValueForbidden", sentence
