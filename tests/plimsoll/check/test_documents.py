from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.check.documents import UnreadableError, documents

TWO = """# a comment
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data:
  a: "1"
  b: 2
  a: x
---
kind: List
items:
  - kind: Pod
    metadata:
      name: two
      namespace: ml
  - kind: PodList
    items:
      - kind: Pod
---
"""


def test_every_object_is_found_with_its_line() -> None:
    found = documents("f.yaml", TWO)
    assert [(each.file, each.line, each.name) for each in found] == [
        ("f.yaml", 2, "ConfigMap one"),
        ("f.yaml", 12, "Pod ml/two"),
        ("f.yaml", 18, "Pod (without a name)"),
    ]


def test_every_entry_has_its_line_and_what_kubernetes_would_say_to_it() -> None:
    entries = documents("f.yaml", TWO)[0].entries("data")
    assert [(each.key, each.text, each.line, each.quoted_enough, each.twice) for each in entries] == [
        ("a", "1", 6, True, False),
        ("b", "2", 7, False, False),
        ("a", "x", 8, True, True),
    ]
    assert documents("f.yaml", TWO)[0].text("data", "a") == "x"


def test_what_is_not_there_is_empty() -> None:
    (found,) = documents("f.yaml", "kind: Pod\nmetadata: [1]\nspec:\n")
    assert found.entries("spec") == found.entries("metadata", "labels") == found.entries("nowhere") == []
    assert found.text("metadata", "name") == found.text("kind", "x") == ""


@pytest.mark.parametrize("text", ["", "---\n---\n", "[1, 2]", "just text", "a: 1", "kind: List\nitems: [1, null]"])
def test_what_is_no_object_is_passed_over(text: str) -> None:
    assert documents("f.yaml", text) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "line 1: expected the node content, but found '<stream end>'"),
        ("kind: A\n  b: c", "line 2: mapping values are not allowed here"),
        ("a: {{ .Values.x }}\n\tb: 1", "line 2: found character '\\t' that cannot start any token"),
        ("a: *b", "line 1: found undefined alias 'b'"),
        ("a: \x00", "unacceptable character #x0000: special characters are not allowed in"),
        ("[" * 20_000, "it is nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_one_sentence(text: str, complaint: str) -> None:
    with pytest.raises(UnreadableError) as error:
        documents("f.yaml", text)
    assert str(error.value).startswith(complaint)
    assert str(error.value).isprintable()


def test_a_million_aliases_of_one_object_are_that_object() -> None:
    text = "a0: &a0 {kind: Pod, metadata: {name: p}}\n"
    for level in range(1, 9):
        text += f"a{level}: &a{level} {{kind: List, items: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n"
    assert [each.name for each in documents("f.yaml", text + "kind: List\nitems: [*a8]\n")] == ["Pod p"]


def test_json_may_be_indented_with_tabs_and_yaml_may_not() -> None:
    (found,) = documents("f.json", '{\n\t"kind": "Pod",\n\t"metadata": {"name": "a\\tb"}\n}')
    assert (found.name, found.text("metadata", "name")) == ("Pod a?b", "a\tb")
    with pytest.raises(UnreadableError, match=r"line 2: found character '\\t'"):
        documents("f.yaml", "{kind: Pod,\n\t a: b}")


def test_what_is_no_mapping_has_its_line() -> None:
    (found,) = documents("f.yaml", "kind: ConfigMap\ndata: [x]\nmetadata:\nspec: {}\n")
    assert [found.misshapen(name) for name in ("data", "metadata", "spec", "status")] == [2, None, None, None]


def test_a_list_that_holds_itself_ends() -> None:
    assert documents("f.yaml", "&a\nkind: List\nitems: [*a, {kind: Pod}]") != []


@given(st.text("kind: List\n-[]{}&*a'\"|>?!%@#"))
def test_any_text_is_read_or_unreadable(text: str) -> None:
    try:
        for each in documents("f.yaml", text):
            each.entries("metadata", "annotations")
            assert each.name
    except UnreadableError:
        pass
