"""A namespace is authorised by projects; labels choose among those and authorise none."""

from __future__ import annotations

import pytest

from extender.core.quota.projects import Project, Projects, Unauthorised

SEARCH = Project("search", 1000, (), ("shared", "search"))
VISION = Project("vision", 1000, (), ("shared",))
PROJECTS = Projects((VISION, SEARCH))
BOTH = ("search", "vision")


@pytest.mark.parametrize(
    ("says", "namespace", "label", "namespace_label", "project"),
    [
        ("the only project of a namespace needs no label", "search", "", "", SEARCH),
        ("a label may name the only project", "search", "search", "", SEARCH),
        ("a pod's label chooses", "shared", "vision", "", VISION),
        ("a namespace's label chooses", "shared", "", "vision", VISION),
        ("a pod's label counts before its namespace's", "shared", "search", "vision", SEARCH),
        ("a pod's own choice stands whatever its namespace's label says", "search", "search", "gone", SEARCH),
        ("no project and no label is no project", "other", "", "", None),
        ("several and no label", "shared", "", "", Unauthorised("shared", "", "", BOTH)),
        ("a project of other namespaces", "search", "vision", "", Unauthorised("search", "pod", "vision", ("search",))),
        ("a project that is none", "shared", "x", "", Unauthorised("shared", "pod", "x", BOTH)),
        ("a label where nothing is authorised", "other", "search", "", Unauthorised("other", "pod", "search", ())),
        ("a namespace's label", "search", "", "x", Unauthorised("search", "namespace", "x", ("search",))),
    ],
)
def test_a_pod_belongs_to_the_project_that_its_labels_choose_among_those_of_its_namespace(
    says: str, namespace: str, label: str, namespace_label: str, project: object
) -> None:
    assert PROJECTS.chosen(namespace, label, namespace_label) == project, says


def test_without_any_project_labels_say_nothing() -> None:
    assert Projects().chosen("search", "search", "vision") is None


def test_a_refusal_names_the_label_its_value_and_the_projects_that_are_authorised() -> None:
    assert str(Unauthorised("shared", "pod", "x", BOTH)) == (
        'label plimsoll.dev/project of the pod: "x" must be a project that config-projects authorises for namespace '
        "shared (search, vision)"
    )
    assert str(Unauthorised("shared", "", "", BOTH)) == (
        "label plimsoll.dev/project of the pod or of its namespace shared must name one of the projects that "
        "config-projects authorises for this namespace (search, vision): neither has it"
    )
    assert str(Unauthorised("other", "namespace", "x", ())).endswith("for namespace other (none)")
