from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.embedded.core.ownership import fieldsets
from plimsoll.embedded.core.ownership.fieldsets import MEMBER, Fields, difference, intersection, union

Paths = frozenset[tuple[str, ...]]
PATHS = st.frozensets(st.lists(st.sampled_from(["f:a", "f:b", 'v:"c"']), min_size=1, max_size=3).map(tuple), max_size=8)


def _tree(paths: Paths) -> Fields:
    tree: Fields = {}
    for path in sorted({path[0] for path in paths}):
        below = frozenset(each[1:] for each in paths if each[0] == path and len(each) > 1)
        found = fieldsets.node(_tree(below), member=(path,) in paths)
        assert found is not None
        tree[path] = found
    return tree


@given(PATHS, PATHS)
def test_the_operations_on_trees_are_those_on_sets_of_paths(one: Paths, other: Paths) -> None:
    assert union(_tree(one), _tree(other)) == _tree(one | other)
    assert difference(_tree(one), _tree(other)) == _tree(one - other)
    assert intersection(_tree(one), _tree(other)) == _tree(one & other)


@given(PATHS, PATHS)
def test_without_paths_takes_what_is_below_too(one: Paths, other: Paths) -> None:
    left = frozenset(path for path in one if not any(path[: len(gone)] == gone for gone in other))
    assert fieldsets.without_paths(_tree(one), _tree(other)) == _tree(left)


def test_keys_are_sorted_and_escaped_as_go_does() -> None:
    assert fieldsets.item({"protocol": "TCP", "containerPort": 80}) == 'k:{"containerPort":80,"protocol":"TCP"}'
    assert fieldsets.item({"mountPath": "/a&b"}) == 'k:{"mountPath":"/a\\u0026b"}'
    assert fieldsets.value("a/b") == 'v:"a/b"'


def test_paths_are_told_as_in_sentences() -> None:
    tree = {
        "f:spec": {
            "f:containers": {'k:{"name":"c"}': {".": MEMBER, "f:image": MEMBER}},
            "f:replicas": MEMBER,
        },
        "f:metadata": {"f:finalizers": {'v:"x"': MEMBER}},
    }
    assert list(fieldsets.paths(tree)) == [
        '.metadata.finalizers[="x"]',
        ".spec.replicas",
        '.spec.containers[name="c"]',
        '.spec.containers[name="c"].image',
    ]
