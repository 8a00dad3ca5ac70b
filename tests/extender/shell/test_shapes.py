from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from extender.core.model import Ask, Shape
from extender.shell.shapes import UnplaceableError, templated
from kube.gpus import MemoryShare, MiB, MilliGpu, Share
from kube.taints import Toleration


def template(annotations: dict[str, str] | None = None, gpus: str = "", **spec: Any) -> bytes:
    limits = {"cpu": "500m", "memory": "1Gi", **({"nvidia.com/gpu": gpus} if gpus else {})}
    containers = [{"name": "main", "image": "server", "resources": {"limits": limits, "requests": limits}}]
    return msgspec.json.encode({"metadata": {"annotations": annotations}, "spec": {"containers": containers, **spec}})


@pytest.mark.parametrize(
    ("pod", "request_"),
    [
        (template({"gpu-fraction": "0.25"}), Share(1, MilliGpu(250))),
        (template({"gpu-memory": "4096", "gpu-fraction-num-devices": "2"}), MemoryShare(2, MiB(4096))),
        (template(gpus="2"), Share(2, MilliGpu(1000))),
    ],
)
def test_a_template_is_read_as_if_admission_had_seen_it(pod: bytes, request_: Share | MemoryShare) -> None:
    assert templated(pod).shape == Shape(request_, 500, 1024)


@pytest.mark.parametrize("asked", [{"gpu-fraction": "0.25"}, {}])
def test_a_template_that_hami_is_to_enforce_is_read_so(asked: dict[str, str]) -> None:
    pod = template(asked | {"plimsoll.dev/enforcement": "hami"}, gpus="" if asked else "1")
    assert templated(pod).shape == Shape(Share(1, MilliGpu(250 if asked else 1000)), 500, 1024, by_kubelet=True)


def test_the_model_that_it_wants_is_read() -> None:
    selector = {"nvidia.com/gpu.product": "T4"}
    assert templated(template({"gpu-fraction": "0.5"}, nodeSelector=selector)).shape.models == ("T4",)


def test_the_taints_that_it_bears_are_read_with_those_that_admission_lets_it_bear() -> None:
    tolerations = [{"key": "gpu", "operator": "Exists"}, {"key": "team", "value": "a", "effect": "NoSchedule"}]
    assert templated(template({"gpu-fraction": "0.5"}, tolerations=tolerations)).tolerations == (
        Toleration("gpu", "Exists"),
        Toleration("team", "", "a", "NoSchedule"),
        Toleration("node.kubernetes.io/not-ready", "Exists", "", "NoExecute"),
        Toleration("node.kubernetes.io/unreachable", "Exists", "", "NoExecute"),
    )


@pytest.mark.parametrize(
    ("pod", "says"),
    [
        (b"{", "the pod template cannot be read: "),
        (b"[]", "the pod template cannot be read: "),
        (template({"gpu-fraction": "2"}), 'gpu-fraction: "2" must be a decimal'),
        (template({"gpu-fraction": "0.5"}, gpus="1"), 'gpu-fraction: "0.5" must be used without nvidia.com/gpu'),
        (template(), "its pods ask for no GPU"),
        (template({"plimsoll.dev/gpus": "2"}), "its pods ask for no GPU"),
    ],
)
def test_what_will_never_be_placed_is_refused_with_its_rule(pod: bytes, says: str) -> None:
    with pytest.raises(UnplaceableError) as refused:
        templated(pod)
    assert str(refused.value).startswith(says)


def test_what_decides_the_project_of_its_pods_is_read() -> None:
    pod = msgspec.json.decode(template({"gpu-fraction": "0.5"}, priorityClassName="plimsoll-build"))
    pod["metadata"]["labels"] = {"plimsoll.dev/project": "search", "app": "x"}
    found = templated(msgspec.json.encode(pod))
    assert found.ask("chat") == Ask("chat", "search", "plimsoll-build", Share(1, MilliGpu(500)))
    assert found.ask("") is None


def test_a_template_of_a_gang_says_how_many_are_needed_at_once() -> None:
    metadata = {
        "labels": {"plimsoll.dev/gang": "g"},
        "annotations": {"gpu-fraction": "0.5", "plimsoll.dev/gang-min": "8"},
    }
    text = json.dumps({"metadata": metadata, "spec": {"containers": [{"name": "main"}]}}).encode()
    assert templated(text).gang == ("g", 8)


def test_a_template_of_a_gang_without_a_minimum_is_refused_with_the_rule() -> None:
    metadata = {"labels": {"plimsoll.dev/gang": "g"}, "annotations": {"gpu-fraction": "0.5"}}
    text = json.dumps({"metadata": metadata, "spec": {"containers": [{"name": "main"}]}}).encode()
    with pytest.raises(UnplaceableError, match=r"plimsoll\.dev/gang-min"):
        templated(text)
