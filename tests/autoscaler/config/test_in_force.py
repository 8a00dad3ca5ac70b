"""The last good configuration is in force; what was never good holds; and what is not allowed any more is not asked."""

from __future__ import annotations

from autoscaler.config.in_force import AUTOSCALER_MAP, DEPLOYMENT_MAP, InForce
from autoscaler.core.inventory import Target
from autoscaler.core.model import WorkloadKey

TARGET, QUERY = "autoscaling.knative.dev/target", "plimsoll.dev/query"


def target(**annotations: str) -> Target:
    keys = {"target": TARGET, "query": QUERY}
    return Target(WorkloadKey("u", "ns", "chat"), 1, {keys[key]: value for key, value in annotations.items()})


def test_without_a_map_the_defaults_are_in_force() -> None:
    configured = InForce().workload(target())
    assert (configured.resolved.policy.total, configured.hold, configured.problems) == (100.0, "", ())


def test_a_bad_map_changes_nothing_and_one_that_never_was_good_holds() -> None:
    in_force = InForce()
    bad = {"container-concurrency-target-default": "ten"}
    assert in_force.put_map(AUTOSCALER_MAP, bad)
    assert in_force.unproven(AUTOSCALER_MAP)
    assert "config-autoscaler has problems" in in_force.workload(target()).hold
    assert in_force.put_map(AUTOSCALER_MAP, {"container-concurrency-target-default": "10"}) == ()
    assert in_force.put_map(AUTOSCALER_MAP, bad)
    configured = in_force.workload(target())
    assert (configured.resolved.policy.total, configured.hold) == (10.0, "")
    in_force.drop_map(AUTOSCALER_MAP)
    assert in_force.put_map(AUTOSCALER_MAP, bad)
    assert (in_force.workload(target()).resolved.policy.total, in_force.workload(target()).hold) == (100.0, "")


def test_each_map_that_never_was_good_is_named() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"stable-window": "1s"})
    in_force.put_map(DEPLOYMENT_MAP, {"progress-deadline": "soon"})
    assert "config-autoscaler and config-deployment have problems" in in_force.workload(target()).hold


def test_a_bad_annotation_keeps_the_last_good_configuration_and_holds_where_there_was_none() -> None:
    in_force = InForce()
    assert "no earlier configuration" in in_force.workload(target(target="ten")).hold
    assert in_force.workload(target(target="10")).resolved.policy.total == 10.0
    configured = in_force.workload(target(target="ten"))
    assert (configured.resolved.policy.total, configured.hold, len(configured.problems)) == (10.0, "", 1)


def test_a_query_that_is_not_allowed_any_more_is_not_asked_any_more() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"allow-custom-queries": "true"})
    own = target(query="sum(secret)")
    assert in_force.workload(own).question.query == "sum(secret)"
    in_force.put_map(AUTOSCALER_MAP, {})
    configured = in_force.workload(own)
    assert (configured.question.query, len(configured.problems)) == ("", 1)
    assert configured.hold == "it was scaled by a query of its own, and allow-custom-queries is false"
    in_force.put_map(AUTOSCALER_MAP, {"allow-custom-queries": "true"})
    assert (in_force.workload(own).question.query, in_force.workload(own).hold) == ("sum(secret)", "")


def test_a_query_with_another_problem_beside_it_stays_as_long_as_queries_are_allowed() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"allow-custom-queries": "true"})
    in_force.workload(target(query="sum(load)"))
    configured = in_force.workload(target(query="sum(other)", target="ten"))
    assert (configured.question.query, configured.hold) == ("sum(load)", "")
