"""What is in force is the last good configuration, of the cluster and of each workload."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.config import Defaults
from autoscaler.config.in_force import AUTOSCALER_MAP, DEPLOYMENT_MAP, InForce
from autoscaler.core.model import Metric, Question, Signal, WorkloadKey
from autoscaler.core.targets.target import Target

K = "autoscaling.knative.dev/"


def target(**annotations: str) -> Target:
    keys = {f"{K}{key.replace('_', '-')}": text for key, text in annotations.items()}
    return Target(WorkloadKey("u", "ml", "chat"), 1, keys)


def test_without_maps_the_built_in_defaults_are_in_force() -> None:
    configured = InForce().workload(target(min_scale="2"))
    assert (configured.problems, configured.hold, configured.leave) == ((), "", "")
    assert (configured.resolved.policy.min_scale, configured.resolved.policy.stable_window_s) == (2, 60)


def test_a_bad_map_changes_nothing_and_all_its_problems_are_returned() -> None:
    in_force = InForce()
    assert in_force.put_map(AUTOSCALER_MAP, {"stable-window": "30s"}) == ()
    problems = in_force.put_map(AUTOSCALER_MAP, {"stable-window": "5s", "min-scale": "x"})
    assert sorted(problem.key for problem in problems) == ["min-scale", "stable-window"]
    configured = in_force.workload(target())
    assert (configured.resolved.policy.stable_window_s, configured.hold) == (30, "")


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        (AUTOSCALER_MAP, {"min-scale": "x"}, {"min-scale": "1"}),
        (DEPLOYMENT_MAP, {"progress-deadline": "600"}, {"progress-deadline": "600s"}),
    ],
)
def test_a_map_that_was_never_good_holds_until_it_is_or_is_gone(
    name: str, bad: dict[str, str], good: dict[str, str], *, gone: bool
) -> None:
    in_force = InForce()
    assert in_force.put_map(name, bad)
    assert in_force.workload(target()).hold.startswith(f"{name} has problems")
    if gone:
        in_force.drop_map(name)
    else:
        assert in_force.put_map(name, good) == ()
    assert in_force.workload(target()).hold == ""


def test_a_map_that_is_gone_leaves_the_built_in_defaults() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"stable-window": "30s"})
    in_force.drop_map(AUTOSCALER_MAP)
    assert in_force.defaults == Defaults()
    assert in_force.workload(target()).resolved.policy.stable_window_s == 60


def test_a_change_of_the_cluster_reaches_a_workload_that_is_known_already() -> None:
    in_force, same = InForce(), target(min_scale="2")
    assert in_force.workload(same) is in_force.workload(same)
    in_force.put_map(AUTOSCALER_MAP, {"stable-window": "30s"})
    policy = in_force.workload(same).resolved.policy
    assert (policy.stable_window_s, policy.min_scale) == (30, 2)


def test_bad_annotations_leave_the_last_good_ones_in_force() -> None:
    in_force = InForce()
    in_force.workload(target(min_scale="2"))
    configured = in_force.workload(target(min_scale="x", target="y"))
    assert [problem.key for problem in configured.problems] == [f"{K}target", f"{K}min-scale"]
    assert (configured.resolved.policy.min_scale, configured.hold) == (2, "")


def test_annotations_that_were_never_good_hold_and_no_bound_moves_the_workload() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"min-scale": "5", "max-scale": "8", "initial-scale": "6"})
    configured = in_force.workload(target(target="x", max_scale="3"))
    assert configured.hold.startswith("its annotations have problems")
    policy = configured.resolved.policy
    assert (policy.min_scale, policy.max_scale, policy.initial_scale) == (0, 0, 1)


def test_another_autoscalers_workload_is_left_alone_whatever_else_its_annotations_say() -> None:
    configured = InForce().workload(target(**{"class": "hpa.autoscaling.knative.dev"}, target="x"))
    assert configured.problems
    assert configured.leave == 'its class "hpa.autoscaling.knative.dev" is another autoscaler\'s'


def test_a_workload_that_is_gone_is_forgotten() -> None:
    in_force = InForce()
    in_force.workload(target(min_scale="2"))
    in_force.retain(())
    assert in_force.workload(target(min_scale="x")).hold


def test_the_workloads_own_query_is_asked_with_its_names_in_it() -> None:
    in_force, own = InForce(), target()
    own = replace(own, annotations={"plimsoll.dev/query": 'sum(load{namespace="$namespace", pod=~"$name-.*"})'})
    assert in_force.workload(own).problems
    in_force.put_map(AUTOSCALER_MAP, {"allow-custom-queries": "true"})
    query = in_force.workload(own).question.query
    assert "ml" in query
    assert "chat" in query
    assert "$" not in query


def with_query(query: str, **annotations: str) -> Target:
    plain = target(**annotations)
    return replace(plain, annotations={**plain.annotations, "plimsoll.dev/query": query})


def test_each_map_that_never_was_good_is_named() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"stable-window": "1s"})
    in_force.put_map(DEPLOYMENT_MAP, {"progress-deadline": "soon"})
    assert "config-autoscaler and config-deployment have problems" in in_force.workload(target()).hold


def test_a_query_that_is_not_allowed_any_more_is_not_asked_any_more() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"allow-custom-queries": "true"})
    own = with_query("sum(secret)")
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
    in_force.workload(with_query("sum(load)"))
    configured = in_force.workload(with_query("sum(other)", target="ten"))
    assert (configured.question.query, configured.hold) == ("sum(load)", "")


def test_with_the_metric_rps_what_is_in_flight_is_asked_for_beside_it_where_replicas_go_by_it() -> None:
    in_force, by_rate = InForce(), target(metric="rps")
    assert in_force.workload(by_rate).signal_questions == {}
    assert in_force.put_map(AUTOSCALER_MAP, {"drain-aware-scale-down": "true"}) == ()
    asked = in_force.workload(by_rate).signal_questions
    assert asked == {Signal.IN_FLIGHT: Question(Metric.CONCURRENCY, "vllm")}
    assert in_force.workload(target()).signal_questions == {}


def in_mode(mode: str, **annotations: str) -> Target:
    found = target(**annotations)
    return replace(found, annotations={**found.annotations, "plimsoll.dev/mode": mode})


def test_what_is_observed_is_not_left_to_another_autoscaler_but_says_whose_it_is() -> None:
    configured = InForce().workload(in_mode("observe", **{"class": "hpa.autoscaling.knative.dev"}))
    assert (configured.leave, configured.hold, configured.resolved.observes) == ("", "", True)
    assert configured.observed == 'its class "hpa.autoscaling.knative.dev" is another autoscaler\'s'


def test_the_mode_of_a_workload_overrides_the_clusters_either_way_and_without_a_restart() -> None:
    in_force = InForce()
    assert not in_force.workload(target()).observed
    assert in_force.put_map(AUTOSCALER_MAP, {"mode": "observe"}) == ()
    assert in_force.workload(target()).observed == "nobody else was seen to set its replicas"
    assert not in_force.workload(in_mode("scale")).observed
    assert in_force.put_map(AUTOSCALER_MAP, {}) == ()
    assert not in_force.workload(target()).observed
    assert in_force.workload(in_mode("observe")).observed


def test_a_mode_that_is_none_is_refused_and_writes_nothing_where_nothing_good_was_known() -> None:
    configured = InForce().workload(in_mode("observ"))
    assert [str(problem) for problem in configured.problems] == ['plimsoll.dev/mode: "observ" must be scale or observe']
    assert configured.resolved.observes


def test_the_last_good_mode_stays_where_annotations_turn_bad() -> None:
    in_force = InForce()
    in_force.workload(in_mode("observe"))
    assert in_force.workload(in_mode("observe", target="x")).resolved.observes
    assert in_force.workload(in_mode("scale", target="x")).resolved.observes
    in_force.workload(in_mode("scale"))
    assert not in_force.workload(in_mode("observ", target="x")).resolved.observes


def test_an_annotation_that_says_observe_holds_beside_others_that_are_bad() -> None:
    in_force = InForce()
    in_force.workload(in_mode("scale", min_scale="2"))
    configured = in_force.workload(in_mode(" observe", min_scale="3", target="x"))
    assert (configured.observed, configured.braked) == ("nobody else was seen to set its replicas", True)
    assert configured.resolved.policy.min_scale == 2, "all else stays as it was"
    assert not in_force.workload(in_mode("scale", target="x")).observed
    assert not in_force.workload(in_mode("observe")).braked


def test_a_map_that_says_observe_holds_beside_other_keys_that_are_bad() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"stable-window": "30s"})
    in_force.workload(target())
    assert not in_force.braked
    assert in_force.put_map(AUTOSCALER_MAP, {"mode": "observe ", "stable-window": "60"})
    assert in_force.braked
    configured = in_force.workload(target())
    assert configured.observed
    assert configured.resolved.policy.stable_window_s == 30
    assert in_force.workload(target(target="x")).observed, "also beside a workload's own problems"
    assert not in_force.workload(in_mode("scale")).observed
    assert in_force.put_map(AUTOSCALER_MAP, {"mode": "scale", "stable-window": "60"})
    assert not in_force.braked
    assert not in_force.workload(target()).observed


def test_a_mode_that_was_good_last_stays_in_force_beside_a_bad_map() -> None:
    in_force = InForce()
    in_force.put_map(AUTOSCALER_MAP, {"mode": "observe"})
    assert in_force.put_map(AUTOSCALER_MAP, {"mode": "scale", "stable-window": "60"})
    assert in_force.workload(target()).observed
    in_force.drop_map(AUTOSCALER_MAP)
    assert in_force.put_map(AUTOSCALER_MAP, {"stable-window": "60"})
    assert not in_force.workload(target()).observed


@pytest.mark.parametrize(("mode", "observes"), [("observe", True), ("obsrve", True), ("scale", False), (None, False)])
def test_a_first_map_with_problems_keeps_us_from_writing_where_it_may_have_said_so(
    mode: str | None, *, observes: bool
) -> None:
    in_force = InForce()
    data = {"min-scale": "x"} | ({} if mode is None else {"mode": mode})
    assert in_force.put_map(AUTOSCALER_MAP, data)
    assert in_force.workload(target()).resolved.observes is observes
    assert in_force.put_map(AUTOSCALER_MAP, {"min-scale": "1"}) == ()
    assert not in_force.workload(target()).resolved.observes
    assert in_force.put_map(AUTOSCALER_MAP, data)
    assert in_force.workload(target()).resolved.observes is (mode == "observe")
