"""What kube-scheduler looks at is followed while gangs want it, and where a part of it is refused, gangs hear which."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extender.core.gang.nothing_seen import NothingSeen
from extender.core.gang.surroundings import NOT_SEEN, Surroundings
from extender.core.ledger.ledger import Ledger
from extender.core.ledger.nodes import GpuNode, alike
from extender.core.predicates.demands import Resident
from extender.core.predicates.lodgers import Facts
from extender.core.predicates.scene import Scene
from extender.shell import cluster, pods, surroundings
from extender.shell.predicates.demands import demands_of
from extender.shell.surroundings import Following
from kube.client import MERGE_PATCH, Api, ApiError
from kube.constraints import ConstrainedPod, PersistentVolume, PersistentVolumeClaim
from kube.gangs import GANG
from kube.gpus import MARKER
from tests.extender.core.predicates import drawn
from tests.story.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from extender.core.model import SeenPod
    from extender.core.predicates.demands import PodDemands
    from extender.core.predicates.nodes import NodeFacts

PODS = "/api/v1/namespaces/default/pods"
COMPLETED = {"pv.kubernetes.io/bind-completed": "yes"}
LISTS = [
    "pods",
    "nodes",
    "namespaces",
    "persistentvolumeclaims",
    "persistentvolumes",
    "csinodes",
    "deviceclasses",
    "poddisruptionbudgets",
]


class Story:
    """Follows a cluster through an API server that refuses what `refuses` says, by status."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.refuses: dict[str, int] = {}
        self.lists: list[str] = []
        self.wanted = True
        self.ledger = Ledger()
        for name in ("gpu-00", "gpu-01", "elsewhere"):
            self.ledger.put_node(GpuNode(name, alike(2)))
        self.following = Following(cast("Api", self), lambda: self.wanted)

    async def request(self, method: str, path: str, **more: Any) -> bytes:
        kind = path.rpartition("/")[2]
        self.lists.append(kind)
        if kind in self.refuses:
            raise ApiError(self.refuses[kind], "Refused", f"{kind} are refused")
        return await self._api.request(method, path, **more)

    def stream(self, path: str, *, query: Mapping[str, str], silence_s: float) -> Any:
        return self._api.stream(path, query=query, silence_s=silence_s)

    def checks(self) -> Surroundings | NothingSeen | None:
        return self.following.checks(self.ledger)

    async def seen(self, true: Callable[[Surroundings], bool] = lambda _: True) -> Surroundings:
        """Wait until all is listed, and something is seen."""

        def is_seen() -> bool:
            checks = self.checks()
            return isinstance(checks, Surroundings) and true(checks)

        await until(is_seen)
        return cast("Surroundings", self.checks())

    def columns(self, fits: Any) -> list[str]:
        return [name for name in sorted(self.ledger.columns) if fits[self.ledger.columns[name]]]


@asynccontextmanager
async def following(api: Api, **refuses: int) -> AsyncIterator[Story]:
    story = Story(api)
    story.refuses = refuses
    running = asyncio.create_task(story.following.run())
    try:
        yield story
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def member(api: Api, name: str = "p", **spec: Any) -> SeenPod:
    body = {
        "metadata": {"name": name, "labels": {GANG: "g"}},
        "spec": {
            "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}],
            "schedulerName": "plimsoll",
            "schedulingGates": [{"name": GANG}],
            **spec,
        },
    }
    return cluster.seen_pod(msgspec.json.decode(await api.request("POST", PODS, body=body), type=pods.Pod))


def knows(pod: SeenPod) -> Callable[[Surroundings], bool]:
    return lambda checks: not checks.unknown(pod)


async def test_a_member_is_checked_against_every_node_of_ours(api: Api) -> None:
    pod = await member(api, nodeSelector={"kubernetes.io/hostname": "gpu-01"})
    async with following(api) as story:
        checks = await story.seen(knows(pod))
        assert story.columns(checks.fits(pod)) == ["gpu-01"]
        assert checks.why(pod, "gpu-01") == ""
        assert "node" in checks.why(pod, "gpu-00")
        assert checks.why(pod, "elsewhere") == NOT_SEEN


