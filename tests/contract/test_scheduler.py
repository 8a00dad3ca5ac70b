"""How are pods scheduled, and what is an extender asked, in which order, and when again?

The embedded cluster's scheduler is asked for exactly what kube-scheduler does with the shipped configuration.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pytest
from aiohttp import web

from kube.client import MERGE_PATCH, Api
from plimsoll.embedded import EmbeddedCluster
from tests.contract.extending import Object, RecordingExtender, bind, reject
from tests.contract.objects import NOBODY, pod

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from deploy.local import LocalCluster

NODES = ["gpu-00", "gpu-01", "gpu-02", "gpu-03"]
MARKED = [{"name": "main", "image": "x", "resources": {"limits": {"plimsoll.dev/gpu": "1"}}}]
PREEMPTION = "no new claims to deallocate, preemption: 0/4 nodes are available:"
_LIMIT_S = 20.0  # of each wait
_POLL_S = 0.01
_AT_ONCE_S = 0.9
"""Shorter than any back-off, longer than a loaded machine takes."""


@pytest.fixture
async def extender(request: pytest.FixtureRequest, on_real: bool) -> AsyncIterator[RecordingExtender]:  # noqa: FBT001
    """What the scheduler named plimsoll asks."""
    port = 0
    if on_real:
        cluster: LocalCluster = request.getfixturevalue("cluster")
        if cluster.pid("extender") is not None:
            cluster.stop("extender")
        port = cluster.addresses.ports["extender"]
    async with RecordingExtender(port) as running:
        yield running


@pytest.fixture
async def api(
    request: pytest.FixtureRequest,
    on_real: bool,  # noqa: FBT001
    extender: RecordingExtender,
) -> AsyncIterator[Api]:
    """The admin's connection to a cluster whose scheduler asks this extender."""
    async with AsyncExitStack() as stack:
        if on_real:
            kubeconfig = request.getfixturevalue("cluster").admin_kubeconfig
        else:
            embedded = EmbeddedCluster(nodes=4, gpus_per_node=4, extender_url=extender.url)
            kubeconfig = (await stack.enter_async_context(embedded)).admin_kubeconfig
        extender.api = await Api.connect(kubeconfig)
        yield extender.api
        await extender.api.close()


_Found = TypeVar("_Found")


class Pods:
    """The pods of one namespace."""

    def __init__(self, api: Api, namespace: str, extender: RecordingExtender) -> None:
        self._api = api
        self.namespace = namespace
        self._extender = extender
        self._path = f"/api/v1/namespaces/{namespace}/pods"

    async def marked(self, name: str, **spec: Any) -> Object:
        """Create a pod that the extender is asked about."""
        return await self.create(name, schedulerName="plimsoll", **{"containers": MARKED, **spec})

    async def create(self, name: str, **spec: Any) -> Object:
        """Create a pod."""
        created: Object = msgspec.json.decode(await self._api.request("POST", self._path, body=pod(name, **spec)))
        return created

    async def rejected(self, name: str) -> None:
        """Create a pod that the extender rejects, and wait until it is no longer tried."""
        self._extender.filter = reject
        await self.marked(name)
        await self.until_told(name)
        await self.until_quiet()

    async def get(self, name: str) -> Object:
        """Read a pod."""
        read: Object = msgspec.json.decode(await self._api.request("GET", f"{self._path}/{name}"))
        return read

    async def patch(self, name: str, body: Object, path: str = "") -> None:
        """Change a pod."""
        await self._api.request("PATCH", f"{self._path}/{name}{path}", body=body, content_type=MERGE_PATCH)

    async def delete(self, name: str) -> None:
        """Delete a pod at once."""
        await self._api.request("DELETE", f"{self._path}/{name}", query={"gracePeriodSeconds": "0"})

    async def until_bound(self, name: str) -> str:
        """Return the node of a pod as soon as it has one."""

        async def node() -> str | None:
            return (await self.get(name))["spec"].get("nodeName")  # type: ignore[no-any-return]

        return await found(node)

    async def until_told(self, name: str) -> tuple[str, str]:
        """Return reason and message of a pod's condition as soon as it is told why it is not scheduled."""

        async def told() -> tuple[str, str] | None:
            for condition in (await self.get(name))["status"].get("conditions", ()):
                if condition["type"] == "PodScheduled" and condition["status"] == "False":
                    return condition["reason"], condition["message"]
            return None

        return await found(told)

    async def until_promised_nothing(self, name: str) -> None:
        """Wait until a pod has no nominated node."""

        async def nothing() -> bool:
            return "nominatedNodeName" not in (await self.get(name))["status"]

        await found(nothing)

    async def until_quiet(self) -> None:
        """Wait until nothing has been asked for a while."""
        asked = -1
        while asked != len(self._extender.asked):
            asked = len(self._extender.asked)
            await asyncio.sleep(0.5)

    async def events(self, name: str, reason: str) -> list[Object]:
        """Return the Events about a pod as soon as there are any."""
        query = {"fieldSelector": f"involvedObject.name={name},reason={reason}"}

        async def events() -> list[Object]:
            answer = await self._api.request("GET", f"/api/v1/namespaces/{self.namespace}/events", query=query)
            return list(msgspec.json.decode(answer)["items"])

        return await found(events)


