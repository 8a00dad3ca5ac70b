"""Which Kubernetes objects stand in a YAML text, and on which line stands what?

Merge keys (`<<`) are not followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST_LIST = 10


class UnreadableError(Exception):
    """The text is no YAML; the message says where and why, in one line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: text` of a mapping; `quoted_enough` is whether Kubernetes reads the text as a string."""

    key: str
    text: str
    line: int
    quoted_enough: bool
    twice: bool


@dataclass(frozen=True, slots=True)
class Document:
    """One object and the file that it stands in."""

    file: str
    node: yaml.MappingNode

    @property
    def line(self) -> int:
        """Where the object begins."""
        return _line(self.node)

    @property
    def name(self) -> str:
        """How people call it: Kind namespace/name."""
        path = [self.text("metadata", "namespace"), self.text("metadata", "name") or "(without a name)"]
        return f"{self.text('kind')} {'/'.join(filter(None, path))}"

    def text(self, *path: str) -> str:
        """Return the scalar at `path` as it is written; "" where there is none."""
        node = _at(self.node, path)
        return node.value if isinstance(node, yaml.ScalarNode) else ""

    def entries(self, *path: str) -> list[Entry]:
        """Return the mapping at `path`, in its order."""
        node = _at(self.node, path)
        if not isinstance(node, yaml.MappingNode):
            return []
        keys = [key.value if isinstance(key, yaml.ScalarNode) else "" for key, _ in node.value]
        return [
            Entry(
                key=key,
                text=value.value if isinstance(value, yaml.ScalarNode) else "",
                line=_line(key_node),
                quoted_enough=value.tag == "tag:yaml.org,2002:str",
                twice=key in keys[:at],
            )
            for at, (key, (key_node, value)) in enumerate(zip(keys, node.value, strict=True))
        ]


def documents(file: str, text: str) -> list[Document]:
    """Return the objects of a text, those in Lists one by one.

    Raises:
        UnreadableError: the text is no YAML.
    """
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        return [each for node in nodes for each in _objects(file, node, 0)]
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UnreadableError(f"{where}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UnreadableError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise UnreadableError("it is nested too deeply") from error


def _objects(file: str, node: yaml.Node | None, depth: int) -> Iterator[Document]:
    if not isinstance(node, yaml.MappingNode):
        return
    items = _at(node, ("items",))
    kind = _at(node, ("kind",))
    if kind is not None and kind.value[-4:] == "List" and isinstance(items, yaml.SequenceNode):
        # A list that holds itself, by an alias, has an end here.
        if depth < _DEEPEST_LIST:
            for item in items.value:
                yield from _objects(file, item, depth + 1)
    elif kind is not None:
        yield Document(file, node)


def _at(node: yaml.Node | None, path: tuple[str, ...]) -> yaml.Node | None:
    for name in path:
        if not isinstance(node, yaml.MappingNode):
            return None
        # The last of equal keys is the one that counts.
        node = next((value for key, value in reversed(node.value) if key.value == name), None)
    return node


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
