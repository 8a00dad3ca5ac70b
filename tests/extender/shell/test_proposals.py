"""The verb preempt is read as Go reads it, and answered in its own form whatever that of the question."""

from __future__ import annotations

import json
from typing import Any

import pytest

from extender.shell.proposals import Proposals
from extender.shell.wire import MalformedRequest

POD = {"metadata": {"name": "p", "namespace": "default", "uid": "u-1"}, "spec": {"containers": []}}
BY_UID = {"a": {"Pods": [{"UID": "1"}, {"UID": "2"}], "NumPDBViolations": 1}, "b": {"Pods": [], "NumPDBViolations": 0}}
WHOLE = {"a": {"Pods": [{"metadata": {"uid": "1", "name": "v"}, "spec": {}}], "NumPDBViolations": 0}}


def read(message: object) -> Proposals:
    return Proposals(json.dumps(message).encode())


def lowered(message: Any) -> Any:
    """Return a message with all names in lower case, as kube-scheduler's own test of its types has it."""
    if isinstance(message, list):
        return [lowered(one) for one in message]
    return {name.lower(): lowered(one) for name, one in message.items()} if isinstance(message, dict) else message


@pytest.mark.parametrize(
    "message",
    [
        {"Pod": POD, "NodeNameToVictims": None, "NodeNameToMetaVictims": BY_UID},
        lowered({"Pod": POD, "NodeNameToVictims": None, "NodeNameToMetaVictims": BY_UID}),
        {"POD": POD, "nodeNameToMetaVictims": BY_UID, "Unknown": {}},
    ],
    ids=["as Go writes it", "in lower case", "in any case, and more than we know"],
)
def test_victims_by_uid_are_read_in_any_case_of_letters(message: dict[str, Any]) -> None:
    found = read(message)
    assert (found.pod.metadata.uid, found.proposed) == ("u-1", {"a": ("1", "2"), "b": ()})


@pytest.mark.parametrize("change", [lambda message: message, lowered])
def test_victims_as_whole_objects_are_read_too(change: Any) -> None:
    found = read(change({"Pod": POD, "NodeNameToVictims": WHOLE, "NodeNameToMetaVictims": None}))
    assert found.proposed == {"a": ("1",)}


def test_null_is_nobody_wherever_go_may_write_it() -> None:
    nodes = {"a": None, "b": {"Pods": None, "NumPDBViolations": 0}, "c": {"Pods": [None, {"UID": "1"}]}}
    found = read({"Pod": POD, "NodeNameToVictims": None, "NodeNameToMetaVictims": nodes})
    assert found.proposed == {"a": (), "b": (), "c": ("1",)}
    assert read({"Pod": POD, "NodeNameToVictims": None, "NodeNameToMetaVictims": None}).proposed == {}


def test_it_is_answered_by_uid_with_what_was_said_of_budgets() -> None:
    found = read({"Pod": POD, "NodeNameToVictims": None, "NodeNameToMetaVictims": BY_UID})
    assert json.loads(found.answered({"a": ("2",), "b": ()})) == {
        "NodeNameToMetaVictims": {
            "a": {"Pods": [{"UID": "2"}], "NumPDBViolations": 1},
            "b": {"Pods": [], "NumPDBViolations": 0},
        }
    }
    assert found.answered({}) == b'{"NodeNameToMetaVictims":{}}'
    assert json.loads(found.answered({"a": ()}))["NodeNameToMetaVictims"]["a"]["NumPDBViolations"] == 0


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({}, "Expected `object`, got `null` - at `$.Pod`"),
        ({"Pod": {"metadata": {}}}, "the pod has no UID - at `$.Pod.metadata.uid`"),
        ({"Pod": POD, "NodeNameToMetaVictims": 1}, "Expected `object | null`, got `int`"),
        ({"Pod": POD, "NodeNameToMetaVictims": {"a": {"Pods": 1}}}, "at `$.NodeNameToMetaVictims[...].Pods`"),
        ({"Pod": POD, "NodeNameToMetaVictims": {"a": {"Pods": [{}]}}}, "missing required field `UID`"),
        ({"Pod": POD, "NodeNameToVictims": {"a": {"Pods": [{"metadata": 1}]}}}, "at `$.NodeNameToVictims[...].Pods"),
        ([], "Expected `object`, got `array`"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(message: object, says: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        read(message)
    assert says in str(refusal.value)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        Proposals(body)