@pytest.fixture
def pods(api: Api, namespace: str, extender: RecordingExtender) -> Pods:
    """The pods of the test."""
    return Pods(api, namespace, extender)


async def found(look: Callable[[], Awaitable[_Found | None]]) -> _Found:
    """Return what is looked for as soon as it is there."""
    async with asyncio.timeout(_LIMIT_S):
        while True:
            if there := await look():
                return there
            await asyncio.sleep(_POLL_S)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(_LIMIT_S):
        while not true():  # noqa: ASYNC110  what is waited for happens in many ways
            await asyncio.sleep(_POLL_S)


# --- what is asked ---


async def test_the_extender_filters_prioritizes_and_binds(pods: Pods, extender: RecordingExtender) -> None:
    extender.filter = lambda _, nodes: {"NodeNames": [node for node in nodes if node != "gpu-00"]}
    extender.scores = {"gpu-02": 10}
    created = await pods.marked("one")
    assert await pods.until_bound("one") == "gpu-02"
    filtered, prioritized, bound = extender.asked
    assert (filtered.verb, filtered.nodes) == ("filter", NODES)
    assert (prioritized.verb, prioritized.nodes) == ("prioritize", NODES[1:])
    assert bound.body == {
        "PodName": "one",
        "PodNamespace": pods.namespace,
        "PodUID": created["metadata"]["uid"],
        "Node": "gpu-02",
    }


async def test_the_pod_is_sent_whole_but_for_its_kind_and_managed_fields(
    pods: Pods, extender: RecordingExtender
) -> None:
    created = await pods.marked("one", nodeSelector={"kubernetes.io/os": "linux"})
    await pods.until_bound("one")
    sent = extender.of("filter")[0].body
    del created["metadata"]["managedFields"], created["kind"], created["apiVersion"]
    assert sent["Pod"] == created
    assert sent["Nodes"] is None
    assert list(sent) == ["Pod", "Nodes", "NodeNames"]


async def test_the_last_node_is_not_prioritized(pods: Pods, extender: RecordingExtender) -> None:
    extender.filter = lambda _, __: {"NodeNames": ["gpu-03"]}
    await pods.marked("one")
    assert await pods.until_bound("one") == "gpu-03"
    assert [each.verb for each in extender.asked] == ["filter", "bind"]


async def test_nobody_is_asked_about_a_pod_without_a_managed_resource(pods: Pods, extender: RecordingExtender) -> None:
    await pods.create("plain", schedulerName="plimsoll")
    assert await pods.until_bound("plain") in NODES
    assert not extender.asked


