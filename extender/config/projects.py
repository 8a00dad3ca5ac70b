"""The key `projects` of config-projects: a YAML list, read as it is written, and the projects that it comes to.

Every scalar counts by its text, so that a name may be `yes` or `1`, and a quota is never a floating-point number.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import yaml

from extender.core.quota.projects import Project, Projects
from kube.gpus import WHOLE
from kube.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY = "projects"
_NULL = "tag:yaml.org,2002:null"
_FIELDS = ("name", "quota", "models", "namespaces")
_MOST_GPUS = 1_000_000
_LONGEST = 512 * 1024  # characters: what a ConfigMap may hold is a million, and reading takes a second for each half

_GPUS = re.compile(r"(?=\.?[0-9])([0-9]{0,7})(?:\.([0-9]{0,3})0*)?")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

_A_LIST = "a YAML list of projects, each with name, quota and namespaces"
_A_PROJECT = "a mapping with name, quota, namespaces and, where single models are limited, models"
_A_QUOTA = f"a number of GPUs from 0 to {_MOST_GPUS}, a multiple of 0.001"
_A_NAME = "a name as labels have it: up to 63 letters, digits, hyphens, dots or underscores"
_NAMESPACES = "a list of namespaces, at least one"
_A_NAMESPACE = "the name of a namespace: up to 63 lower-case letters, digits or hyphens"
_MODELS = "a mapping of models, as the label nvidia.com/gpu.product has them, to GPUs"


def projects(data: Mapping[str, str]) -> tuple[Projects, tuple[Problem, ...]]:
    """Read config-projects' data; where there is any problem, the projects are not to be used."""
    text = data.get(KEY, "")
    if len(text) > _LONGEST:
        return Projects(), (Problem(KEY, text, f"at most {_LONGEST} characters long"),)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        said = f"YAML (line {line + 1}: {error.problem or error.context})"
        return Projects(), (Problem(KEY, _line_of(text, line), said),)
    except (yaml.YAMLError, RecursionError) as error:
        return Projects(), (Problem(KEY, text, f"YAML ({' '.join(str(error).split())})"),)
    reading = _Reading()
    found = tuple(reading.projects(node)) if node is not None and not _empty(node) else ()
    return Projects(tuple(sorted(found, key=lambda one: one.name))), tuple(reading.problems)


class _Reading:
    """Reads nodes of YAML, and goes on after each problem."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def projects(self, node: yaml.Node) -> Iterator[Project]:
        """Yield what could be read of each project of a list."""
        if not isinstance(node, yaml.SequenceNode):
            self._problem(KEY, node, _A_LIST)
            return
        first: dict[str, str] = {}
        for number, one in enumerate(node.value):
            path = f"{KEY}[{number}]"
            if not isinstance(one, yaml.MappingNode):
                self._problem(path, one, _A_PROJECT)
                continue
            project = self._project(path, one)
            if project.name and project.name in first:
                said = f"the name of one project only: {first[project.name]} has it too"
                self.problems.append(Problem(f"{path}.name", project.name, said))
            first.setdefault(project.name, path)
            yield project

    def _project(self, path: str, node: yaml.MappingNode) -> Project:
        fields = self._fields(path, node)
        for name, value in fields.items():
            if name not in _FIELDS:
                self._problem(f"{path}.{name}", value, f"left out: a project has {', '.join(_FIELDS)}")
        name = self._text(f"{path}.name", fields.get("name"), _NAME, _A_NAME)
        quota = self._gpus(f"{path}.quota", fields.get("quota"))
        models = self._models(f"{path}.models", fields.get("models"))
        return Project(name, quota, models, self._namespaces(f"{path}.namespaces", fields.get("namespaces")))

    def _models(self, path: str, node: yaml.Node | None) -> tuple[tuple[str, int], ...]:
        if _empty(node):
            return ()
        if not isinstance(node, yaml.MappingNode):
            self._problem(path, node, _MODELS)
            return ()
        found = []
        for model, value in self._fields(path, node).items():
            if not _NAME.fullmatch(model):
                self.problems.append(Problem(path, model, _A_NAME))
            found.append((model, self._gpus(f"{path}.{model}", value)))
        return tuple(sorted(found))

    def _namespaces(self, path: str, node: yaml.Node | None) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._problem(path, node, _NAMESPACES)
            return ()
        read = [self._text(f"{path}[{number}]", one, _NAMESPACE, _A_NAMESPACE) for number, one in enumerate(node.value)]
        for name, count in Counter(read).items():
            if name and count > 1:
                self.problems.append(Problem(path, name, "there once: it is there twice"))
        return tuple(sorted({name for name in read if name}))

    def _fields(self, path: str, node: yaml.MappingNode) -> dict[str, yaml.Node]:
        """Return the values of a mapping by key, the first of each; `<<` is a key like others."""
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(path, key, "a mapping whose keys are texts")
            elif key.value in found:
                self._problem(f"{path}.{key.value}", value, "there once: the key is there twice")
            else:
                found[key.value] = value
        return found

    def _text(self, path: str, node: yaml.Node | None, pattern: re.Pattern[str], rule: str) -> str:
        if isinstance(node, yaml.ScalarNode) and not _empty(node) and pattern.fullmatch(node.value):
            return str(node.value)
        self._problem(path, node, rule)
        return ""

    def _gpus(self, path: str, node: yaml.Node | None) -> int:
        found = _GPUS.fullmatch(node.value) if isinstance(node, yaml.ScalarNode) else None
        if found is not None:
            milli = int(found[1] or "0") * WHOLE + int((found[2] or "").ljust(3, "0"))
            if milli <= _MOST_GPUS * WHOLE:
                return milli
        self._problem(path, node, _A_QUOTA)
        return 0

    def _problem(self, path: str, node: yaml.Node | None, rule: str) -> None:
        self.problems.append(Problem(path, _shown(node), rule))


def _empty(node: yaml.Node | None) -> bool:
    return node is None or node.tag == _NULL


def _shown(node: yaml.Node | None) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if node is None:
        return ""
    return "(a list)" if isinstance(node, yaml.SequenceNode) else "(a mapping)"


def _line_of(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number].strip() if number < len(lines) else ""
