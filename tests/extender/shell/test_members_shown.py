"""A member is shown to node autoscalers by one change that says so on it, and pins it nowhere."""

from __future__ import annotations

import msgspec

from extender.shell.members import GatedPod, membership_of, showing
from extender.shell.pods import Pod
from kube.gangs import GANG, SHOWN

KEY = SHOWN.replace("/", "~1")


def gated(annotations: dict[str, str] | None, *gates: str) -> GatedPod:
    metadata = {"resourceVersion": "7", **({} if annotations is None else {"annotations": annotations})}
    body = {"metadata": metadata, "spec": {"schedulingGates": [{"name": gate} for gate in gates]}}
    return msgspec.convert(body, GatedPod)


def test_our_gate_goes_and_the_annotation_comes_in_one_change_of_this_version_alone() -> None:
    assert showing(gated({"mine": "kept"}, "example.com/own", GANG)) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "add", "path": f"/metadata/annotations/{KEY}", "value": "true"},
        {"op": "remove", "path": "/spec/schedulingGates/1"},
    ]


def test_a_pod_without_annotations_gets_them() -> None:
    patch = showing(gated(None, GANG))
    assert patch is not None
    assert patch[1] == {"op": "add", "path": "/metadata/annotations", "value": {SHOWN: "true"}}


def test_a_pod_without_our_gate_is_left_alone() -> None:
    assert showing(gated({}, "example.com/own")) is None


def test_what_is_written_on_it_is_read_again() -> None:
    def read(annotations: dict[str, str]) -> bool:
        body = {
            "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {GANG: "g"}, "annotations": annotations}
        }
        member = membership_of(msgspec.convert(body, Pod))
        assert member is not None
        return member.shown

    assert read({SHOWN: "true"})
    assert not read({})