async def test_whole_gpus_are_counted_by_the_scheduler_and_asked_about(pods: Pods, extender: RecordingExtender) -> None:
    def gpus(count: int) -> list[Object]:
        return [{"name": "main", "image": "x", "resources": {"limits": {"nvidia.com/gpu": str(count)}}}]

    extender.filter = lambda _, __: {"NodeNames": ["gpu-01"]}
    await pods.marked("three", containers=gpus(3))
    await pods.until_bound("three")
    await pods.marked("two", containers=gpus(2), nodeSelector={"kubernetes.io/hostname": "gpu-01"})
    assert "1 Insufficient nvidia.com/gpu" in (await pods.until_told("two"))[1]
    assert not extender.of("filter", "two")


async def test_the_extender_sees_the_nodes_that_the_schedulers_own_filters_leave(
    pods: Pods, extender: RecordingExtender
) -> None:
    pinned = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["gpu-02"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": pinned}}
    await pods.marked("pinned", affinity={"nodeAffinity": required})
    assert await pods.until_bound("pinned") == "gpu-02"
    assert extender.of("filter")[0].nodes == ["gpu-02"]


async def test_errors_of_prioritize_do_not_matter(pods: Pods, extender: RecordingExtender) -> None:
    extender.instead["prioritize"] = web.Response(status=500)
    await pods.marked("one")
    assert await pods.until_bound("one") in NODES


# --- in which order ---


async def test_one_pod_at_a_time_by_priority_then_by_age(pods: Pods, extender: RecordingExtender) -> None:
    extender.hold("filter")
    await pods.marked("first")
    await until(lambda: bool(extender.asked))
    for name in ("old", "young"):
        await pods.marked(name)
    await pods.marked("important", priorityClassName="system-cluster-critical")
    await asyncio.sleep(0.3)
    assert [each.pod for each in extender.of("filter")] == ["first"]
    extender.release("filter")
    await until(lambda: len(extender.of("filter")) >= 4)
    assert [each.pod for each in extender.of("filter")[:4]] == ["first", "important", "old", "young"]


async def test_a_gated_pod_is_asked_about_when_its_gates_are_gone(pods: Pods, extender: RecordingExtender) -> None:
    await pods.marked("gated", schedulingGates=[{"name": "example.com/wait"}])
    await pods.marked("other")
    await pods.until_bound("other")
    assert not extender.of("filter", "gated")
    await pods.patch("gated", {"spec": {"schedulingGates": None}})
    assert await pods.until_bound("gated") in NODES


async def test_bindings_under_way_hold_up_neither_each_other_nor_other_pods(
    pods: Pods, extender: RecordingExtender
) -> None:
    extender.hold("bind")
    names = [f"pod-{number}" for number in range(12)]
    await asyncio.gather(*(pods.marked(name) for name in names))
    await until(lambda: len(extender.of("bind")) == len(names))
    extender.release("bind")
    for name in names:
        await pods.until_bound(name)
    assert len(extender.of("filter")) == len(names)


async def test_a_pod_whose_binding_is_under_way_takes_room(pods: Pods, extender: RecordingExtender) -> None:
    extender.filter = lambda _, nodes: {"NodeNames": nodes[:1]}
    extender.late_s["bind"] = 0.6
    large = [{"name": "main", "image": "x", "resources": {"limits": {"plimsoll.dev/gpu": "1", "cpu": "60"}}}]
    for name in ("one", "two"):
        await pods.marked(name, containers=large)
    await until(lambda: len(extender.of("filter")) == 2)
    first, second = extender.of("filter")
    assert len(first.nodes) == 4
    assert len(second.nodes) == 3


# --- who is tried again, and when ---


async def test_a_rejected_pod_is_told_why_and_tried_once_more_for_that_change_of_itself(
    pods: Pods, extender: RecordingExtender
) -> None:
    extender.filter = reject
    await pods.marked("one")
    told = await pods.until_told("one")
    assert told == (
        "Unschedulable",
        f"0/4 nodes are available: 4 no room. {PREEMPTION} 4 No preemption victims found for incoming pod.",
    )
    await asyncio.sleep(1.0)
    assert len(extender.of("filter", "one")) == 2
    (event, *_) = await pods.events("one", "FailedScheduling")
    assert (event["type"], event["message"]) == ("Warning", told[1])


async def _changed_itself(_api: Api, pods: Pods) -> None:
    await pods.patch("one", {"metadata": {"annotations": {"plimsoll.dev/kick": "now"}}})


async def _labelled_itself(_api: Api, pods: Pods) -> None:
    await pods.patch("one", {"metadata": {"labels": {"kicked": "now"}}})


async def _annotated_a_node(api: Api, _pods: Pods) -> None:
    body = {"metadata": {"annotations": {"example.com/at": str(time.time())}}}
    await api.request("PATCH", "/api/v1/nodes/gpu-00", body=body, content_type=MERGE_PATCH)


async def _labelled_a_node(api: Api, _pods: Pods) -> None:
    body = {"metadata": {"labels": {"example.com/at": str(time.time())}}}
    await api.request("PATCH", "/api/v1/nodes/gpu-00", body=body, content_type=MERGE_PATCH)


async def _room_on_a_node(api: Api, _pods: Pods) -> None:
    body = {"status": {"allocatable": {"example.com/card": str(int(time.time()))}}}
    await api.request("PATCH", "/api/v1/nodes/gpu-00/status", body=body, content_type=MERGE_PATCH)


async def _bound_another(api: Api, pods: Pods) -> None:
    await bind(api, pods.namespace, "other", "gpu-01")


@pytest.mark.parametrize(
    "happens",
    [_changed_itself, _labelled_itself, _annotated_a_node, _labelled_a_node, _room_on_a_node, _bound_another],
)
async def test_a_rejected_pod_is_tried_again_at_once_when_something_happens(
    api: Api, pods: Pods, extender: RecordingExtender, happens: Callable[[Api, Pods], Awaitable[None]]
) -> None:
    await pods.create("other", schedulerName=NOBODY)
    await pods.rejected("one")
    asked = len(extender.asked)
    await happens(api, pods)
    async with asyncio.timeout(_AT_ONCE_S):
        await until(lambda: len(extender.asked) > asked)


async def test_a_rejected_pod_is_tried_again_at_once_when_a_bound_one_is_gone(
    pods: Pods, extender: RecordingExtender
) -> None:
    await pods.create("other", nodeName="gpu-01", schedulerName=NOBODY)
    await pods.rejected("one")
    asked = len(extender.asked)
    await pods.delete("other")
    async with asyncio.timeout(_AT_ONCE_S):
        await until(lambda: len(extender.asked) > asked)


async def test_a_rejected_pod_is_tried_again_when_a_node_may_take_pods_again_not_when_it_may_not(
    api: Api, pods: Pods, extender: RecordingExtender
) -> None:
    async def change(*, unschedulable: bool) -> None:
        body = {"spec": {"unschedulable": unschedulable}}
        await api.request("PATCH", "/api/v1/nodes/gpu-00", body=body, content_type=MERGE_PATCH)

    await pods.rejected("one")
    asked = len(extender.asked)
    await change(unschedulable=True)
    await asyncio.sleep(0.3)
    quietly = len(extender.asked) == asked
    await change(unschedulable=False)
    await until(lambda: len(extender.asked) > asked)
    assert quietly
    assert len(extender.asked[-1].nodes) == 4


async def test_what_has_nothing_to_do_with_room_has_no_pod_tried_again(
    api: Api, pods: Pods, extender: RecordingExtender
) -> None:
    await pods.rejected("one")
    asked = len(extender.asked)
    body = {"metadata": {"name": "any"}}
    await api.request("POST", f"/api/v1/namespaces/{pods.namespace}/configmaps", body=body)
    await pods.create("unbound", schedulerName=NOBODY)
    await pods.delete("unbound")
    await asyncio.sleep(0.5)
    assert len(extender.asked) == asked


async def test_what_happens_during_a_pods_own_try_has_it_tried_again(pods: Pods, extender: RecordingExtender) -> None:
    await pods.create("other", nodeName="gpu-01", schedulerName=NOBODY)
    await pods.rejected("one")
    extender.hold("filter")
    asked = len(extender.asked)
    await pods.patch("one", {"metadata": {"annotations": {"kick": "1"}}})
    await until(lambda: len(extender.asked) == asked + 1)
    await pods.delete("other")
    await asyncio.sleep(0.2)
    extender.release("filter")
    async with asyncio.timeout(_AT_ONCE_S):
        await until(lambda: len(extender.asked) >= asked + 2)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"Error": "boom"}, "boom"),
        (web.Response(status=500), "failed filter with extender at URL {url}/filter, code 500"),
        (
            {"NodeNames": ["nowhere"]},
            'extender "{url}" claims a filtered node "nowhere" which is not found in the input node list',
        ),
    ],
)
async def test_an_error_is_told_and_tried_again_by_itself_after_a_second(
    pods: Pods, extender: RecordingExtender, answer: web.Response | Object, message: str
) -> None:
    extender.instead["filter"] = answer
    await pods.marked("one")
    assert await pods.until_told("one") == ("SchedulerError", message.format(url=extender.url))
    extender.instead.clear()
    await pods.until_bound("one")
    first, second = (each.at for each in extender.of("filter"))
    # A back-off of 1 s ends with the second of the clock that follows it.
    assert 0.9 < second - first < 2.5


