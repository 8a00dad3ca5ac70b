"""The predicates against the real kube-scheduler: 10,000 pairs of a random pod and a random node, judged by both."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.e2e.constrained import Cases
from tests.e2e.judging import PODS, Compared, clean_up, judge
from tests.e2e.refusing import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local import LocalCluster

AT_LEAST = 20
"""How often each predicate must refuse a node, and let one pass, for the comparison to say something of it."""
PLUGINS = {
    "InterPodAffinity",
    "NodeAffinity",
    "NodeDeclaredFeatures",
    "NodePorts",
    "NodeResourcesFit",
    "NodeUnschedulable",
    "PodTopologySpread",
    "TaintToleration",
    "VolumeBinding",
    "VolumeRestrictions",
    "VolumeZone",
}
ALL_NODES_BY_NAME = "node(s) didn't satisfy plugin"
"""How kube-scheduler begins to speak of nodes that it did not look at, as the pod names others."""


@pytest.fixture(scope="module")
def compared(
    cluster: LocalCluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compared]:
    seed = request.config.getoption("--seed")
    chance = random.Random(seed)  # noqa: S311  no secrets
    cases = Cases(chance, f"p{uuid.uuid4().hex[:5]}")
    try:
        yield judge(cluster, cases, tmp_path_factory.mktemp("predicates"))
    finally:
        cluster.call(lambda api: clean_up(api, cases))


def test_the_same_nodes_suit_as_with_kube_scheduler(compared: Compared) -> None:
    differing = []
    for one in compared.judged:
        for name, fits in zip(compared.names, one.checks.fits.tolist(), strict=True):
            if fits != (name in one.passed):
                reasons = one.checks.reasons(compared.names.index(name))
                differing.append((one.pod.metadata.name, name, reasons or "we let it pass", one.told))
    assert not differing, f"{len(differing)} of {len(compared.judged) * len(compared.names)}: {differing[:5]}"


def test_nothing_that_these_pods_demand_is_unmodelled(compared: Compared) -> None:
    assert [one.checks.demands.unmodelled for one in compared.judged if one.checks.demands.unmodelled] == []


def test_the_reasons_are_those_of_kube_scheduler(compared: Compared) -> None:
    """It tells how many nodes it refused for each reason."""
    alike = 0
    for one in compared.judged:
        if ALL_NODES_BY_NAME in one.told or "terms conflict" in one.told:
            continue
        reasons: Counter[str] = Counter()
        for index in range(len(compared.names)):
            reasons.update(one.checks.reasons(index) or (REFUSED,))
        told = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        assert one.told.startswith(f"0/{len(compared.names)} nodes are available: {told}."), one.pod
        alike += 1
    assert alike > PODS * 3 // 4


def test_every_predicate_has_been_put_to_the_test(compared: Compared) -> None:
    """Each lets pass and refuses some of the nodes that those before it have let pass: there it decides."""
    passed: Counter[tuple[str, str]] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    for one in compared.judged:
        reached = np.ones(len(compared.names), dtype=np.bool_)
        for verdict in one.checks.verdicts():
            key = verdict.plugin, verdict.reason
            refused[key] += int((reached & ~verdict.passes).sum())
            reached = reached & verdict.passes
            passed[key] += int(reached.sum())
    assert len(compared.judged) * len(compared.names) >= 10_000
    tested = {key for key in passed if key[0] != "NodeName"}  # a pod with spec.nodeName is bound already
    assert {plugin for plugin, _ in tested} == PLUGINS
    assert {key: (refused[key], passed[key]) for key in tested if min(refused[key], passed[key]) < AT_LEAST} == {}
