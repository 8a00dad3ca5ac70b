"""What do we do with a decision, in a recorded situation of the original's reconciler?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autoscaler import config
from autoscaler.core.law import zero

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.core.model import Policy

_MS_NS = 10**6
_REASON_BEFORE = {zero.Activity.ACTIVE: "", zero.Activity.INACTIVE: "x", zero.Activity.ACTIVATING: "x"}
"""The reasons that the recording's workloads had before; a case does not say them."""


def answer(case: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is done, and what the workload is then shown to be."""
    policy = _policy(case)
    seen = _situation(case)
    ready = case["status_in"]["ready"]
    done = zero.scale(policy, case["in"]["decider_desired"], seen)
    shown = zero.status(policy, seen, want=done.want, ready=ready)
    reason = _REASON_BEFORE[shown.activity] if shown.reason is None else shown.reason
    return {
        "id": case["id"],
        "out": {
            "want": done.want,
            "applied": done.applied,
            "requeue_ns": list(done.requeues_ns),
            "probe_calls": done.probe_calls,
            "async_probe_offers": done.async_probe_offers,
        },
        "status_out": {
            "active_status": shown.activity.value,
            "reason": reason,
            "active_threshold": zero.threshold(policy, initialised=seen.initialised),
            "scale_target_initialized": shown.initialised,
            "num_activators": zero.activators(policy, ready),
            "scrape_target_empty": policy.target_burst_capacity == -1,
        },
    }


def _policy(case: Mapping[str, Any]) -> Policy:
    base, _ = config.defaults(case["config_data"])
    deployment, _ = config.deployment({"progress-deadline": f"{case['progress_deadline_s']}s"})
    resolved, _ = config.resolve(
        base,
        deployment,
        case["annotations"],
        name="conformance",
        reachable=case["reachability"] != "Unreachable",
    )
    return replace(resolved.policy, total=case["status_in"]["total_value"])


def _situation(case: Mapping[str, Any]) -> zero.Situation:
    given = case["in"]
    return zero.Situation(
        activity=zero.Activity(given["active_status"]),
        activity_for_ns=given["active_age_ms"] * _MS_NS,
        initialised=given["scale_target_initialized"],
        has_service=case["has_service_name"],
        route=zero.Route(given["sks_mode"]),
        proxied_for_ns=max(given["sks_proxy_for_ms"], 0) * _MS_NS,
        activator_answers=given["probe"] == "ok",
        current=given["current_replicas"],
    )
