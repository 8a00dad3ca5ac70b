"""Which project does a pod belong to? One that authorises its namespace; labels choose among those, and authorise none.

The pod's own label counts first, then its namespace's. Without either, the only project that authorises the namespace
is meant. Where no project is configured, nobody reads the labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL = "plimsoll.dev/project"


@dataclass(frozen=True)
class Project:
    """A project: its `quota` in milli-GPU, those of single models, and the `namespaces` that it authorises."""

    name: str
    quota: int
    models: tuple[tuple[str, int], ...] = ()
    namespaces: tuple[str, ...] = ()

    @cached_property
    def by_model(self) -> Mapping[str, int]:
        """The quota of each model that has one, in milli-GPU."""
        return dict(self.models)


@dataclass(frozen=True, slots=True)
class Unauthorised:
    """A pod whose project nobody can tell: what chooses it (`by`, "" where nothing does) names none of `authorised`."""

    namespace: str
    by: str
    value: str
    authorised: tuple[str, ...]

    def __str__(self) -> str:
        among = ", ".join(self.authorised) or "none"
        if not self.by:
            return (
                f"label {LABEL} of the pod or of its namespace {self.namespace} must name one of the projects that "
                f"config-projects authorises for this namespace ({among}): neither has it"
            )
        return (
            f'label {LABEL} of the {self.by}: "{self.value}" must be a project that config-projects authorises for '
            f"namespace {self.namespace} ({among})"
        )


@dataclass(frozen=True)
class Projects:
    """All projects, by name."""

    every: tuple[Project, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.every)

    def named(self, name: str) -> Project | None:
        """Return the project of a name."""
        return self._by_name.get(name)

    def authorised(self, namespace: str) -> tuple[str, ...]:
        """Return the names of the projects that authorise a namespace, sorted."""
        return self._authorised.get(namespace, ())

    def chosen(self, namespace: str, label: str, namespace_label: str) -> Project | Unauthorised | None:
        """Return the project of a pod by its own label and its namespace's ("" = none); None: it is in no project."""
        authorised = self.authorised(namespace)
        by, value = ("pod", label) if label else ("namespace", namespace_label) if namespace_label else ("", "")
        if by and self.every:
            return self._by_name[value] if value in authorised else Unauthorised(namespace, by, value, authorised)
        if len(authorised) > 1:
            return Unauthorised(namespace, by, value, authorised)
        return self._by_name[authorised[0]] if authorised else None

    @cached_property
    def _by_name(self) -> dict[str, Project]:
        return {project.name: project for project in self.every}

    @cached_property
    def _authorised(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for project in sorted(self.every, key=lambda one: one.name):
            for namespace in project.namespaces:
                found[namespace] = (*found.get(namespace, ()), project.name)
        return found
