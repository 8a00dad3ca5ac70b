"""What does YAML say in JSON? As sigs.k8s.io/yaml has it: what looks like a time is text, and so is every key."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Hashable

_TIME = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, to which a time is text, and every key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: ARG002, FBT001, FBT002
        self.flatten_mapping(node)
        # As text before they are keys: to Python, 1 and true are the same one.
        return {
            _key(self.construct_object(key, deep=True)): self.construct_object(of, deep=True) for key, of in node.value
        }


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != _TIME]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def from_yaml(text: str) -> Any:
    """Return the first document of a text as JSON has it; None where there is none.

    Raises:
        ValueError: it is no YAML, or there is no JSON of it.
    """
    try:
        return _plain(next(yaml.load_all(text, _Loader), None))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case float() if not math.isfinite(value):
            raise ValueError(f"json: unsupported value: {value}")
        case None | bool() | int() | float() | str():
            return value
    raise ValueError(f"there is no JSON of {value!r}")


def _key(key: Any) -> str:
    match key:
        case str():
            return key
        case bool():
            return str(key).lower()
        case int() | float():
            return str(key)
    raise ValueError(f"there is no key in JSON of {key!r}")
