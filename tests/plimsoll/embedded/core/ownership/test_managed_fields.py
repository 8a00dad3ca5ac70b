"""The stories in tests/scenarios/embedded/ownership.json are what a Kubernetes 1.36 API server answered, step by step.

A step that creates has the object as the server stored it, and, where that is another, as it was `before` admission,
when its owners were written down. What an apply must leave of an object stands beside its owners.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.embedded.core.api.patches import json_patch, merge_patch
from plimsoll.embedded.core.notation.schema import read, shape
from plimsoll.embedded.core.ownership import managed_fields as ownership
from plimsoll.embedded.core.problem import Object, Problem

STORIES = json.loads((Path(__file__).parents[4] / "scenarios" / "embedded" / "ownership.json").read_text())
CONFIG_MAP = shape("V1ConfigMap")
THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


@pytest.mark.parametrize("story", STORIES, ids=[story["title"] for story in STORIES])
def test_owners_are_those_of_the_real_api_server(story: Object) -> None:
    live: Object | None = None
    for number, step in enumerate(story["steps"]):
        about = f"step {number}: {step['verb']} by {step['manager']}"
        if "refused" in step:
            with pytest.raises(Problem) as refused:
                _after(story, step, live)
            assert _told(refused.value) == step["refused"], about
            continue
        live = _after(story, step, live)
        assert _owners(live) == sorted(step["owners"], key=_who_of), about
        assert _timed(live) == step["timed"], about
        _check_content(live, step, about)


def _after(story: Object, step: Object, live: Object | None) -> Object:
    kind, body = shape(story["model"]), step["body"]
    where = {
        "manager": step["manager"],
        "api_version": story["apiVersion"],
        "subresource": step.get("subresource", ""),
        "now": step.get("now", THEN),
    }
    match step["verb"]:
        case "apply":
            return ownership.apply(kind, live, body, force=step.get("force", False), resource="", **where)
        case "create":
            owned = ownership.after_write(kind, None, step["before" if "before" in step else "created"], **where)
            created: Object = step["created"]
            entries = owned["metadata"]["managedFields"]
            return {**created, "metadata": {**created["metadata"], "managedFields": entries}}
        case verb:
            assert live is not None
            new = read(kind, (merge_patch if verb == "merge" else json_patch)(live, body), "")
            return ownership.after_write(kind, live, new, **where)


def _told(problem: Problem) -> Object:
    causes = sorted([cause["message"], cause["field"]] for cause in problem.details.get("causes", ()))
    return {"status": problem.status, "reason": problem.reason, "message": problem.message, "causes": causes}


def _owners(content: Object) -> list[Any]:
    entries = content["metadata"].get("managedFields", [])
    return sorted([[*_who(each), each["fieldsV1"]] for each in entries], key=_who_of)


def _who_of(owner: list[Any]) -> list[Any]:
    return owner[:3]


def _timed(content: Object) -> list[Any]:
    return sorted(_who(each) for each in content["metadata"].get("managedFields", []) if "time" in each)


def _who(entry: Object) -> list[str]:
    return [entry["manager"], entry["operation"], entry.get("subresource", "")]


def _check_content(live: Object, step: Object, about: str) -> None:
    if step["verb"] != "apply":
        return
    meta, spec = live["metadata"], live.get("spec", {})
    assert meta.get("labels") == step.get("labels"), about
    assert meta.get("annotations") == step.get("annotations"), about
    assert live.get("data") == step.get("data"), about
    if "replicas" in step:
        template = spec["template"]["spec"]
        told = [
            {key: each[key] for key in ("name", "image", "env", "resources") if key in each}
            for each in template["containers"]
        ]
        # What the server fills in after an apply is not for this module.
        assert [{"resources": {}, **each} for each in told] == step["containers"], about
        assert template.get("nodeSelector") == step.get("nodeSelector"), about
        assert spec.get("replicas", 1) == step["replicas"], about


# --- laws ---


VALUES = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["", "1", "2"]))


def _write(live: Object | None, data: dict[str, str], *, manager: str, now: str = THEN) -> Object:
    new: Object = {"metadata": (live or {"metadata": {"name": "x"}})["metadata"], **({"data": data} if data else {})}
    return ownership.after_write(CONFIG_MAP, live, new, manager=manager, api_version="v1", subresource="", now=now)


def _apply(live: Object | None, data: dict[str, str], *, manager: str, force: bool = True, now: str = THEN) -> Object:
    return ownership.apply(
        CONFIG_MAP,
        live,
        {"metadata": {"name": "x"}, "data": data},
        manager=manager,
        force=force,
        api_version="v1",
        subresource="",
        now=now,
        resource="configmaps",
    )


@given(VALUES, VALUES)
def test_an_apply_that_is_made_again_changes_nothing(there: dict[str, str], data: dict[str, str]) -> None:
    once = _apply(_write(None, there, manager="hand"), data, manager="app")
    assert _apply(once, data, manager="app", now=NOW) is once


@given(VALUES, VALUES, VALUES)
def test_an_apply_takes_back_exactly_what_is_its_own_alone(
    there: dict[str, str], first: dict[str, str], second: dict[str, str]
) -> None:
    live = _write(None, there, manager="hand")
    once = _apply(live, first, manager="app")
    twice = _apply(once, second, manager="app")
    stays = {key: value for key, value in there.items() if key not in first or first[key] == value}
    assert twice.get("data", {}) == {**stays, **second}


@given(VALUES, VALUES)
def test_without_force_an_apply_is_refused_where_and_only_where_a_value_of_another_differs(
    there: dict[str, str], data: dict[str, str]
) -> None:
    live = _write(None, there, manager="hand")
    wrong = sorted(key for key in data if key in there and there[key] != data[key])
    if not wrong:
        assert _apply(live, data, manager="app", force=False)["metadata"]["name"] == "x"
        return
    with pytest.raises(Problem) as refused:
        _apply(live, data, manager="app", force=False)
    assert [cause["field"] for cause in refused.value.details["causes"]] == [f".data.{key}" for key in wrong]


@given(st.lists(st.tuples(st.sampled_from(["p", "q", "r"]), VALUES), min_size=1))
def test_every_field_belongs_to_the_one_who_wrote_it_last(writes: list[tuple[str, dict[str, str]]]) -> None:
    live: Object | None = None
    last: dict[str, str] = {}
    for manager, data in writes:
        before = (live or {}).get("data", {})
        last = {key: last[key] if before.get(key) == data[key] else manager for key in data}
        if live is None or data != before:
            live = _write(live, data, manager=manager)
        if not live["metadata"].get("managedFields"):
            return  # nobody is written down any more, and so it stays
    assert live is not None
    owned = {
        field.removeprefix("f:"): each["manager"]
        for each in live["metadata"]["managedFields"]
        for field in each["fieldsV1"].get("f:data", {})
        if field != "."
    }
    assert owned == last


def test_an_applier_is_the_same_in_every_version_and_an_updater_is_not() -> None:
    live = _write(_apply(None, {"a": "1"}, manager="app"), {"a": "1", "b": "1"}, manager="app")
    entries = [{**each, "apiVersion": "v1beta1"} for each in live["metadata"]["managedFields"]]
    older = {**live, "metadata": {**live["metadata"], "managedFields": entries}}
    applied = _apply(older, {"c": "1"}, manager="app")
    assert applied["data"] == {"b": "1", "c": "1"}, "what it applied in the older version is taken back"
    written = _write(applied, {"b": "1", "c": "1", "d": "1"}, manager="app")
    told = {(each["operation"], each["apiVersion"]) for each in written["metadata"]["managedFields"]}
    assert told == {("Apply", "v1"), ("Update", "v1beta1"), ("Update", "v1")}


def test_a_write_that_changes_nothing_changes_no_entry_and_no_time() -> None:
    live = _write(None, {"a": "1"}, manager="hand")
    assert _write(live, {"a": "1"}, manager="other", now=NOW) == live


def test_a_write_changes_none_of_its_arguments() -> None:
    live = _write(None, {"a": "1"}, manager="hand")
    copy = json.loads(json.dumps(live))
    _write(live, {"a": "2"}, manager="other")
    _apply(live, {"a": "3"}, manager="app")
    assert live == copy


def test_with_more_than_ten_writers_the_oldest_become_ancient_changes() -> None:
    live: Object | None = None
    data: dict[str, str] = {}
    for number in range(12):
        data = {**data, f"k{number}": "1"}
        live = _write(live, data, manager=f"m{number:02}", now=f"2026-01-01T00:00:{number:02}Z")
    assert live is not None
    entries = live["metadata"]["managedFields"]
    assert [each["manager"] for each in entries] == ["ancient-changes", *(f"m{number:02}" for number in range(3, 12))]
    assert entries[0]["fieldsV1"] == {"f:data": {".": {}, "f:k0": {}, "f:k1": {}, "f:k2": {}}}
    assert entries[0]["time"] == "2026-01-01T00:00:02Z"


def test_what_was_there_before_the_first_apply_has_an_owner_of_its_own() -> None:
    live: Object = {"metadata": {"name": "x", "uid": "u"}, "data": {"a": "1"}}
    applied = _apply(live, {"b": "1"}, manager="app")
    assert [each["manager"] for each in applied["metadata"]["managedFields"]] == ["app", "before-first-apply"]
