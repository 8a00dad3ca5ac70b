"""What may a PodDisruptionBudget say? How it is counted is in test_controllers.py."""

from __future__ import annotations

from typing import Any

import pytest

from kube.client import MERGE_PATCH, Api
from tests.contract.asking import Object, ask, refusal


@pytest.fixture
def path(namespace: str) -> str:
    return f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"


def budget(selector: Object | None = None, **spec: Any) -> Object:
    return {"metadata": {"name": "a"}, "spec": {"selector": selector or {"matchLabels": {"a": "b"}}, **spec}}


def invalid(sentence: str) -> tuple[int, str, str]:
    return 422, "Invalid", f'PodDisruptionBudget.policy "a" is invalid: {sentence}'


@pytest.mark.parametrize("spec", [{"minAvailable": 1}, {"maxUnavailable": "100%"}, {}], ids=["count", "share", "none"])
async def test_a_budget_is_kept_as_it_is_sent(api: Api, path: str, spec: Object) -> None:
    made = await ask(api, "POST", path, budget(**spec))
    assert made["spec"] == budget(**spec)["spec"]
    assert made["metadata"]["generation"] == 1


async def test_a_new_budget_allows_nothing(api: Api, path: str) -> None:
    status = (await ask(api, "POST", path, budget(minAvailable=1)))["status"]
    assert status == {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}


async def test_a_budget_that_says_nothing_has_an_empty_spec(api: Api, path: str) -> None:
    assert (await ask(api, "POST", path, {"metadata": {"name": "a"}}))["spec"] == {}


async def test_a_budgets_selector_and_number_may_change(api: Api, path: str) -> None:
    await ask(api, "POST", path, budget(minAvailable=1))
    selector = {"matchLabels": {"a": "c"}}
    patch = {"spec": {"selector": selector, "minAvailable": None, "maxUnavailable": "50%"}}
    patched = await ask(api, "PATCH", f"{path}/a", patch, MERGE_PATCH)
    assert patched["spec"] == {"selector": selector, "maxUnavailable": "50%"}
    assert patched["metadata"]["generation"] == 2


_BOTH = (
    'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"a":"b"}},"MaxUnavailable":"50%",'
    '"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set'
)
_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)
_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def expression(operator: str, **rest: Any) -> Object:
    return {"matchExpressions": [{"key": "a", "operator": operator, **rest}]}


_REFUSED: dict[str, tuple[Object, str]] = {
    "both numbers": (budget(minAvailable=1, maxUnavailable="50%"), _BOTH),
    "a negative number": (
        budget(minAvailable=-1),
        "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0",
    ),
    "more than all": (
        budget(minAvailable="150%"),
        'spec.minAvailable: Invalid value: "150%": must not be greater than 100%',
    ),
    "a word": (budget(minAvailable="abc"), f'spec.minAvailable: Invalid value: "abc": {_PERCENT}'),
    "a negative share": (budget(maxUnavailable="-5%"), f'spec.maxUnavailable: Invalid value: "-5%": {_PERCENT}'),
    "an unknown policy": (
        budget(minAvailable=1, unhealthyPodEvictionPolicy="X"),
        'spec.unhealthyPodEvictionPolicy: Unsupported value: "X": supported values: "AlwaysAllow", "IfHealthyBudget"',
    ),
    "a selector without values": (
        budget(expression("In")),
        (
            "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or "
            "'NotIn'"
        ),
    ),
    "a selector of needless values": (
        budget(expression("Exists", values=["x"])),
        (
            "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or "
            "'DoesNotExist'"
        ),
    ),
    "a selector of an unknown operator": (
        budget(expression("X")),
        'spec.selector.matchExpressions[0].operator: Invalid value: "X": not a valid selector operator',
    ),
    "a selector of a bad value": (
        budget({"matchLabels": {"a": "b c"}}),
        f'spec.selector.matchLabels: Invalid value: "b c": {_VALUE}',
    ),
}


@pytest.mark.parametrize("what", _REFUSED)
async def test_a_bad_budget_is_refused(api: Api, path: str, what: str) -> None:
    body, sentence = _REFUSED[what]
    assert await refusal(api, "POST", path, body) == invalid(sentence)


async def test_a_budget_is_not_given_the_other_number_too(api: Api, path: str) -> None:
    await ask(api, "POST", path, budget(maxUnavailable="50%"))
    patch = {"spec": {"minAvailable": 1}}
    assert await refusal(api, "PATCH", f"{path}/a", patch, MERGE_PATCH) == invalid(_BOTH)


async def test_a_budget_does_not_allow_less_than_nothing(api: Api, path: str) -> None:
    await ask(api, "POST", path, budget(minAvailable=1))
    patch = {"status": {"disruptionsAllowed": -1}}
    sentence = "status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0"
    assert await refusal(api, "PATCH", f"{path}/a/status", patch, MERGE_PATCH) == invalid(sentence)


async def test_a_budget_is_not_replaced_without_a_version(api: Api, path: str) -> None:
    await ask(api, "POST", path, budget(minAvailable=1))
    sentence = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    answer = (422, "Invalid", f'poddisruptionbudgets.policy "a" is invalid: {sentence}')
    assert await refusal(api, "PUT", f"{path}/a", budget(minAvailable=2)) == answer
