from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from extender.core.quota.projects import Project, Projects
from tests.plimsoll.gpus.telling import pod, scheduling, telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from extender.core.scheduling import Scheduling

    Call = Callable[..., tuple[Any, str]]


def with_projects() -> Scheduling:
    s = scheduling()
    s.projects_are(Projects((Project("search", 2000, (("T4", 500),), ("chat",)), Project("vision", 0, (), ("v",)))))
    s.pod_seen(pod("p"))
    return s


def test_projects_prints_the_table_of_all_or_of_those_that_are_meant(call: Call) -> None:
    with telling(with_projects()) as (address, _):
        assert [line.split()[0] for line in call("projects", "--server", address)[1].splitlines()] == [
            "PROJECT",
            "search",
            "of",
            "vision",
        ]
        assert call("projects", "v*", "--server", address)[1].splitlines()[1].startswith("vision")
        assert call("projects", "x", "--server", address)[1].startswith("no projects")


def test_as_json_it_has_the_names_of_the_proto(call: Call) -> None:
    with telling(with_projects()) as (address, _):
        status, said = call("projects", "search", "--server", address, "-o", "json")
    assert status == 0
    assert json.loads(said) == {
        "projects": [
            {
                "name": "search",
                "quota_milli": 2000,
                "namespaces": ["chat"],
                "inference_milli": 0,
                "build_milli": 0,
                "train_milli": 0,
                "foreign_milli": 0,
                "over_milli": 0,
                "waiting_pods": 1,
                "waiting_milli": 500,
                "models": [{"model": "T4", "quota_milli": 500, "used_milli": 0}],
            }
        ]
    }
