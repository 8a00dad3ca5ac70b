"""What may be said to a Deployment and its scale, and what does the API server make of it?

What becomes of the pods is in test_controllers.py; here every Deployment is paused or has no replicas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kube.client import JSON, MERGE_PATCH, Api, ApiError
from tests.contract.objects import Object, deployment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Ask = Callable[..., Awaitable[Object]]
    Refused = Callable[..., Awaitable[tuple[int, str, str]]]

_JSON_PATCH = "application/json-patch+json"
_STALE = (
    'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes '
    "to the latest version and try again"
)
_MISMATCH = "`selector` does not match template `labels`"


@pytest.fixture
def ask(api: Api, namespace: str) -> Ask:
    """Ask something of the Deployments of the namespace; return the answer."""

    async def asked(method: str, path: str = "", body: Any = None, kind: str = JSON, **query: str) -> Object:
        where = f"/apis/apps/v1/namespaces/{namespace}/deployments/{path}".rstrip("/")
        answer: Object = msgspec.json.decode(
            await api.request(method, where, body=body, content_type=kind, query=query)
        )
        return answer

    return asked


@pytest.fixture
def refused(ask: Ask) -> Refused:
    """Ask in vain; return status, reason and sentence."""

    async def asked(*what: Any, **query: str) -> tuple[int, str, str]:
        with pytest.raises(ApiError) as caught:
            await ask(*what, **query)
        return caught.value.status, caught.value.reason, caught.value.message

    return asked


def idle(name: str = "web", **spec: Any) -> Object:
    """A Deployment that makes no pods."""
    return deployment(name, 0, paused=True, **spec)


def without(body: Object, field: str) -> Object:
    return {**body, "spec": {key: value for key, value in body["spec"].items() if key != field}}


def invalid(*causes: str) -> tuple[int, str, str]:
    told = causes[0] if len(causes) == 1 else f"[{', '.join(causes)}]"
    return 422, "Invalid", f'Deployment.apps "web" is invalid: {told}'


async def test_a_deployment_has_its_defaults(ask: Ask) -> None:
    body = deployment("web", 0, paused=True)
    made = await ask("POST", "", without(body, "replicas"))
    spec = {key: value for key, value in made["spec"].items() if key not in ("template", "selector")}
    assert spec == {
        "replicas": 1,
        "paused": True,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    assert made["spec"]["template"]["spec"] == {
        "containers": [
            {
                "name": "main",
                "image": "x",
                "imagePullPolicy": "Always",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 1,
    }
    assert (made["metadata"]["generation"], made["status"]) == (1, {})


async def test_a_deployment_that_recreates_has_no_rolling_update(ask: Ask) -> None:
    made = await ask("POST", "", idle(strategy={"type": "Recreate"}))
    assert made["spec"]["strategy"] == {"type": "Recreate"}


_REFUSED: dict[str, tuple[Object, tuple[int, str, str]]] = {
    "negative replicas": (
        idle() | {"spec": {**idle()["spec"], "replicas": -1}},
        invalid("spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
    ),
    "no selector": (
        without(idle(), "selector"),
        invalid(
            "spec.selector: Required value",
            f'spec.template.metadata.labels: Invalid value: {{"app":"web"}}: {_MISMATCH}',
        ),
    ),
    "an empty selector": (
        idle(selector={}),
        invalid("spec.selector: Invalid value: {}: empty selector is invalid for deployment"),
    ),
    "a selector of other pods": (
        idle(selector={"matchLabels": {"app": "other"}}),
        invalid(f'spec.template.metadata.labels: Invalid value: {{"app":"web"}}: {_MISMATCH}'),
    ),
    "a selector that says no values": (
        idle(selector={"matchExpressions": [{"key": "app", "operator": "In"}]}),
        invalid(
            "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or "
            "'NotIn'",
            'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"In"}]}: invalid label '
            "selector",
        ),
    ),
    "no spec": (
        {"metadata": {"name": "web"}},
        invalid(
            "spec.selector: Required value",
            f"spec.template.metadata.labels: Invalid value: null: {_MISMATCH}",
            "spec.template.spec.containers: Required value",
        ),
    ),
    "pods without containers": (
        idle(template={"metadata": {"labels": {"app": "web"}}}),
        invalid("spec.template.spec.containers: Required value"),
    ),
    "pods that do not restart": (
        idle(
            template={
                "metadata": {"labels": {"app": "web"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "x"}]},
            }
        ),
        invalid('spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'),
    ),
    "a rolling update that cannot move": (
        idle(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
        invalid("spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"),
    ),
    "a rolling update of what recreates": (
        idle(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
        invalid("spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"),
    ),
    "an unknown strategy": (
        idle(strategy={"type": "X"}),
        invalid(
            'spec.strategy: Unsupported value: {"Type":"X","RollingUpdate":null}: supported values: "Recreate", '
            '"RollingUpdate"'
        ),
    ),
    "negative seconds": (
        idle(minReadySeconds=-1),
        invalid("spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"),
    ),
    "a negative history": (
        idle(revisionHistoryLimit=-1),
        invalid("spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"),
    ),
    "a deadline before readiness": (
        idle(minReadySeconds=700),
        invalid("spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"),
    ),
}


@pytest.mark.parametrize("what", _REFUSED)
async def test_a_bad_deployment_is_refused(refused: Refused, what: str) -> None:
    body, answer = _REFUSED[what]
    assert await refused("POST", "", body) == answer


async def test_a_deployments_selector_is_immutable(ask: Ask, refused: Refused) -> None:
    await ask("POST", "", idle())
    labels = {"app": "web", "x": "y"}
    selector = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}
    assert await refused("PATCH", "web", {"spec": selector}, MERGE_PATCH) == invalid(
        'spec.selector: Invalid value: {"matchLabels":{"app":"web","x":"y"}}: field is immutable'
    )


async def test_a_deployments_template_keeps_the_labels_of_its_selector(ask: Ask, refused: Refused) -> None:
    await ask("POST", "", idle())
    other = {"template": {"metadata": {"labels": {"app": "other"}}}}
    assert await refused("PATCH", "web", {"spec": other}, MERGE_PATCH) == invalid(
        f'spec.template.metadata.labels: Invalid value: {{"app":"other"}}: {_MISMATCH}'
    )


async def test_a_changed_selector_is_told_of_with_all_that_it_breaks(ask: Ask, refused: Refused) -> None:
    await ask("POST", "", idle())
    other = {"spec": {"selector": {"matchLabels": {"x": "y"}}}}
    assert await refused("PATCH", "web", other, MERGE_PATCH) == invalid(
        f'spec.template.metadata.labels: Invalid value: {{"app":"web"}}: {_MISMATCH}',
        'spec.selector: Invalid value: {"matchLabels":{"app":"web","x":"y"}}: field is immutable',
    )


@pytest.mark.parametrize(
    ("path", "body", "generation"),
    [
        ("web", {"metadata": {"labels": {"x": "y"}}}, 1),
        ("web", {"spec": {"replicas": 0}}, 1),
        ("web", {"status": {"replicas": 9}}, 1),
        ("web/status", {"status": {"replicas": 9}, "spec": {"replicas": 9}}, 1),
        ("web", {"metadata": {"annotations": {"x": "y"}}}, 2),
        ("web", {"spec": {"replicas": 2}}, 2),
        ("web", {"spec": {"minReadySeconds": 1}}, 2),
        ("web/scale", {"spec": {"replicas": 2}}, 2),
        ("web/scale", {"spec": {"replicas": 0}}, 1),
    ],
    ids=[
        "a label does not", "the same replicas do not", "a status does not", "the status path does not",
        "an annotation does", "replicas do", "another field does", "a scale does", "the same scale does not",
    ],
)  # fmt: skip
async def test_a_deployments_generation_counts_what_its_controller_must_see(
    ask: Ask, path: str, body: Object, generation: int
) -> None:
    await ask("POST", "", idle())
    await ask("PATCH", path, body, MERGE_PATCH)
    assert (await ask("GET", "web"))["metadata"]["generation"] == generation


async def test_replicas_taken_away_are_one_again(ask: Ask) -> None:
    await ask("POST", "", idle())
    assert (await ask("PATCH", "web", {"spec": {"replicas": None}}, MERGE_PATCH))["spec"]["replicas"] == 1


async def test_a_scale_shows_replicas_and_selector(ask: Ask) -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["z", "y"]},
        {"key": "old", "operator": "NotIn", "values": ["x"]},
        {"key": "app", "operator": "Exists"},
        {"key": "gone", "operator": "DoesNotExist"},
    ]
    body = idle(selector={"matchLabels": {"app": "web"}, "matchExpressions": expressions})
    body["spec"]["template"]["metadata"]["labels"] = {"app": "web", "tier": "y"}
    body["spec"]["replicas"] = 3
    made = (await ask("POST", "", body))["metadata"]
    scale = await ask("GET", "web/scale")
    kept = ("name", "namespace", "uid", "creationTimestamp")
    assert {key: scale["metadata"].pop(key) for key in kept} == {key: made[key] for key in kept}
    assert scale["metadata"].keys() == {"resourceVersion"}
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 0, "selector": "app=web,app,!gone,old notin (x),tier in (y,z)"}


async def test_a_scale_of_zero_says_nothing(ask: Ask) -> None:
    await ask("POST", "", idle())
    assert (await ask("GET", "web/scale"))["spec"] == {}


@pytest.mark.parametrize(
    ("method", "kind", "body"),
    [
        ("PATCH", MERGE_PATCH, {"spec": {"replicas": 2}}),
        ("PATCH", _JSON_PATCH, [{"op": "add", "path": "/spec/replicas", "value": 2}]),
        ("PUT", JSON, {"metadata": {"name": "web"}, "spec": {"replicas": 2}}),
        ("PUT", JSON, {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"},
                       "spec": {"replicas": 2}, "status": {"replicas": 77}}),
    ],
    ids=["by merge patch", "by JSON patch", "by PUT", "by PUT of a whole scale"],
)  # fmt: skip
async def test_a_scale_changes_the_replicas_and_nothing_else(ask: Ask, method: str, kind: str, body: Any) -> None:
    before = await ask("POST", "", idle())
    told = await ask(method, "web/scale", body, kind)
    assert (told["kind"], told["spec"]) == ("Scale", {"replicas": 2})
    after = await ask("GET", "web")
    assert after["spec"] == {**before["spec"], "replicas": 2}
    assert after["metadata"].get("labels") == before["metadata"].get("labels")


async def test_a_scale_has_no_labels_to_change(ask: Ask) -> None:
    await ask("POST", "", idle())
    await ask("PATCH", "web/scale", {"metadata": {"labels": {"x": "y"}}, "status": {"replicas": 7}}, MERGE_PATCH)
    assert "labels" not in (await ask("GET", "web"))["metadata"]


async def test_a_dry_scale_writes_nothing(ask: Ask) -> None:
    await ask("POST", "", idle())
    dry = await ask("PATCH", "web/scale", {"spec": {"replicas": 7}}, MERGE_PATCH, dryRun="All")
    assert dry["spec"] == {"replicas": 7}
    put = await ask("PUT", "web/scale", {"metadata": {"name": "web"}, "spec": {"replicas": 8}}, dryRun="All")
    assert put["spec"] == {"replicas": 8}
    assert (await ask("GET", "web"))["spec"]["replicas"] == 0


async def test_a_scale_without_replicas_is_zero(ask: Ask) -> None:
    await ask("POST", "", idle() | {"spec": {**idle()["spec"], "replicas": 3}})
    await ask("PATCH", "web/scale", {"spec": {"replicas": None}}, MERGE_PATCH)
    assert (await ask("GET", "web"))["spec"]["replicas"] == 0


async def test_a_stale_scale_is_refused(ask: Ask, refused: Refused) -> None:
    await ask("POST", "", idle())
    stale = await ask("GET", "web/scale")
    await ask("PATCH", "web/scale", {"spec": {"replicas": 1}}, MERGE_PATCH)
    assert await refused("PUT", "web/scale", stale) == (409, "Conflict", _STALE)
    version = {"metadata": {"resourceVersion": stale["metadata"]["resourceVersion"]}, "spec": {"replicas": 5}}
    assert await refused("PATCH", "web/scale", version, MERGE_PATCH) == (409, "Conflict", _STALE)


async def test_a_scale_of_another_uid_is_refused(ask: Ask, refused: Refused) -> None:
    uid = (await ask("POST", "", idle()))["metadata"]["uid"]
    other = {"metadata": {"uid": "x"}, "spec": {"replicas": 1}}
    told = f"Precondition failed: UID in precondition: x, UID in object meta: {uid}"
    assert await refused("PATCH", "web/scale", other, MERGE_PATCH) == (
        409, "Conflict", f'Operation cannot be fulfilled on deployments/scale.apps "web": {told}',
    )  # fmt: skip
    status, reason, message = await refused("PUT", "web/scale", other | {"metadata": {"name": "web", "uid": "x"}})
    assert (status, reason) == (409, "Conflict")
    assert message.endswith(told)


@pytest.mark.parametrize(
    ("method", "kind", "metadata"), [("PATCH", MERGE_PATCH, {}), ("PUT", JSON, {"metadata": {"name": "web"}})]
)
async def test_a_negative_scale_is_refused(
    ask: Ask, refused: Refused, method: str, kind: str, metadata: Object
) -> None:
    await ask("POST", "", idle())
    assert await refused(method, "web/scale", metadata | {"spec": {"replicas": -1}}, kind) == (
        422,
        "Invalid",
        'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    )


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({}, "the name of the object (web based on URL) was undeterminable: name must be provided"),
        ({"name": "other"}, "the name of the object (other) does not match the name on the URL (web)"),
        (
            {"name": "web", "namespace": "other"},
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ],
    ids=["of no name", "of another name", "of another namespace"],
)
async def test_a_scale_of_another_object_is_refused(
    ask: Ask, refused: Refused, metadata: Object, sentence: str
) -> None:
    await ask("POST", "", idle())
    body = {"metadata": metadata, "spec": {"replicas": 1}}
    assert await refused("PUT", "web/scale", body) == (400, "BadRequest", sentence)


async def test_a_scale_that_is_put_says_whose_it_is(ask: Ask, refused: Refused) -> None:
    await ask("POST", "", idle())
    sentence = "the name of the object (web based on URL) was undeterminable: name must be provided"
    for body in ({}, {"spec": {"replicas": 1}}):
        assert await refused("PUT", "web/scale", body) == (400, "BadRequest", sentence)


async def test_a_scale_is_no_deployment(ask: Ask, refused: Refused) -> None:
    made = await ask("POST", "", idle())
    assert await refused("PUT", "web/scale", made) == (
        400,
        "BadRequest",
        (
            'Deployment in version "v1" cannot be handled as a Scale: converting (v1.Deployment) to '
            "(autoscaling.Scale): unknown conversion"
        ),
    )


async def test_what_is_not_there_has_no_scale(refused: Refused) -> None:
    absent = (404, "NotFound", 'deployments.apps "web" not found')
    assert await refused("GET", "web/scale") == absent
    assert await refused("PATCH", "web/scale", {"spec": {"replicas": 1}}, MERGE_PATCH) == absent


async def test_a_scale_is_neither_created_nor_deleted(ask: Ask, refused: Refused) -> None:
    await ask("POST", "", idle())
    for method in ("POST", "DELETE"):
        status, reason, _ = await refused(method, "web/scale", {"spec": {"replicas": 1}})
        assert (status, reason) == (405, "MethodNotAllowed")
