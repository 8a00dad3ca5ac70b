"""A KubeSchedulerConfiguration is read whole, or refused with everything that is not done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.local import configurations
from plimsoll.embedded.core.scheduling.settings import ExtenderSettings, Unsupported, interested, settings

SHIPPED = configurations.own_scheduler(kubeconfig=Path("x"), extender_url="http://127.0.0.1:8900/")
EXTENDER = SHIPPED["extenders"][0]


def test_what_is_shipped_is_done() -> None:
    read = settings(SHIPPED)
    assert read.profiles == ("plimsoll",)
    assert read.ignored == {"plimsoll.dev/gpu"}
    assert read.extenders == (
        ExtenderSettings(
            url="http://127.0.0.1:8900",
            filter="filter",
            prioritize="prioritize",
            bind="bind",
            weight=1,
            timeout_s=1.0,
            managed=frozenset(("plimsoll.dev/gpu", "nvidia.com/gpu")),
            ignored=frozenset(("plimsoll.dev/gpu",)),
        ),
    )


@pytest.mark.parametrize(
    ("said", "seconds"), [({}, 5.0), ({"httpTimeout": "0s"}, 5.0), ({"httpTimeout": "250ms"}, 0.25)]
)
def test_an_extender_of_no_time_has_five_seconds(said: dict[str, str], seconds: float) -> None:
    timeless = {key: value for key, value in EXTENDER.items() if key != "httpTimeout"}
    assert settings(SHIPPED | {"extenders": [timeless | said]}).extenders[0].timeout_s == seconds


def test_without_an_extender_it_is_a_plain_scheduler() -> None:
    read = settings(configurations.default_scheduler(kubeconfig=Path("x")))
    assert (read.profiles, read.extenders) == (("default-scheduler",), ())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"percentageOfNodesToScore": 50}, "percentageOfNodesToScore: all nodes are looked at here"),
        ({"parallelism": 4}, "parallelism is not done here"),
        ({"podInitialBackoffSeconds": 2}, "podInitialBackoffSeconds is not done here"),
        ({"profiles": [{"schedulerName": "a", "pluginConfig": []}]}, "profiles[0].pluginConfig is not done here"),
        ({"extenders": [EXTENDER | {"ignorable": True}]}, "extenders[0]: ignorable is not done here"),
        ({"extenders": [EXTENDER | {"nodeCacheCapable": False}]}, "nodeCacheCapable: nodes are sent by name"),
        ({"extenders": [EXTENDER | {"weight": 0}]}, "weight: must be positive"),
        ({"extenders": [EXTENDER | {"httpTimeout": "soon"}]}, "httpTimeout: 'soon' is not a number"),
        ({"extenders": [EXTENDER | {"urlPrefix": "https://x"}]}, "does not begin with http://"),
        ({"extenders": [EXTENDER | {"managedResources": [{"name": "cpu"}]}]}, "'cpu' is not the name of an extended"),
        ({"extenders": [EXTENDER, EXTENDER]}, "only one of them can have a bindVerb"),
        ({"kind": "Other"}, "kind: 'Other' is not"),
    ],
)
def test_what_is_not_done_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(Unsupported) as refusal:
        settings(SHIPPED | change)
    assert told in str(refusal.value)


def test_all_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"parallelism.*percentageOfNodesToScore"):
        settings(SHIPPED | {"parallelism": 4, "percentageOfNodesToScore": 5})


@pytest.mark.parametrize(
    ("spec", "asked"),
    [
        ({"containers": [{"resources": {"requests": {"nvidia.com/gpu": "1"}}}]}, True),
        ({"containers": [{}, {"resources": {"limits": {"plimsoll.dev/gpu": "1"}}}]}, True),
        ({"containers": [{}], "initContainers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]}, True),
        ({"containers": [{"resources": {"requests": {"cpu": "1"}}}]}, False),
        ({"containers": [{}], "metadata": {"annotations": {"gpu-fraction": "0.5"}}}, False),
    ],
)
def test_an_extender_is_asked_about_pods_with_what_it_manages(spec: dict[str, Any], asked: bool) -> None:  # noqa: FBT001
    assert interested(settings(SHIPPED).extenders[0], spec) is asked
