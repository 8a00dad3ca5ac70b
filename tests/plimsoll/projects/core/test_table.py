from extender.core.accounts import Account
from extender.core.quota.kinds import Kind
from extender.core.quota.projects import Project
from plimsoll.projects.core.table import projects_table


def test_each_project_has_a_line_in_gpus_and_each_model_with_a_quota_one_below() -> None:
    held = {Kind.INFERENCE: 4000, Kind.BUILD: 500, Kind.TRAIN: 9000, Kind.FOREIGN: 0}
    search = Account(Project("search", 11_000, (("NVIDIA-L4", 4000),), ("s",)), held, {"NVIDIA-L4": 4500}, 3, 2250)
    vision = Account(Project("vision", 250, (), ("v",)), dict.fromkeys(Kind, 0), {})
    assert projects_table([search, vision]).splitlines() == [
        "PROJECT            QUOTA  LEFT  INFERENCE  BUILD  FOREIGN  TRAIN  OVER  PODS WAIT   FOR",
        "search                11   6.5          4    0.5        0      9   2.5          3  2.25",
        "  of it NVIDIA-L4      4     0",
        "vision              0.25  0.25          0      0        0      0     0          0",
    ]


def test_without_projects_it_says_where_they_are_named() -> None:
    assert projects_table([]) == "no projects: name some in config-projects, in the namespace of the extender"
