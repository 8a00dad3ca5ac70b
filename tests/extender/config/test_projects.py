"""config-projects is read as it is written, and every problem is told at once with its path, its value and its rule."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from extender.config.projects import projects
from extender.core.quota.projects import Project, Projects

GPUS = "a number of GPUs from 0 to 1000000, a multiple of 0.001"


def read(text: str) -> tuple[tuple[Project, ...], list[str]]:
    found, problems = projects({"projects": dedent(text)})
    return found.every, [str(each) for each in problems]


def test_a_map_without_projects_has_none() -> None:
    for data in ({}, {"projects": ""}, {"projects": "# none yet\n"}, {"projects": "[]"}, {"_example": "projects: 1"}):
        assert projects(data) == (Projects(), ())


def test_a_project_is_read_with_its_quotas_in_thousandths_and_its_namespaces() -> None:
    text = """
        - name: search
          quota: 11.25
          models: {NVIDIA-L4: 4, NVIDIA-A100-SXM4-80GB: "0.5"}
          namespaces: [search-dev, search]
        - {name: batch, quota: 2, namespaces: [b]}
    """
    models = (("NVIDIA-A100-SXM4-80GB", 500), ("NVIDIA-L4", 4000))
    search = Project("search", 11_250, models, ("search", "search-dev"))
    assert read(text) == ((Project("batch", 2000, (), ("b",)), search), [])


@pytest.mark.parametrize(
    ("text", "milli"), [("0", 0), ("1", 1000), ("'1'", 1000), (".5", 500), ("0.001", 1), ("2.500000", 2500)]
)
def test_a_quota_is_read_exactly(text: str, milli: int) -> None:
    assert read(f"- {{name: a, quota: {text}, namespaces: [a]}}") == ((Project("a", milli, (), ("a",)),), [])


@pytest.mark.parametrize("text", ["-1", "1.0005", "many", "1e3", "1_000", "0x10", ".", "", ".nan", "[1]", "1000001"])
def test_a_quota_that_is_no_number_of_gpus_is_told(text: str) -> None:
    shown = "(a list)" if text == "[1]" else text
    _, problems = read(f"- {{name: a, quota: {text}, namespaces: [a]}}")
    assert problems == [f'projects[0].quota: "{shown}" must be {GPUS}']


def test_a_name_is_what_is_written_whatever_yaml_takes_it_for() -> None:
    found, problems = read("- {name: yes, quota: 1, namespaces: [1, on]}")
    assert (found, problems) == ((Project("yes", 1000, (), ("1", "on")),), [])


def test_every_problem_is_told_at_once() -> None:
    text = """
        - {name: a, quota: -1, namespaces: [a]}
        - {name: a, quota: 1, namespaces: []}
        - {name: b, quota: 1, namespaces: [b, b], colour: red}
        - {name: c, quota: 1, quota: 2, namespaces: [c], models: {L4: x, L4: 1, "": 1}}
        - just a name
        - {name: -d, quota: 1, namespaces: [D]}
        - {quota: 1}
    """
    project = "a mapping with name, quota, namespaces and, where single models are limited, models"
    namespace = "the name of a namespace: up to 63 lower-case letters, digits or hyphens"
    name = "a name as labels have it: up to 63 letters, digits, hyphens, dots or underscores"
    namespaces = "a list of namespaces, at least one"
    assert read(text)[1] == [
        f'projects[0].quota: "-1" must be {GPUS}',
        f'projects[1].namespaces: "(a list)" must be {namespaces}',
        'projects[1].name: "a" must be the name of one project only: projects[0] has it too',
        'projects[2].colour: "red" must be left out: a project has name, quota, models, namespaces',
        'projects[2].namespaces: "b" must be there once: it is there twice',
        'projects[3].quota: "2" must be there once: the key is there twice',
        'projects[3].models.L4: "1" must be there once: the key is there twice',
        f'projects[3].models.L4: "x" must be {GPUS}',
        f'projects[3].models: "" must be {name}',
        f'projects[4]: "just a name" must be {project}',
        f'projects[5].name: "-d" must be {name}',
        f'projects[5].namespaces[0]: "D" must be {namespace}',
        f'projects[6].name: "" must be {name}',
        f'projects[6].namespaces: "" must be {namespaces}',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- name: a\n quota: 1\n", 'projects: "quota: 1" must be YAML (line 2: '),
        ("name: a", 'projects: "(a mapping)" must be a YAML list of projects'),
        ("a: [", 'projects: "a: [" must be YAML (line 1: '),
        ("- a\n---\n- b\n", 'projects: "---" must be YAML (line 2: '),
        ("- &a [*a]", 'projects[0]: "(a list)" must be a mapping with name'),
        ("- {<<: {name: a}, quota: 1, namespaces: [a]}", 'projects[0].<<: "(a mapping)" must be left out'),
        ("- {[a]: 1}", 'projects[0]: "(a list)" must be a mapping whose keys are texts'),
        ("[" * 10_000, 'projects: "[[[[[[['),
        ("\x00", "projects: "),
        ("# " + "x" * 600_000, "projects: "),
    ],
)
def test_what_is_no_list_of_projects_is_told_and_not_guessed(text: str, said: str) -> None:
    found, problems = projects({"projects": text})
    assert problems
    assert str(problems[0]).startswith(said), str(problems[0])
    assert len(str(problems[0])) < 400
    assert not [one for one in found.every if one.name]


def test_the_shipped_map_sets_no_project_and_its_example_is_in_order() -> None:
    data = yaml.safe_load(Path("deploy/base/config-projects.yaml").read_text())["data"]
    assert projects(data) == (Projects(), ())
    found, problems = projects(yaml.safe_load(data["_example"]))
    assert not problems
    assert [one.name for one in found.every] == ["search", "vision"]
