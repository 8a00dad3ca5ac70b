"""What something scalable controls is scaled through that alone."""

from __future__ import annotations

import pytest

from autoscaler.core.targets.refusal import Controller, refusal


@pytest.mark.parametrize(
    ("controller", "reason"),
    [
        (None, ""),
        (Controller("1", "serving.example.com", "Service", "chat"), ""),
        (
            Controller("1", "apps", "Deployment", "chat"),
            "Deployment chat controls it and sets its replicas: label that one instead",
        ),
    ],
    ids=["no controller", "a controller that cannot be scaled itself", "a controller that can be scaled"],
)
def test_what_something_scalable_controls_is_refused(controller: Controller | None, reason: str) -> None:
    assert refusal(controller, {("apps", "Deployment"), ("apps", "ReplicaSet")}) == reason
