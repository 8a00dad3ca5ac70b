"""Which label selectors may stand in an object? After apimachinery's validation of LabelSelector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from plimsoll.embedded.core.notation.names import label_value, qualified_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.embedded.core.notation.names import Cause
    from plimsoll.embedded.core.problem import Object


def told(value: Any) -> str:
    """Return a value as the API server writes it into a sentence."""
    return msgspec.json.encode(value).decode()


def bad_selector(selector: Object, where: str) -> Iterator[Cause]:
    """Yield what is wrong with a label selector in the field `where`."""
    for key, value in selector.get("matchLabels", {}).items():
        if rule := qualified_name(key):
            yield f"{where}.matchLabels", "FieldValueInvalid", f'Invalid value: "{key}": {rule}'
        if rule := label_value(value):
            yield f"{where}.matchLabels", "FieldValueInvalid", f'Invalid value: "{value}": {rule}'
    for index, expression in enumerate(selector.get("matchExpressions", ())):
        yield from _bad_expression(expression, f"{where}.matchExpressions[{index}]")


def _bad_expression(expression: Object, where: str) -> Iterator[Cause]:
    operator, values = expression.get("operator", ""), expression.get("values", ())
    if operator in ("In", "NotIn"):
        if not values:
            sentence = "Required value: must be specified when `operator` is 'In' or 'NotIn'"
            yield f"{where}.values", "FieldValueRequired", sentence
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            sentence = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield f"{where}.values", "FieldValueForbidden", sentence
    else:
        sentence = f'Invalid value: "{operator}": not a valid selector operator'
        yield f"{where}.operator", "FieldValueInvalid", sentence
    if rule := qualified_name(expression.get("key", "")):
        yield f"{where}.key", "FieldValueInvalid", f'Invalid value: "{expression.get("key", "")}": {rule}'
    for index, value in enumerate(values):
        if rule := label_value(value):
            yield f"{where}.values[{index}]", "FieldValueInvalid", f'Invalid value: "{value}": {rule}'
