from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.embedded.core.controllers.differences import difference

leaves = st.one_of(st.integers(), st.text(max_size=3), st.booleans(), st.lists(st.integers(), max_size=2))
objects = st.dictionaries(
    st.sampled_from("abc"), st.recursive(leaves, lambda inner: st.dictionaries(st.sampled_from("abc"), inner))
)


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch as RFC 7386 section 2 writes it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(objects, objects)
def test_the_patch_leads_from_the_one_to_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(old, difference(old, new)) == new


@given(objects)
def test_what_is_equal_needs_no_patch(same: dict[str, Any]) -> None:
    assert difference(same, same) == {}
