"""What stands in a list: pages, versions, label and field selectors?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.asking import Object, decoded, refusal_of

if TYPE_CHECKING:
    from kube.client import Api

_NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


class Leases:
    """The Leases of one namespace: nobody else makes any there."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"

    async def create(self, name: str, **labels: str) -> Object:
        body = {"metadata": {"name": name, "labels": labels}, "spec": {"holderIdentity": "x"}}
        return decoded(await self.api.request("POST", self.path, body=body))

    async def listed(self, **query: str) -> Object:
        return decoded(await self.api.request("GET", self.path, query=query))

    async def names(self, **query: str) -> list[str]:
        return [each["metadata"]["name"] for each in (await self.listed(**query))["items"]]


@pytest.fixture
def leases(api: Api, namespace: str) -> Leases:
    return Leases(api, namespace)


@pytest.fixture
async def five(leases: Leases) -> Leases:
    """Leases "a" to "e", each with its name and its number in labels."""
    for number, name in enumerate("abcde", start=1):
        await leases.create(name, own=name, number=str(number), half="first" if number < 3 else "second")
    return leases


async def test_a_list_is_in_the_order_of_names_and_bears_a_version(leases: Leases) -> None:
    made = [await leases.create(name) for name in ("b", "c", "a")]
    listed = await leases.listed()
    assert listed["kind"] == "LeaseList"
    assert listed["apiVersion"] == "coordination.k8s.io/v1"
    assert listed["metadata"].keys() == {"resourceVersion"}
    assert int(listed["metadata"]["resourceVersion"]) >= max(int(each["metadata"]["resourceVersion"]) for each in made)
    assert [each["metadata"]["name"] for each in listed["items"]] == ["a", "b", "c"]


async def test_the_items_of_a_list_bear_no_kind(leases: Leases) -> None:
    made = await leases.create("a")
    (item,) = (await leases.listed())["items"]
    assert item == {key: made[key] for key in ("metadata", "spec")}


async def test_all_namespaces_are_listed_at_once(five: Leases, managed_namespace: str) -> None:
    await Leases(five.api, managed_namespace).create("a", own="a")
    answer = await five.api.request(
        "GET",
        "/apis/coordination.k8s.io/v1/leases",
        query={"labelSelector": "own=a", "fieldSelector": "metadata.name=a"},
    )
    found = {each["metadata"]["namespace"] for each in decoded(answer)["items"]}
    assert found >= {five.path.split("/")[5], managed_namespace}