async def test_changes_are_followed_and_each_is_another_version(api: Api) -> None:
    pod = await member(api)
    async with following(api) as story:
        version = (await story.seen(knows(pod))).version
        body = {"spec": {"unschedulable": True}}
        await api.request("PATCH", "/api/v1/nodes/gpu-00", body=body, content_type=MERGE_PATCH)
        checks = await story.seen(lambda checks: checks.version > version)
        assert story.columns(checks.fits(pod)) == ["gpu-01"]
        await api.request("DELETE", f"{PODS}/p")
        assert (await story.seen(lambda checks: checks.unknown(pod) != "")).unknown(pod) == NOT_SEEN


async def test_a_member_that_is_bound_counts_on_its_node_and_is_no_candidate_any_more(api: Api) -> None:
    pod, ports = await member(api), [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]}]
    wants_port = await member(api, "q", containers=ports)
    async with following(api) as story:
        await story.seen(lambda checks: knows(pod)(checks) and knows(wants_port)(checks))
        taken = await member(api, "taken", containers=ports, schedulingGates=[])
        await bind(api, "taken", "gpu-00")
        checks = await story.seen(lambda checks: story.columns(checks.fits(wants_port)) == ["gpu-01"])
        assert checks.unknown(taken) == NOT_SEEN
        assert story.columns(checks.could(wants_port)) == ["gpu-00", "gpu-01"]


async def single(api: Api, name: str, **spec: Any) -> SeenPod:
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}, "limits": {MARKER: "1"}}}
    body = {"metadata": {"name": name}, "spec": {"containers": [container], "schedulerName": "plimsoll", **spec}}
    return cluster.seen_pod(msgspec.json.decode(await api.request("POST", PODS, body=body), type=pods.Pod))


async def test_a_single_pod_that_asks_for_gpus_of_ours_is_checked_and_one_that_does_not_is_not(api: Api) -> None:
    pod, plain = await single(api, "p"), [{"name": "c", "image": "i"}]
    without = await single(api, "q", containers=plain)
    async with following(api) as story:
        checks = await story.seen(knows(pod))
        assert story.columns(checks.fits(pod)) == ["gpu-00", "gpu-01"]
        assert checks.unknown(without) == NOT_SEEN


async def test_what_has_ended_waits_no_more(api: Api) -> None:
    pod = await single(api, "p")
    async with following(api) as story:
        await story.seen(knows(pod))
        body = {"status": {"phase": "Failed"}}
        await api.request("PATCH", f"{PODS}/p/status", body=body, content_type=MERGE_PATCH)
        await story.seen(lambda checks: checks.unknown(pod) == NOT_SEEN)


async def test_of_a_pod_on_a_node_facts_are_followed_without_a_new_version_of_what_makes_room(api: Api) -> None:
    pod, uid = await single(api, "p"), ""
    async with following(api) as story:
        await bind(api, "p", "gpu-00")
        uid = pod.key.uid
        checks = await story.seen(lambda checks: checks.facts(uid) is not None)
        scene, version = checks._seen().scene, checks.version
        body = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
        await api.request("PATCH", f"{PODS}/p/status", body=body, content_type=MERGE_PATCH)
        checks = await story.seen(lambda checks: bool((facts := checks.facts(uid)) and facts.ready))
        assert (checks.version, checks._seen().scene is scene) == (version, True)
        assert checks.requests_of(uid) == (("cpu", 1000), ("pods", 1))


