"""What does a server-side apply make of an object, and who owns its fields afterwards?"""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from kube.client import APPLY_PATCH, JSON, MERGE_PATCH, Api, ApiError
from tests.contract.asking import Object, ask, refusal

_LIMITS = aiohttp.ClientTimeout(total=10.0)


@pytest.fixture
def maps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
def deployments(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"


def config_map(data: Object | None = None, **meta: Any) -> Object:
    said = {} if data is None else {"data": data}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", **meta}, **said}


def deployment(*containers: Object, **spec: Any) -> Object:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": containers or (container("main"),)}}
    said = {"selector": {"matchLabels": {"app": "a"}}, "template": template, "paused": True, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": said}


def container(name: str, **rest: Any) -> Object:
    return {"name": name, "image": "x", **rest}


async def apply(api: Api, path: str, body: Object, manager: str, **query: str) -> Object:
    return await ask(api, "PATCH", f"{path}/a", body, APPLY_PATCH, fieldManager=manager, **query)


async def conflict(api: Api, path: str, body: Object, manager: str) -> str:
    """Apply in vain; return the sentence."""
    with pytest.raises(ApiError) as caught:
        await apply(api, path, body, manager)
    assert (caught.value.status, caught.value.reason) == (409, "Conflict")
    return caught.value.message


def owners(told: Object) -> dict[tuple[str, str], Object]:
    """The fields of each manager and operation; the controllers' left out."""
    return {
        (each["manager"], each["operation"]): each["fieldsV1"]
        for each in told["metadata"].get("managedFields", ())
        if each["manager"] != "kube-controller-manager"
    }


def fields(*keys: str) -> Object:
    return {"f:data": {f"f:{key}": {} for key in keys}}


async def test_an_apply_creates_an_object_and_its_manager_owns_what_it_says(api: Api, maps: str) -> None:
    made = await apply(api, maps, config_map({"x": "1", "y": "2"}), "one")
    assert made["data"] == {"x": "1", "y": "2"}
    (entry,) = made["metadata"]["managedFields"]
    assert entry.pop("time") == made["metadata"]["creationTimestamp"]
    assert entry == {
        "manager": "one",
        "operation": "Apply",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields("x", "y"),
    }


async def test_an_apply_that_changes_nothing_keeps_the_version(api: Api, maps: str) -> None:
    made = await apply(api, maps, config_map({"x": "1"}), "one")
    assert await apply(api, maps, config_map({"x": "1"}), "one") == made


async def test_a_field_that_its_manager_no_longer_applies_is_taken_away(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"x": "1", "y": "2"}, labels={"a": "b"}), "one")
    told = await apply(api, maps, config_map({"x": "1"}), "one")
    assert told["data"] == {"x": "1"}
    assert "labels" not in told["metadata"]
    assert owners(told) == {("one", "Apply"): fields("x")}


async def test_managers_add_to_what_others_applied(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"x": "1"}), "one")
    told = await apply(api, maps, config_map({"z": "3"}), "two")
    assert told["data"] == {"x": "1", "z": "3"}
    assert owners(told) == {("one", "Apply"): fields("x"), ("two", "Apply"): fields("z")}


async def test_an_equal_value_is_owned_by_both_and_stays_until_both_let_go(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"x": "1", "y": "1"}), "one")
    both = await apply(api, maps, config_map({"x": "1"}), "two")
    assert owners(both) == {("one", "Apply"): fields("x", "y"), ("two", "Apply"): fields("x")}
    assert (await apply(api, maps, config_map({"y": "1"}), "one"))["data"] == {"x": "1", "y": "1"}
    assert (await apply(api, maps, config_map(), "two"))["data"] == {"y": "1"}


async def test_another_managers_field_is_a_conflict(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"x": "1"}), "one")
    sentence = 'Apply failed with 1 conflict: conflict with "one": .data.x'
    assert await conflict(api, maps, config_map({"x": "2"}), "two") == sentence
    assert (await ask(api, "GET", f"{maps}/a"))["data"] == {"x": "1"}


async def test_conflicts_are_told_manager_by_manager(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"y": "1"}), "one")
    await apply(api, maps, config_map({"x": "1", "z": "1"}), "two")
    assert await conflict(api, maps, config_map({"x": "2", "y": "2", "z": "2"}), "three") == (
        'Apply failed with 3 conflicts: conflicts with "one":\n- .data.y\nconflicts with "two":\n- .data.x\n- .data.z'
    )


async def test_each_conflict_is_a_cause(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"x": "1"}), "one")
    answer = await api._send(
        "PATCH",
        f"{maps}/a?fieldManager=two",
        body=config_map({"x": "2"}),
        content_type=APPLY_PATCH,
        limits=_LIMITS,
    )
    assert (await answer.json())["details"] == {
        "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.x"}]
    }


