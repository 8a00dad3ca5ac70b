"""YAML says in JSON what it says to sigs.k8s.io/yaml."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.embedded.core.notation.from_yaml import from_yaml


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", None),
        ("a: 1", {"a": 1}),
        ("a: 2020-01-01T00:00:00Z", {"a": "2020-01-01T00:00:00Z"}),
        ("{1: a, true: b, 1.5: c}", {"1": "a", "true": "b", "1.5": "c"}),
        ("a: &x [{b: yes}]\nc: *x", {"a": [{"b": True}], "c": [{"b": True}]}),
        ("<<: {a: 1}\nb: 2", {"a": 1, "b": 2}),
        ("a: 1\n---\nb: 2", {"a": 1}),
    ],
)
def test_what_yaml_says_is_what_json_would_say(text: str, said: Any) -> None:
    assert from_yaml(text) == said


@pytest.mark.parametrize(
    "text", ["a: b: c", "!!python/name:os.system", "x: .nan", "? {a: b}\n: c", "x: !!set {a}", "x: !!binary aGk="]
)
def test_what_json_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        from_yaml(text)
