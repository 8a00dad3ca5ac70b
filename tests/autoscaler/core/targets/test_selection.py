"""A selector's text chooses what Kubernetes would choose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.targets.selection import BadSelectorError, selector
from plimsoll.embedded.core.notation.selectors import LabelSelector

POD = {"app": "chat", "tier": "gold", "gpus": "4"}


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("app=chat", True),
        ("app==chat", True),
        ("app=other", False),
        ("app!=other", True),
        ("absent!=anything", True),
        ("app!=chat", False),
        ("tier in (gold,silver)", True),
        ("tier in ( silver , bronze )", False),
        ("tier notin (silver)", True),
        ("absent notin (x)", True),
        ("tier notin (gold)", False),
        ("gpus", True),
        ("absent", False),
        ("!absent", True),
        ("!gpus", False),
        ("gpus>3", True),
        ("gpus<4", False),
        ("tier>1", False),
        ("app=chat,tier in (gold),gpus,!spot", True),
        ("app=chat, tier in (gold), spot", False),
        ("app=", False),
        ("in=x", False),
    ],
)
def test_a_selector_chooses_by_labels(text: str, chosen: bool) -> None:  # noqa: FBT001
    assert selector(text).matches(POD) is chosen


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the selector is empty"),
        ("  ", "the selector is empty"),
        ("app=a=b", 'the selector "app=a=b" cannot be read from "app=a=b" on'),
        ("app in gold", 'the selector "app in gold" cannot be read from "app in gold" on'),
        ("app=chat,(x)", 'the selector "app=chat,(x)" cannot be read from "(x)" on'),
        ("app=chat,", 'the selector "app=chat," ends with a comma'),
        ("gpus>many", 'the selector compares gpus with "many", which is no whole number'),
    ],
)
def test_a_text_that_is_no_selector_is_told(text: str, sentence: str) -> None:
    with pytest.raises(BadSelectorError) as told:
        selector(text)
    assert str(told.value) == sentence


def test_the_label_that_all_chosen_have_is_the_first_by_key() -> None:
    assert selector("b=1,a in (x),c in (x,y)").equality() == ("a", "x")
    assert selector("c in (x,y),!d,e").equality() is None


_KEYS, _VALUES = st.sampled_from(["a", "b", "example.com/c"]), st.sampled_from(["x", "y", "1", "2"])
_TERMS = st.one_of(
    _KEYS,
    _KEYS.map("!{}".format),
    st.builds("{}{}{}".format, _KEYS, st.sampled_from(["=", "==", "!="]), _VALUES),
    st.builds("{}{}{}".format, _KEYS, st.sampled_from("<>"), st.sampled_from("12")),
    st.builds(
        lambda key, of, values: f"{key} {of} ({','.join(values)})",
        _KEYS,
        st.sampled_from(["in", "notin"]),
        st.lists(_VALUES, min_size=1, max_size=3),
    ),
)


@given(st.lists(_TERMS, min_size=1, max_size=4).map(",".join), st.dictionaries(_KEYS, _VALUES))
def test_it_chooses_what_the_embedded_api_server_chooses(text: str, labels: dict[str, str]) -> None:
    assert selector(text).matches(labels) is LabelSelector.parse(text).matches(labels)


@given(st.lists(_TERMS, min_size=1, max_size=4).map(",".join), st.dictionaries(_KEYS, _VALUES))
def test_what_is_chosen_has_the_label_that_all_have(text: str, labels: dict[str, str]) -> None:
    found = selector(text)
    label = found.equality()
    if label is not None and found.matches(labels):
        assert labels[label[0]] == label[1]