async def test_force_takes_a_field_from_its_owner(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"x": "1", "y": "1"}), "one")
    told = await apply(api, maps, config_map({"x": "2"}), "two", force="true")
    assert told["data"] == {"x": "2", "y": "1"}
    assert owners(told) == {("one", "Apply"): fields("y"), ("two", "Apply"): fields("x")}


async def test_what_is_put_belongs_to_its_writer(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"x": "1", "y": "1"}), "one")
    put = await ask(api, "PUT", f"{maps}/a", config_map({"x": "1", "y": "2"}), fieldManager="putter")
    assert owners(put) == {("one", "Apply"): fields("x"), ("putter", "Update"): fields("y")}
    sentence = 'Apply failed with 1 conflict: conflict with "putter" using v1: .data.y'
    assert await conflict(api, maps, config_map({"x": "1", "y": "1"}), "one") == sentence


async def test_what_is_patched_belongs_to_its_writer_even_of_the_same_name(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"x": "1"}), "one")
    patched = await ask(api, "PATCH", f"{maps}/a", {"data": {"x": "2"}}, MERGE_PATCH, fieldManager="one")
    assert owners(patched) == {("one", "Update"): fields("x")}
    sentence = 'Apply failed with 1 conflict: conflict with "one" using v1: .data.x'
    assert await conflict(api, maps, config_map({"x": "1"}), "one") == sentence


async def test_what_is_created_belongs_to_its_writer(api: Api, maps: str) -> None:
    made = await ask(api, "POST", maps, config_map({"x": "1"}), fieldManager="maker")
    assert owners(made) == {("maker", "Update"): {"f:data": {".": {}, "f:x": {}}}}
    told = await apply(api, maps, config_map({"x": "1"}), "one")
    assert owners(told)["one", "Apply"] == fields("x")
    sentence = 'Apply failed with 1 conflict: conflict with "maker" using v1: .data.x'
    assert await conflict(api, maps, config_map({"x": "2"}), "one") == sentence


@pytest.mark.parametrize("nobody", [[], [{}]], ids=["an empty list", "an empty entry"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_who_says_that_nobody_owns_anything_is_believed(
    api: Api, maps: str, method: str, nobody: list[Object]
) -> None:
    await apply(api, maps, config_map({"x": "1"}), "one")
    body = config_map({"x": "1"}, managedFields=nobody)
    told = await ask(api, method, f"{maps}/a", body, MERGE_PATCH if method == "PATCH" else JSON)
    assert owners(told) == {}
    assert 'conflict with "before-first-apply" using v1' in await conflict(api, maps, config_map({"x": "2"}), "two")


async def test_an_update_is_made_from_the_owners_that_it_says(api: Api, maps: str) -> None:
    made = await apply(api, maps, config_map({"x": "1"}), "one")
    (entry,) = made["metadata"]["managedFields"]
    body = config_map({"x": "1", "y": "2"}, managedFields=[{**entry, "manager": "another"}])
    told = await ask(api, "PUT", f"{maps}/a", body, fieldManager="writer")
    assert owners(told) == {
        ("another", "Apply"): {"f:data": {"f:x": {}}},
        ("writer", "Update"): {"f:data": {"f:y": {}}},
    }
    unreadable = config_map({"x": "1", "y": "2"}, managedFields=[{"manager": "nobody"}])
    assert owners(await ask(api, "PUT", f"{maps}/a", unreadable)) == owners(told)


async def test_a_dry_apply_writes_nothing(api: Api, maps: str) -> None:
    assert (await apply(api, maps, config_map({"x": "1"}), "one", dryRun="All"))["data"] == {"x": "1"}
    assert (await refusal(api, "GET", f"{maps}/a"))[0] == 404


_MANAGER = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: '


@pytest.mark.parametrize(
    ("body", "query", "answer"),
    [
        (config_map(), {}, (422, "Invalid", f"{_MANAGER}Required value: is required for apply patch")),
        (
            config_map(),
            {"fieldManager": "x" * 129},
            (422, "Invalid", f"{_MANAGER}Too long: may not be more than 128 bytes"),
        ),
        (config_map(managedFields=[]), {"fieldManager": "one"},
         (400, "BadRequest", "metadata.managedFields must be nil")),
        ({"apiVersion": "v1"}, {"fieldManager": "one"}, (400, "BadRequest", "invalid object type: /v1, Kind=")),
        (config_map() | {"kind": "Secret"}, {"fieldManager": "one"},
         (400, "BadRequest", "invalid object type: /v1, Kind=Secret")),
    ],
    ids=["without manager", "of a manager of too long a name", "of managed fields", "without kind", "of another kind"],
)  # fmt: skip
async def test_a_bad_apply_is_refused(
    api: Api, maps: str, body: Object, query: dict[str, str], answer: tuple[int, str, str]
) -> None:
    assert await refusal(api, "PATCH", f"{maps}/a", body, APPLY_PATCH, **query) == answer


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ({"more": 1}, ".more: field not declared in schema"),
        ({"data": {"x": 1}}, ".data.x: expected string, got &value.valueUnstructured{Value:1}"),
    ],
    ids=["field", "type"],
)
async def test_an_apply_of_another_shape_is_told_of_as_an_error(api: Api, maps: str, rest: Object, why: str) -> None:
    status, _, message = await refusal(api, "PATCH", f"{maps}/a", config_map() | rest, APPLY_PATCH, fieldManager="one")
    assert status == 500
    assert message.endswith(f"v1, Kind=ConfigMap): {why}")


