"""Which Kubernetes objects stand in a YAML text, and on which line stands what?

Merge keys (`<<`) are not followed: they stand among the entries.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRING, _NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"


class UnreadableError(Exception):
    """The text is no YAML; the message says where and why, in one line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: text` of a mapping; `quoted_enough` is whether Kubernetes reads the text as a string.

    `merges` says that it is no key of its own but brings others: `<<`.
    """

    key: str
    text: str
    line: int
    quoted_enough: bool
    twice: bool
    merges: bool = False


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
        name = f"{self.text('kind')} {'/'.join(filter(None, path))}"
        # One line of a terminal whatever it holds.
        return "".join(each if each.isprintable() else "?" for each in name)

    def text(self, *path: str) -> str:
        """Return the scalar at `path` as it is written; "" where there is none."""
        node = _at(self.node, path)
        return node.value if isinstance(node, yaml.ScalarNode) else ""

    def entries(self, *path: str) -> list[Entry]:
        """Return the mapping at `path`, in its order."""
        node = _at(self.node, path)
        if not isinstance(node, yaml.MappingNode):
            return []
        found, keys = [], set[str]()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "(a key that is no text)"
            found.append(
                Entry(
                    key=name,
                    text=value.value if isinstance(value, yaml.ScalarNode) else "",
                    line=_line(key),
                    quoted_enough=value.tag == _STRING and isinstance(key, yaml.ScalarNode),
                    twice=name in keys,
                    merges=key.tag == "tag:yaml.org,2002:merge",
                )
            )
            keys.add(name)
        return found

    def misshapen(self, *path: str) -> int | None:
        """Return the line of what stands at `path` and is no mapping; None where it is one, or nothing stands there."""
        node = _at(self.node, path)
        absent = node is None or isinstance(node, yaml.MappingNode) or node.tag == _NULL
        return None if absent or node is None else _line(node)


def documents(file: str, text: str) -> list[Document]:
    """Return the objects of a text, those in Lists one by one.

    Raises:
        UnreadableError: the text is no YAML.
    """
    try:
        nodes = list(yaml.compose_all(_without_tabs(text), Loader=yaml.SafeLoader))
        seen = set[int]()
        return [each for node in nodes for each in _objects(file, node, seen)]
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UnreadableError(f"{where}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UnreadableError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise UnreadableError("it is nested too deeply") from error


def _without_tabs(text: str) -> str:
    """Return JSON without the tabs that it may be indented with, and YAML may not; any other text as it is."""
    if "\t" not in text or not text.lstrip().startswith("{"):
        return text
    try:
        json.loads(text)
    except ValueError:
        return text
    return text.replace("\t", " ")  # in a JSON string a tab is written otherwise


def _objects(file: str, node: yaml.Node | None, seen: set[int]) -> Iterator[Document]:
    """Yield the objects of a node, each once: aliases can make a list hold itself, or one object a million times."""
    if not isinstance(node, yaml.MappingNode) or id(node) in seen:
        return
    seen.add(id(node))
    items = _at(node, ("items",))
    kind = _at(node, ("kind",))
    if kind is not None and kind.value[-4:] == "List" and isinstance(items, yaml.SequenceNode):
        for item in items.value:
            yield from _objects(file, item, seen)
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
