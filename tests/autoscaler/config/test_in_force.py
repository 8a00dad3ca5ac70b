"""The last good configuration stays, whatever comes after it; what changes reaches every workload."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.config.in_force import AUTOSCALER_MAP, DEPLOYMENT_MAP, InForce
from autoscaler.core.inventory import Target
from autoscaler.core.model import SECOND_NS, Metric, WorkloadKey

PREFIX = "autoscaling.knative.dev/"


def target(uid: str = "a", **annotations: str) -> Target:
    keys = {f"{PREFIX}{key.replace('_', '-')}": value for key, value in annotations.items()}
    return Target(WorkloadKey(uid, "ns", "chat"), 1, keys)


def test_without_maps_the_defaults_are_in_force() -> None:
    in_force = InForce()
    for name in (AUTOSCALER_MAP, DEPLOYMENT_MAP):
        in_force.drop_map(name)
    configured = in_force.workload(target())
    assert (configured.hold, configured.leave, configured.problems) == ("", "", ())
    assert configured.resolved.policy.stable_window_s == 60


def test_a_map_with_a_problem_changes_nothing_and_says_all_that_is_wrong() -> None:
    in_force = InForce()
    assert in_force.put_map(AUTOSCALER_MAP, {"stable-window": "90s"}) == ()
    problems = in_force.put_map(AUTOSCALER_MAP, {"stable-window": "2s", "max-scale-up-rate": "1", "min-scale": "3"})
    assert [problem.key for problem in problems] == ["max-scale-up-rate", "stable-window"]
    configured = in_force.workload(target())
    assert (configured.hold, configured.resolved.policy.stable_window_s) == ("", 90)
    assert configured.resolved.policy.min_scale == 0


def test_a_first_map_with_a_problem_holds_every_decision_until_it_is_corrected() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"stable-window": "2s"})
    assert "config-autoscaler has problems" in in_force.workload(target()).hold
    in_force.put_map(AUTOSCALER_MAP, {})
    assert in_force.workload(target()).hold == ""


def test_a_first_map_with_a_problem_that_goes_leaves_the_defaults() -> None:
    in_force = InForce()
    in_force.put_map(DEPLOYMENT_MAP, {"progress-deadline": "none"})
    assert "config-deployment has problems" in in_force.workload(target()).hold
    in_force.drop_map(DEPLOYMENT_MAP)
    assert in_force.workload(target()).hold == ""


def test_a_changed_map_reaches_a_workload_that_did_not_change() -> None:
    in_force, one = InForce(), target(window="30s")
    assert in_force.workload(one).resolved.policy.max_scale == 0
    in_force.put_map(AUTOSCALER_MAP, {"max-scale": "7", "stable-window": "90s"})
    policy = in_force.workload(one).resolved.policy
    assert (policy.max_scale, policy.stable_window_s) == (7, 30)
    in_force.put_map(DEPLOYMENT_MAP, {"progress-deadline": "120s"})
    assert in_force.workload(one).resolved.policy.progress_deadline_ns == 120 * SECOND_NS


def test_a_map_that_says_the_same_changes_nothing() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"max-scale": "7"})
    before = in_force.age
    in_force.put_map(AUTOSCALER_MAP, {"max-scale": "7", "_example": "max-scale: 8", "unknown": "x"})
    assert in_force.age == before


def test_an_unchanged_workload_is_not_resolved_again() -> None:
    in_force, one = InForce(), target(target="8")
    assert in_force.workload(one) is in_force.workload(one)
    assert in_force.workload(replace(one, replicas=9)) is in_force.workload(one)


def test_annotations_with_a_problem_keep_the_last_good_ones() -> None:
    in_force = InForce()
    in_force.workload(target(target="8", max_scale="5"))
    configured = in_force.workload(target(target="eight", max_scale="6"))
    assert [problem.key for problem in configured.problems] == [f"{PREFIX}target"]
    assert (configured.hold, configured.resolved.policy.max_scale) == ("", 5)


def test_a_workload_without_a_good_configuration_is_held() -> None:
    configured = InForce().workload(target(target="eight"))
    assert "no earlier configuration" in configured.hold


def test_a_workload_that_was_forgotten_has_no_good_configuration_any_more() -> None:
    in_force = InForce()
    in_force.workload(target(target="8"))
    in_force.retain(())
    assert in_force.workload(target(target="eight")).hold


def test_another_class_is_left_to_its_autoscaler() -> None:
    configured = InForce().workload(target(**{"class": "hpa.autoscaling.knative.dev", "metric": "cpu"}))
    assert configured.leave == 'its class "hpa.autoscaling.knative.dev" is another autoscaler\'s'


def test_an_own_query_has_its_placeholders_filled() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"allow-custom-queries": "true"})
    query = {"plimsoll.dev/query": 'sum(x{namespace="$namespace",app="$name"})'}
    configured = in_force.workload(Target(WorkloadKey("a", "ns", "chat"), 1, query))
    assert configured.question.query == 'sum(x{namespace="ns",app="chat"})'


def test_the_question_follows_metric_and_preset() -> None:
    annotations = {f"{PREFIX}metric": "rps", "plimsoll.dev/metrics-preset": "triton"}
    question = InForce().workload(Target(WorkloadKey("a", "ns", "chat"), 1, annotations)).question
    assert (question.metric, question.preset, question.query) == (Metric.RPS, "triton", "")