async def test_a_patch_that_is_no_apply_cannot_be_forced(api: Api, maps: str) -> None:
    await ask(api, "POST", maps, config_map())
    sentence = 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'
    answer = await refusal(api, "PATCH", f"{maps}/a", {"data": {"x": "1"}}, MERGE_PATCH, force="true")
    assert answer == (422, "Invalid", sentence)


async def test_an_apply_of_a_stale_version_is_refused(api: Api, maps: str) -> None:
    await apply(api, maps, config_map({"x": "1"}), "one")
    assert await conflict(api, maps, config_map({"x": "1"}, resourceVersion="1"), "one") == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to '
        "the latest version and try again"
    )


async def test_replicas_written_through_scale_are_a_conflict(api: Api, deployments: str) -> None:
    await apply(api, deployments, deployment(replicas=0), "one")
    scale = {"spec": {"replicas": 1}}
    await ask(api, "PATCH", f"{deployments}/a/scale", scale, MERGE_PATCH, fieldManager="two")
    assert await conflict(api, deployments, deployment(replicas=0), "one") == (
        'Apply failed with 1 conflict: conflict with "two" with subresource "scale" using apps/v1: .spec.replicas'
    )


async def test_who_leaves_the_replicas_out_leaves_them_to_whoever_scaled(api: Api, deployments: str) -> None:
    await apply(api, deployments, deployment(replicas=0), "one")
    scale = {"spec": {"replicas": 1}}
    await ask(api, "PATCH", f"{deployments}/a/scale", scale, MERGE_PATCH, fieldManager="two")
    told = await apply(api, deployments, deployment(), "one")
    assert told["spec"]["replicas"] == 1
    assert owners(told)["two", "Update"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owners(told)["one", "Apply"]["f:spec"]


async def test_replicas_that_nobody_owns_any_more_are_one(api: Api, deployments: str) -> None:
    await apply(api, deployments, deployment(replicas=3), "one")
    assert (await apply(api, deployments, deployment(), "one"))["spec"]["replicas"] == 1


async def test_containers_are_owned_by_their_names(api: Api, deployments: str) -> None:
    env = [{"name": "K", "value": "1"}]
    ports = [{"containerPort": 80}]
    told = await apply(api, deployments, deployment(container("main", env=env, ports=ports), replicas=0), "one")
    owned = owners(told)["one", "Apply"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert owned == {
        'k:{"name":"main"}': {
            ".": {},
            "f:name": {},
            "f:image": {},
            "f:env": {'k:{"name":"K"}': {".": {}, "f:name": {}, "f:value": {}}},
            "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
        }
    }


async def test_other_managers_items_of_a_list_stay(api: Api, maps: str) -> None:
    await apply(api, maps, config_map(finalizers=["plimsoll.dev/one"]), "one")
    told = await apply(api, maps, config_map(finalizers=["plimsoll.dev/two"]), "two")
    assert told["metadata"]["finalizers"] == ["plimsoll.dev/one", "plimsoll.dev/two"]
    told = await apply(api, maps, config_map(), "one")
    assert told["metadata"]["finalizers"] == ["plimsoll.dev/two"]
    assert owners(told) == {("two", "Apply"): {"f:metadata": {"f:finalizers": {'v:"plimsoll.dev/two"': {}}}}}
    assert "finalizers" not in (await apply(api, maps, config_map(), "two"))["metadata"]


async def test_ports_of_a_service_are_merged_by_their_numbers(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"

    def service(*ports: Object) -> Object:
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": ports}}

    await apply(api, path, service({"name": "x", "port": 80}), "one")
    told = await apply(api, path, service({"name": "y", "port": 81}), "two")
    assert [each["port"] for each in told["spec"]["ports"]] == [80, 81]
    told = await apply(api, path, service({"name": "z", "port": 82}), "one")
    assert sorted(each["port"] for each in told["spec"]["ports"]) == [81, 82]