async def test_an_error_of_one_pod_holds_up_no_other(pods: Pods, extender: RecordingExtender) -> None:
    def filter_(asked: Object, nodes: Sequence[str]) -> Object:
        return {"Error": "boom"} if asked["metadata"]["name"] == "bad" else {"NodeNames": list(nodes)}

    extender.filter = filter_
    await pods.marked("bad")
    await pods.marked("good")
    assert await pods.until_bound("good") in NODES


async def test_an_extender_that_does_not_answer_within_its_time_is_an_error(
    pods: Pods, extender: RecordingExtender
) -> None:
    extender.hold("filter")
    await pods.marked("one")
    reason, message = await pods.until_told("one")
    assert reason == "SchedulerError"
    assert message.endswith("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
    extender.release("filter")


async def test_a_binding_that_fails_is_told_and_tried_again_from_the_filters_on(
    pods: Pods, extender: RecordingExtender
) -> None:
    extender.instead["bind"] = {"Error": "not now"}
    await pods.marked("one")
    assert await pods.until_told("one") == ("SchedulerError", "not now")
    extender.instead.clear()
    await pods.until_bound("one")
    assert [each.verb for each in extender.asked if each.verb != "prioritize"] == ["filter", "bind"] * 2


async def test_a_binding_that_was_done_but_not_answered_in_time_is_not_tried_again(
    pods: Pods, extender: RecordingExtender
) -> None:
    extender.late_s["bind"] = 1.5
    await pods.marked("one")
    await pods.until_bound("one")
    await asyncio.sleep(3.5)
    assert len(extender.of("filter")) == 1


async def test_a_pod_that_another_binds_during_its_try_is_left_to_it(
    api: Api, pods: Pods, extender: RecordingExtender
) -> None:
    extender.hold("filter")
    await pods.marked("one")
    await until(lambda: bool(extender.asked))
    await bind(api, pods.namespace, "one", "gpu-03")
    await asyncio.sleep(0.2)
    extender.release("filter")
    await asyncio.sleep(0.5)
    assert not extender.of("bind")
    assert len(extender.of("filter")) == 1


# --- promised nodes ---


async def test_a_nominated_node_is_asked_about_first_and_alone(pods: Pods, extender: RecordingExtender) -> None:
    await pods.rejected("one")
    extender.filter = lambda _, nodes: {"NodeNames": list(nodes)}
    asked = len(extender.asked)
    await pods.patch("one", {"status": {"nominatedNodeName": "gpu-03"}}, "/status")
    assert await pods.until_bound("one") == "gpu-03"
    assert [(each.verb, each.body.get("NodeNames")) for each in extender.asked[asked:]] == [
        ("filter", ["gpu-03"]),
        ("bind", None),
    ]


async def test_where_the_nominated_node_does_not_fit_all_are_asked_about(
    pods: Pods, extender: RecordingExtender
) -> None:
    await pods.rejected("one")
    extender.filter = lambda _, nodes: {"NodeNames": ["gpu-01"] if len(nodes) > 1 else []}
    asked = len(extender.asked)
    await pods.patch("one", {"status": {"nominatedNodeName": "gpu-03"}}, "/status")
    assert await pods.until_bound("one") == "gpu-01"
    assert [each.nodes for each in extender.asked[asked:] if each.verb == "filter"] == [["gpu-03"], NODES]


async def test_a_nomination_ends_with_a_rejection(pods: Pods) -> None:
    await pods.rejected("one")
    await pods.patch("one", {"status": {"nominatedNodeName": "gpu-03"}}, "/status")
    await pods.until_promised_nothing("one")


# --- without an extender ---


async def test_the_default_scheduler_binds_by_itself_and_says_so(pods: Pods) -> None:
    await pods.create("plain")
    node = await pods.until_bound("plain")
    (event,) = await pods.events("plain", "Scheduled")
    assert event["type"] == "Normal"
    assert event["message"] == f"Successfully assigned {pods.namespace}/plain to {node}"


_PINNED = {"key": "metadata.name", "operator": "In", "values": ["gpu-02"]}
_HOSTNAME = {"kubernetes.io/hostname": "gpu-02"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"cpu": "97"}, "4 Insufficient cpu."),
        ({"cpu": "97", "nvidia.com/gpu": "9"}, "4 Insufficient cpu, 4 Insufficient nvidia.com/gpu."),
        ({"nodeSelector": {"a": "b"}}, "4 node(s) didn't match Pod's node affinity/selector."),
        (
            {"nodeSelector": _HOSTNAME, "cpu": "97"},
            "1 Insufficient cpu, 3 node(s) didn't match Pod's node affinity/selector.",
        ),
        (
            {"matchFields": [_PINNED], "cpu": "97"},
            "1 Insufficient cpu, 3 node(s) didn't satisfy plugin(s) [NodeAffinity].",
        ),
    ],
)
async def test_a_pod_that_fits_nowhere_is_told_why_by_the_count_of_nodes(
    pods: Pods, spec: dict[str, Any], message: str
) -> None:
    limits = {key: value for key, value in spec.items() if key in ("cpu", "nvidia.com/gpu")}
    wanted: dict[str, Any] = {"containers": [{"name": "main", "image": "x", "resources": {"limits": limits}}]}
    if "nodeSelector" in spec:
        wanted["nodeSelector"] = spec["nodeSelector"]
    if "matchFields" in spec:
        terms = {"nodeSelectorTerms": [{"matchFields": spec["matchFields"]}]}
        wanted["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    await pods.create("large", **wanted)
    told = f"0/4 nodes are available: {message} {PREEMPTION} 4 Preemption is not helpful for scheduling."
    assert await pods.until_told("large") == ("Unschedulable", told)


async def test_a_pod_that_waits_for_room_is_bound_when_another_leaves(pods: Pods) -> None:
    large = {"containers": [{"name": "main", "image": "x", "resources": {"limits": {"cpu": "60"}}}]}
    for number in range(4):
        await pods.create(f"there-{number}", **large)
    places = {await pods.until_bound(f"there-{number}") for number in range(4)}
    assert places == set(NODES)
    await pods.create("waiting", **large)
    await pods.until_told("waiting")
    left = await pods.until_bound("there-1")
    await pods.delete("there-1")
    assert await pods.until_bound("waiting") == left


async def test_a_small_pod_goes_to_the_emptiest_node(pods: Pods) -> None:
    def asking(cpu: str) -> dict[str, Any]:
        return {"containers": [{"name": "main", "image": "x", "resources": {"limits": {"cpu": cpu}}}]}

    for number, cpu in enumerate(("40", "30", "20")):
        await pods.create(f"there-{number}", nodeName=NODES[number], **asking(cpu))
    await asyncio.sleep(0.3)  # all schedulers have seen them
    await pods.create("small", **asking("1"))
    assert await pods.until_bound("small") == "gpu-03"