async def test_pages_show_one_moment(five: Leases) -> None:
    first = await five.listed(limit="2")
    assert [each["metadata"]["name"] for each in first["items"]] == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 3
    await five.create("bb")
    await five.api.request("DELETE", f"{five.path}/c")
    second = await five.listed(limit="2", **{"continue": first["metadata"]["continue"]})
    assert [each["metadata"]["name"] for each in second["items"]] == ["c", "d"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert second["metadata"]["remainingItemCount"] == 1
    last = await five.listed(limit="2", **{"continue": second["metadata"]["continue"]})
    assert [each["metadata"]["name"] for each in last["items"]] == ["e"]
    assert last["metadata"].keys() == {"resourceVersion"}


async def test_a_page_can_be_read_again_and_the_rest_without_a_limit(five: Leases) -> None:
    token = (await five.listed(limit="2"))["metadata"]["continue"]
    for _ in range(2):
        assert await five.names(limit="1", **{"continue": token}) == ["c"]
    assert await five.names(**{"continue": token}) == ["c", "d", "e"]


async def test_pages_of_a_selection_do_not_tell_how_much_is_left(five: Leases) -> None:
    page = await five.listed(limit="1", labelSelector="half=second")
    assert [each["metadata"]["name"] for each in page["items"]] == ["c"]
    assert page["metadata"].keys() == {"resourceVersion", "continue"}


@pytest.mark.parametrize("limit", ["0", "5", "6", "-1"])
async def test_a_limit_that_nothing_exceeds_makes_no_pages(five: Leases, limit: str) -> None:
    listed = await five.listed(limit=limit)
    assert len(listed["items"]) == 5
    assert listed["metadata"].keys() == {"resourceVersion"}


async def test_a_malformed_page_is_refused(five: Leases) -> None:
    token = (await five.listed(limit="2"))["metadata"]["continue"]
    sentence = 'strconv.ParseInt: parsing "x": invalid syntax'
    assert await refusal_of(five.listed(limit="x")) == (400, "BadRequest", sentence)
    sentence = "specifying resource version is not allowed when using continue"
    call = five.listed(resourceVersion="5", **{"continue": token})
    assert await refusal_of(call) == (400, "BadRequest", sentence)
    status, reason, message = await refusal_of(five.listed(**{"continue": "no such"}))
    assert (status, reason) == (400, "BadRequest")
    assert message.startswith("invalid continue token: continue key is not valid: ")


async def test_a_list_from_memory_has_no_pages(five: Leases) -> None:
    await five.listed()  # which has the real server's memory catch up
    assert len(await five.names(limit="1", resourceVersion="0")) == 5


async def test_a_list_is_at_least_as_new_as_asked(five: Leases) -> None:
    version = (await five.listed())["metadata"]["resourceVersion"]
    for asked in ("1", version):
        assert len(await five.names(resourceVersion=asked)) == 5


async def test_a_version_to_come_is_not_waited_for_long(five: Leases) -> None:
    version = (await five.listed())["metadata"]["resourceVersion"]
    for path in (five.path, f"{five.path}/a"):
        call = five.api.request("GET", path, query={"resourceVersion": f"1{version}"})
        status, reason, message = await refusal_of(call)
        assert (status, reason) == (504, "Timeout")
        assert message.startswith(f"Timeout: Too large resource version: 1{version}, current: ")


async def test_a_version_that_is_no_number_is_refused(five: Leases) -> None:
    why = 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'
    call = five.listed(resourceVersion="abc")
    assert await refusal_of(call) == (400, "BadRequest", f"invalid resource version: {why}")
    one = five.api.request("GET", f"{five.path}/a", query={"resourceVersion": "abc"})
    assert await refusal_of(one) == (500, "", why)


_LABELS = {
    "own=a": "a",
    "own==a": "a",
    "own!=a": "bcde",
    "own in (a,b)": "ab",
    "own notin (a, b)": "cde",
    "no notin (a)": "abcde",
    "own": "abcde",
    "!own": "",
    "!no": "abcde",
    "own in (a,c),half=second": "c",
    "number>2": "cde",
    "number<2": "a",
    "number>1,number<4": "bc",
    "own>1": "",
    "own=": "",
    "own in ()": "",
    "own in (,a)": "a",
    "own=,half": "",
    "in in (in)": "",
    "": "abcde",
}


@pytest.mark.parametrize("selector", _LABELS)
async def test_labels_select(five: Leases, selector: str) -> None:
    assert await five.names(labelSelector=selector) == list(_LABELS[selector])


_BAD_LABELS = {
    "own in (a": "unable to parse requirement: found '', expected: ',' or ')'",
    "own in a": "unable to parse requirement: found 'a' expected: '('",
    "own in (a b)": "unable to parse requirement: found 'b', expected: ',' or ')'",
    "own=a b": "found 'b', expected: ',' or 'end of string'",
    "=a": "found '=', expected: !, identifier, or 'end of string'",
    ",": "found ',', expected: !, identifier, or 'end of string'",
    "own==a,": "found '', expected: identifier after ','",
    "own===a": "unable to parse requirement: found '=', expected: identifier",
    "number>=2": "unable to parse requirement: found '=', expected: identifier",
    "!": "unable to parse requirement: found '', expected: identifier",
    "!!own": "unable to parse requirement: found '!', expected: identifier",
    "own gt 5": "unable to parse requirement: found 'gt', expected: in, notin, =, ==, !=, gt, lt",
    "-own": f'unable to parse requirement: <nil>: Invalid value: "-own": {_NAME_PART}',
    "own=-a": f'unable to parse requirement: values[0][own]: Invalid value: "-a": {_VALUE}',
    "own=a;half=b": f'unable to parse requirement: values[0][own]: Invalid value: "a;half": {_VALUE}',
    "own>a": (
        "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an "
        "integer"
    ),
}


@pytest.mark.parametrize("selector", _BAD_LABELS)
async def test_a_label_selector_that_cannot_be_read_is_refused(leases: Leases, selector: str) -> None:
    status, reason, message = await refusal_of(leases.names(labelSelector=selector))
    assert (status, reason) == (400, "BadRequest")
    # Where the list of requirements goes on, its sentence is the last part.
    assert message == _BAD_LABELS[selector] or message.startswith(_BAD_LABELS[selector])


_FIELDS = {
    "metadata.name=a": "a",
    "metadata.name==a": "a",
    "metadata.name!=a,metadata.name!=b": "cde",
    "metadata.name=a,metadata.name=b": "",
    "metadata.name=a,": "a",
    "metadata.name=a\\,b": "",
    "metadata.namespace=default": "",
    "metadata.namespace!=default": "abcde",
    ",": "abcde",
}


@pytest.mark.parametrize("selector", _FIELDS)
async def test_fields_select(five: Leases, selector: str) -> None:
    assert await five.names(fieldSelector=selector) == list(_FIELDS[selector])


_UNKNOWN = 'is not a known field selector: only "metadata.name", "metadata.namespace"'
_BAD_FIELDS = {
    "metadata.uid=x": f'"metadata.uid" {_UNKNOWN}',
    "spec.holderIdentity=x": f'"spec.holderIdentity" {_UNKNOWN}',
    "metadata.labels.own=a": f'"metadata.labels.own" {_UNKNOWN}',
    "=x": f'"" {_UNKNOWN}',
    "metadata.name": "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
    "metadata.name in (a)": "invalid selector: 'metadata.name in (a)'; can't understand 'metadata.name in (a)'",
    "metadata.name=a=b": "invalid field selector: unescaped character in value: 61",
    "metadata.name=a\\x": "invalid field selector: invalid escape sequence: \\x",
}


@pytest.mark.parametrize("selector", _BAD_FIELDS)
async def test_a_field_selector_that_cannot_be_read_is_refused(leases: Leases, selector: str) -> None:
    assert await refusal_of(leases.names(fieldSelector=selector)) == (400, "BadRequest", _BAD_FIELDS[selector])


@pytest.mark.parametrize("path", ["/api/v1/nodes", "/api/v1/pods"])
async def test_a_kind_with_fields_of_its_own_names_the_one_that_it_does_not_know(api: Api, path: str) -> None:
    call = api.request("GET", path, query={"fieldSelector": "spec.foo=x"})
    assert await refusal_of(call) == (400, "BadRequest", "field label not supported: spec.foo")


async def test_pods_are_selected_by_their_node_and_scheduler(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    spec = {"containers": [{"name": "main", "image": "x"}], "terminationGracePeriodSeconds": 0}
    waiting, bound = {**spec, "schedulerName": "nobody"}, {**spec, "nodeName": "gpu-00"}
    await api.request("POST", path, body={"metadata": {"name": "waiting"}, "spec": waiting})
    await api.request("POST", path, body={"metadata": {"name": "bound"}, "spec": bound})
    selectors = {
        "spec.nodeName=": ["waiting"],
        "spec.nodeName!=": ["bound"],
        "spec.nodeName=gpu-00": ["bound"],
        "spec.schedulerName=nobody": ["waiting"],
        "status.phase=Pending,spec.nodeName=": ["waiting"],
        "spec.restartPolicy=Always": ["bound", "waiting"],
    }
    for selector, names in selectors.items():
        found = decoded(await api.request("GET", path, query={"fieldSelector": selector}))["items"]
        assert [each["metadata"]["name"] for each in found] == names, selector