async def test_budgets_are_followed(api: Api) -> None:
    path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    spec = {"selector": {}, "minAvailable": 0}
    await api.request("POST", path, body={"metadata": {"name": "b"}, "spec": spec})
    async with following(api) as story:
        checks = await story.seen(lambda checks: bool(checks.budgets))
        assert [(one.name, one.allowed) for one in checks.budgets] == [("b", 0)]
        version = checks.version
        await single(api, "p")
        body = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
        await api.request("PATCH", f"{PODS}/p/status", body=body, content_type=MERGE_PATCH)
        checks = await story.seen(lambda checks: [one.allowed for one in checks.budgets] == [1])
        assert checks.version > version
        await api.request("DELETE", f"{path}/b")
        await story.seen(lambda checks: checks.budgets == ())


async def bind(api: Api, name: str, node: str) -> None:
    body = {"metadata": {"name": name}, "target": {"kind": "Node", "name": node}}
    await api.request("POST", f"{PODS}/{name}/binding", body=body)


async def test_nothing_is_listed_as_long_as_there_is_no_gang(api: Api) -> None:
    async with following(api) as story:
        await story.seen()
    story = Story(api)
    story.wanted = False
    running = asyncio.create_task(story.following.run())
    await asyncio.sleep(0.05)
    assert (story.lists, story.checks()) == ([], None)
    running.cancel()


async def test_what_nobody_wants_any_more_is_forgotten_and_listed_anew_when_it_is_wanted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "_UNWANTED_S", 0.1)
    monkeypatch.setattr(surroundings, "_LOOK_S", 0.01)
    async with following(api) as story:
        version = (await story.seen()).version
        story.wanted = False
        await until(lambda: story.checks() is None)
        assert not any(story.following._known.values())
        story.lists.clear()
        story.wanted = True
        assert (await story.seen()).version > version
        assert set(story.lists) == set(LISTS)


@pytest.mark.parametrize("refused", LISTS)
async def test_a_list_that_is_forbidden_is_named_to_the_gangs_that_wait_for_it(api: Api, refused: str) -> None:
    pod = await member(api)
    async with following(api, **{refused: 403}) as story:
        await until(lambda: story.checks() is not None)
        checks = story.checks()
        assert isinstance(checks, NothingSeen)
        sentence = f"what kube-scheduler looks at cannot be listed: {refused}: {refused} are refused"
        assert checks.unknown(pod) == sentence
        assert not checks.fits(pod).any()
        story.refuses.clear()
        assert (await story.seen(knows(pod))).unknown(pod) == ""


@pytest.mark.parametrize("kind", LISTS[3:])
@pytest.mark.parametrize("status", [404, 501])
async def test_where_nothing_serves_what_not_every_cluster_has_there_is_none(api: Api, kind: str, status: int) -> None:
    async with following(api, **{kind: status}) as story:
        await story.seen()


@pytest.mark.parametrize("status", [0, -1, 429, 500, 503])
async def test_an_api_server_that_is_busy_or_away_is_waited_for(api: Api, status: int) -> None:
    async with following(api, csinodes=status) as story:
        await until(lambda: "csinodes" in story.lists)
        await asyncio.sleep(0.05)
        assert story.checks() is None


