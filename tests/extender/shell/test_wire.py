"""kube-scheduler's messages are read as Go reads them, and long lists of names as json reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core.ledger.ledger import Ledger
from extender.core.ledger.names import EvenNames, PackedNames
from extender.core.reasons import Reasons, of_each
from extender.shell import wire

POD = {"metadata": {"name": "p", "namespace": "default", "uid": "u-1"}, "spec": {"containers": []}}


def asked(message: dict[str, Any]) -> wire.Candidates:
    return wire.Candidates(json.dumps(message).encode())


@pytest.mark.parametrize(
    "message",
    [
        {"Pod": POD, "Nodes": None, "NodeNames": ["a", "b"]},
        {"pod": POD, "nodes": None, "nodenames": ["a", "b"]},
        {"POD": POD, "nodeNames": ["a", "b"], "Unknown": {"x": 1}},
    ],
    ids=["as Go writes it", "the lower-case form of kube-scheduler's own test", "any case, and more than we know"],
)
def test_filter_is_read_in_any_case_of_letters(message: dict[str, Any]) -> None:
    found = asked(message)
    assert (found.pod.metadata.uid, list(found.nodes)) == ("u-1", ["a", "b"])


@pytest.mark.parametrize("change", [str, str.lower, str.upper], ids=["as Go writes it", "lower", "upper"])
def test_bind_is_read_in_any_case_of_letters(change: Any) -> None:
    message = {"PodName": "p", "PodNamespace": "n", "PodUID": "u", "Node": "gpu-00"}
    found = wire.binding_arguments(json.dumps({change(key): value for key, value in message.items()}).encode())
    assert found == wire.BindingArguments("p", "n", "u", "gpu-00")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{}", "Expected `object`, got `null` - at `$.Pod`"),
        (b'{"pod": 1}', "Expected `object`, got `int` - at `$.Pod`"),
        (b'{"Pod": {"metadata": {}}}', "the pod has no UID - at `$.Pod.metadata.uid`"),
        (json.dumps({"Pod": POD, "NodeNames": ["a", 1]}).encode(), "Expected `str`, got `int` - at `$.NodeNames[1]`"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(body: bytes, says: str) -> None:
    with pytest.raises(wire.MalformedRequest) as refusal:
        wire.Candidates(body)
    assert str(refusal.value) == says


def test_a_pod_is_read_however_deep_its_managed_fields_nest() -> None:
    body = b'{"Pod":{"metadata":{"managedFields":%b,"uid":"u"}},"NodeNames":["n"]}' % (b"[" * 10_000 + b"]" * 10_000)
    candidates = wire.Candidates(body)
    assert (candidates.pod.metadata.uid, list(candidates.nodes)) == ("u", ["n"])


@given(
    names=st.lists(st.text(max_size=8) | st.text(alphabet="ab-.,[]", max_size=8), max_size=20),
    spaced=st.booleans(),
    escaped=st.booleans(),
)
def test_packed_names_are_those_that_json_reads(names: list[str], spaced: bool, escaped: bool) -> None:  # noqa: FBT001
    separators = (", ", ": ") if spaced else (",", ":")
    found = wire.packed_names(json.dumps(names, separators=separators, ensure_ascii=escaped).encode())
    assert found is None or list(found) == names


@given(st.lists(st.text(alphabet='ab",[]', min_size=2, max_size=2), min_size=1, max_size=6), st.booleans())
def test_names_of_one_length_are_those_that_json_reads(names: list[str], odd: bool) -> None:  # noqa: FBT001
    written = [*names, "a" * 7] if odd else names
    found = wire.packed_names(json.dumps(written, separators=(",", ":")).encode())
    assert found is None or list(found) == written
    if not any('"' in name for name in names):
        assert isinstance(found, EvenNames) is not odd


@given(st.recursive(st.none() | st.integers() | st.sampled_from(["a", "b"]), lambda inner: st.lists(inner, max_size=4)))
def test_what_is_no_list_of_names_is_never_taken_for_one(value: object) -> None:
    found = wire.packed_names(json.dumps(value, separators=(",", ":")).encode())
    assert found is None or list(found) == value


def test_a_long_list_as_go_writes_it_is_not_made_into_texts() -> None:
    names = [f"gpu-node-{number:04}" for number in range(1000)]
    body = json.dumps({"Pod": POD, "Nodes": None, "NodeNames": names}, separators=(",", ":")).encode()
    found = wire.Candidates(body).nodes
    assert isinstance(found, PackedNames)
    assert list(found) == names


@given(
    st.one_of(
        st.lists(st.sampled_from(["no whole GPU free", 'a "quoted" reason', "größer"]), min_size=600, max_size=700),
        st.sampled_from(["no whole GPU free", 'a "quoted" reason', "größer"]).map(lambda reason: [reason] * 600),
    )
)
def test_a_long_refusal_says_what_json_would_say(said: list[str]) -> None:
    names = [f"gpu-node-{number:04}" for number in range(len(said))]
    body = json.dumps({"Pod": POD, "Nodes": None, "NodeNames": names}, separators=(",", ":")).encode()
    found = wire.Candidates(body)
    assert isinstance(found.nodes, PackedNames)
    each = of_each(Ledger(), dict(zip(names, said, strict=True)))
    answer = json.loads(found.refused(Reasons(found.nodes, each.columns, each.said, each.which)))
    assert answer == {
        "Nodes": None,
        "NodeNames": [],
        "FailedNodes": {},
        "FailedAndUnresolvableNodes": dict(zip(names, said, strict=True)),
        "Error": "",
    }
