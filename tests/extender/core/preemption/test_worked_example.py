"""What docs/preemption.md works out comes out so."""

from __future__ import annotations

import pytest

from extender.core.preemption.settings import Scope
from extender.core.quota.projects import Project, Projects
from tests.extender.core.preemption.playing import Cluster, part, until, whole


def example(over: int, scope: Scope) -> list[str]:
    """Return who leaves; `over`: by how many milli-GPU vision exceeds its quota."""
    quotas = {"search": 8000, "vision": 1000 - over, "audio": 8000}
    cluster = Cluster(nodes=3, scope=scope)
    projects = (Project(name, milli, (), (name,)) for name, milli in quotas.items())
    cluster.scheduling.projects_are(Projects(tuple(projects)))
    for name in ("a-0", "a-1"):
        cluster.train(name, part(500), "n0")
    cluster.now = 10 * 3600.0 - 300.0
    cluster.train("b", whole(), "n1", of="audio")
    cluster.now += 240.0
    cluster.train("c", whole(), "n2", of="search", priority=60)
    cluster.now += 60.0
    cluster.pod("serve", whole())
    until(cluster, ["serve"])
    return cluster.evicted


@pytest.mark.parametrize(
    ("over", "scope", "leave"),
    [
        (1000, Scope.ANY, ["a-0", "a-1"]),
        (300, Scope.ANY, ["b"]),
        (300, Scope.BORROWED, ["c"]),
    ],
)
def test_the_example_of_the_documentation(over: int, scope: Scope, leave: list[str]) -> None:
    assert sorted(example(over, scope)) == leave