async def test_what_cannot_be_understood_ends_it_loudly(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> object:
        raise ValueError("we are wrong")

    monkeypatch.setattr(surroundings, "_read", broken)
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(Story(api).following.run(), 5.0)


def watches() -> int:
    return sum("Following._follow_one" in repr(task) for task in asyncio.all_tasks())


async def test_its_end_ends_every_watch(api: Api) -> None:
    async with following(api) as story:
        await story.seen()
        assert watches() == len(LISTS)
    assert watches() == 0


def test_what_a_pod_demands_is_read_again_only_where_the_pod_or_its_volumes_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def reading(pod: ConstrainedPod, *more: Any) -> PodDemands:
        read.append(pod.metadata.name)
        return demands_of(pod, *more)

    monkeypatch.setattr(surroundings, "demands_of", reading)
    story = Following(cast("Api", None), lambda: True)
    for name in ("p", "q"):
        spec = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]} if name == "p" else {}
        pod = {"metadata": {"name": name, "namespace": "default"}, "spec": spec}
        story._known[surroundings._PODS][name] = msgspec.convert(pod, ConstrainedPod)
    assert read == []
    assert "c" in str(story._seen().demands["p"].unmodelled)
    assert read == ["p"]
    assert story._seen().demands["q"].unmodelled == ()
    story._changed(surroundings._NODES, "n")
    story._changed(surroundings._BUDGETS, "b")
    story._changed(surroundings._PODS, "q")
    assert dict(story._seen().demands).keys() == {"p", "q"}
    assert read == ["p", "q", "q"]
    bound = {"spec": {"volumeName": "v"}, "status": {"phase": "Bound"}, "metadata": {"annotations": COMPLETED}}
    volume = {"metadata": {"name": "v"}, "spec": {"claimRef": {"namespace": "default", "name": "c"}}}
    story._known[surroundings._CLAIMS]["default", "c"] = msgspec.convert(bound, PersistentVolumeClaim)
    story._known[surroundings._VOLUMES]["v"] = msgspec.convert(volume, PersistentVolume)
    story._changed(surroundings._CLAIMS, ("default", "c"))
    assert story._seen().demands["p"].unmodelled == ()


@given(drawn.nodes(), st.data())
def test_the_scene_that_follows_what_changes_answers_as_one_made_anew(
    nodes: list[NodeFacts], data: st.DataObject
) -> None:
    story = Following(cast("Api", None), lambda: True)
    for node in nodes:
        story._put(surroundings._NODES, node.name, node)
    for name, labels in drawn.NAMESPACES.items():
        story._put(surroundings._NAMESPACES, name, labels)
    lodgers = st.builds(Facts, drawn.residents, st.sampled_from([node.name for node in nodes]), ready=st.booleans())
    moves = st.lists(st.tuples(st.sampled_from("pqr"), st.none() | lodgers, st.booleans()), max_size=8)
    for uid, what, looks in data.draw(moves):
        if what is not None:
            story._put(surroundings._PODS, uid, what)
        elif (was := story._known[surroundings._PODS].pop(uid, None)) is not None:
            story._changed(surroundings._PODS, uid, was)
        if looks:
            story._seen()
    known = story._known[surroundings._PODS]
    assert story._seen().residents == known
    in_order = sorted(nodes, key=lambda node: node.name)
    anew = Scene(in_order, [(one.resident, one.node) for one in known.values()], drawn.NAMESPACES)
    for demands in data.draw(st.lists(drawn.demands, min_size=1, max_size=2)):
        assert story._seen().scene.checks(demands).fits.tolist() == anew.checks(demands).fits.tolist()


def test_the_scene_is_made_anew_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_MOST_CHANGES", 2)
    story = Following(cast("Api", None), lambda: True)
    grounds = []
    for number in range(4):
        story._put(surroundings._PODS, f"p{number}", Facts(Resident("a"), "n"))
        grounds.append(story._seen().scene._ground)
    assert [ground is grounds[0] for ground in grounds] == [True, True, True, False]


def passing(following: Following, number: int) -> None:
    """Let a pod on a node come and go."""
    body = {
        "metadata": {"name": f"p-{number}", "namespace": "ns", "uid": f"u-{number}"},
        "spec": {"nodeName": "gpu-00", "containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
        "status": {"phase": "Running"},
    }
    key, what = surroundings._read(msgspec.convert(body, ConstrainedPod))
    assert what is not None
    following._put("/api/v1/pods", key, what)
    following._changed("/api/v1/pods", key, following._known["/api/v1/pods"].pop(key))


def test_of_pods_that_come_and_go_while_nobody_asks_or_not_all_is_listed_little_is_remembered() -> None:
    following = Following(cast("Api", None), lambda: True)
    for number in range(3000):
        passing(following, number)
    assert len(following._since) == 0, "there is no scene that they could have changed"
    scene = following._seen().scene
    for number in range(3000):
        passing(following, number)
    assert len(following._since) <= surroundings._MOST_CHANGES
    assert following._seen().scene is not scene
